"""Groups, pairs and their members as rows of tables."""

from console.present import fields, formats
from console.present.states import State
from console.present.suspects import Found, Member, uids
from console.present.table import Cell, Column, Table
from console.present.text import Tone


def _found(row: Found) -> State:
    return State("●", row.what, "") if row.is_verdict else State("○", row.what, "muted")


def _suspicion(row: Found) -> Cell:
    tone: Tone = "err" if row.is_verdict else "warn"
    return Cell(_likelihood(row.suspects.suspicion), tone)


def _likelihood(suspicion: float) -> str:
    return f"{suspicion:.2f}" if suspicion else formats.UNKNOWN


def _taken(share: float) -> str:
    return f"-{formats.percent(share)}" if share else formats.UNKNOWN


SUSPECTS: Table[Found] = Table(
    name="suspects",
    empty="nobody acts as one with another, as far as the rounds show",
    key=lambda row: row.key,
    sort="suspicion",
    descending=True,
    columns=(
        fields.state(
            "found",
            "FOUND",
            7,
            _found,
            "a group or a copy is a verdict, a hint less; or a penalty alone",
            priority=0,
        ),
        Column(
            id="suspicion",
            title="SUSP",
            width=4,
            align="right",
            priority=0,
            cell=lambda row, _now: _suspicion(row),
            value=lambda row: row.is_verdict + row.suspects.suspicion,
            about="how likely it is that they are one, 0 to 1",
        ),
        Column(
            id="uids",
            title="UIDS",
            width=14,
            priority=0,
            cell=lambda row, _now: Cell(uids(row.suspects)),
            value=lambda row: row.suspects.uids[0] if row.suspects.uids else -1,
            about="who they are, and behind the arrow whom they copy",
        ),
        fields.text("names", "NAMES", 28, lambda row: row.names, "what they are called", tone="accent", priority=3),
        fields.text("penalty", "PENALTY", 22, lambda row: row.penalty, "what becomes of their weights", priority=0),
        Column(
            id="evidence",
            title="EVIDENCE",
            width=20,
            priority=1,
            grows=True,
            cell=lambda row, _now: Cell("; ".join(row.suspects.evidence), "muted"),
            value=lambda row: len(row.suspects.evidence),
            about="what speaks for it, the strongest first",
        ),
    ),
)

MEMBERS: Table[Member] = Table(
    name="suspected",
    empty="nobody",
    key=lambda row: row.hotkey,
    sort="suspicion",
    descending=True,
    columns=(
        fields.uid(lambda row: row.uid),
        fields.named(lambda row: row.name, lambda row: row.hotkey, 17, priority=1, grows=True),
        fields.hotkey(lambda row: row.hotkey, priority=4),
        fields.number(
            "suspicion",
            "SUSP",
            4,
            lambda row: row.suspicion,
            _likelihood,
            "how likely it is that it is one with another",
            priority=0,
        ),
        fields.number(
            "takes",
            "TAKES",
            5,
            lambda row: row.takes,
            _taken,
            "the share of its score that the penalty takes, or would take",
            priority=0,
        ),
        fields.share("planned", "PLAN", lambda row: row.planned, "the weight that would be set now", priority=2),
        fields.state(
            "penalty",
            "PENALTY",
            13,
            lambda row: row.state,
            "shown, in the next window, applied, held back, or spared by the bound",
            priority=0,
        ),
    ),
)
