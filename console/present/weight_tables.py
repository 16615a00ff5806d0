"""Planned weights, past submissions and commands as rows of tables."""

from console.present import fields, formats, states
from console.present.table import Cell, Column, Table
from console.present.text import Tone
from console.present.weights import Change, signed
from engine.snapshot import CommandView, PlanView

BAR = 12


def _tone(row: Change) -> Tone:
    if not row.differs:
        return "muted"
    return "ok" if row.change > 0 else "warn"


def _bar(row: Change, _now: float) -> Cell:
    return Cell(formats.bar(abs(row.change) / row.largest, BAR) if row.differs else "", _tone(row))


def _penalty(row: Change, _now: float) -> Cell:
    """What is taken, or would be; the word where nothing is."""
    if row.penalty is None:
        return Cell("")
    state = states.PENALTIES[row.penalty.state]
    nothing = row.penalty.state in ("held", "spared", "off")
    what = state.word.removesuffix(" back") if nothing else f"-{formats.percent(row.penalty.takes)}"
    return Cell(f"{state.glyph} {what}", state.tone)


CHANGES: Table[Change] = Table(
    name="weights",
    empty="no miners yet",
    key=lambda row: row.hotkey,
    sort="change",
    descending=True,
    columns=(
        fields.uid(lambda row: row.uid),
        fields.named(lambda row: row.name, lambda row: row.hotkey, 17, priority=2, grows=True),
        fields.hotkey(lambda row: row.hotkey, priority=5),
        fields.ema(lambda row: row.ema, priority=3),
        fields.share("planned", "PROPOSED", lambda row: row.planned, "the share that would be set now", priority=0),
        fields.number(
            "u16",
            "U16",
            5,
            lambda row: row.u16,
            str,
            "the number that would be sent, 65535 for the largest",
            tone="muted",
            priority=6,
        ),
        fields.share("chain", "ON-CHAIN", lambda row: row.on_chain, "the share that is on chain", priority=0),
        Column(
            id="change",
            title="Δ",
            width=7,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(signed(row.change), _tone(row)),
            value=lambda row: abs(row.change) if row.differs else 0.0,
            about="how much the plan would change it",
        ),
        Column(
            id="bar",
            title="",
            width=BAR,
            priority=4,
            cell=_bar,
            value=lambda row: row.change,
            about="the change, beside the largest one",
        ),
        Column(
            id="penalty",
            title="PENALTY",
            width=8,
            priority=3,
            cell=_penalty,
            value=lambda row: row.penalty.takes if row.penalty else 0.0,
            about="the share of its score that the sybil penalty takes: ✗ now, ▲ from the next window on, ● shown only",
        ),
    ),
)


def _outcome(row: PlanView | CommandView) -> states.State:
    return states.of_outcome(row.outcome)


def _top(row: PlanView, _now: float) -> Cell:
    """Who gets most in a submission; the largest weight is always sent as 65535."""
    best = max(zip(row.weights_u16, row.uids, strict=True), default=None)
    return Cell(f"uid {best[1]}" if best else formats.UNKNOWN)


SUBMISSIONS: Table[PlanView] = Table(
    name="submissions",
    empty="nothing was sent yet",
    key=lambda row: f"{row.at} {row.block}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.at, "when the outcome was known"),
        fields.number(
            "block", "BLOCK", 10, lambda row: row.block, "{:,}".format, "the block it was planned at", priority=3
        ),
        fields.state("outcome", "OUTCOME", 11, _outcome, "what the chain made of it", priority=0),
        fields.number("uids", "UIDS", 5, lambda row: len(row.uids), str, "how many miners were in it", priority=2),
        Column(
            id="top",
            title="TOP",
            width=7,
            priority=4,
            cell=_top,
            value=lambda row: max(zip(row.weights_u16, row.uids, strict=True), default=(0, -1))[1],
            about="who was given most",
        ),
        Column(
            id="mode",
            title="MODE",
            width=9,
            priority=5,
            cell=lambda row, _now: Cell(row.mode, "" if row.mode == "normal" else "warn"),
            value=lambda row: row.mode,
            about="how old an answer may have been to count",
        ),
        fields.text("reason", "REASON", 12, lambda row: row.reason, "why it was not set", tone="muted", grows=True),
    ),
)


COMMANDS: Table[CommandView] = Table(
    name="commands",
    empty="nothing was done by hand yet: x has the actions",
    key=lambda row: f"{row.at} {row.name} {row.detail}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.at, "when it was done"),
        fields.text("command", "COMMAND", 15, lambda row: row.name, "what was asked for", priority=0),
        fields.text("detail", "WITH", 18, lambda row: row.detail, "what it was asked with", tone="muted", priority=2),
        fields.state("outcome", "OUTCOME", 11, _outcome, "what became of it", priority=0),
        fields.text(
            "reason",
            "REASON",
            12,
            lambda row: row.reason,
            "why it was refused, in the chain's or the engine's words",
            tone="muted",
            grows=True,
        ),
    ),
)
