"""The command log: what was asked of the engine or the chain, and its outcome."""

from console.present import fields, formats, states
from console.present.table import Table
from console.present.text import Line, facts, line, wrapped
from engine.commands import in_words
from engine.snapshot import CommandView


def command(view: CommandView, width: int) -> list[Line]:
    """A command with its arguments and its outcome."""
    known = facts(
        (
            ("time", line(formats.clock(view.at))),
            ("command", line(in_words(view.name))),
            ("with", line(view.detail or formats.UNKNOWN)),
            ("outcome", line(states.of_outcome(view.outcome).span)),
        ),
    )
    return [*known, *map(line, wrapped(view.reason, width) if view.reason else ())]


COMMANDS: Table[CommandView] = Table(
    name="commands",
    empty="no commands yet: x lists the actions",
    key=lambda row: f"{row.at} {row.name} {row.detail}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.at, "when it was given"),
        fields.text("command", "COMMAND", 15, lambda row: in_words(row.name), "the command", priority=0),
        fields.text("detail", "WITH", 18, lambda row: row.detail, "its arguments", tone="muted", priority=2),
        fields.state("outcome", "OUTCOME", 11, lambda row: states.of_outcome(row.outcome), "its outcome", priority=0),
        fields.text(
            "reason",
            "REASON",
            12,
            lambda row: row.reason,
            "why it was refused, in the words of the chain or the engine",
            tone="muted",
            grows=True,
        ),
    ),
)
