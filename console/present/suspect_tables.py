"""Groups, pairs and their members as rows of tables."""

from console.present import formats
from console.present.suspects import Found, Member, uids
from console.present.table import Cell, Column, Table
from console.present.text import Tone


def _what(row: Found) -> Cell:
    return Cell("○ hint", "muted") if row.what == "hint" else Cell(f"● {row.what}")


def _suspicion(value: float, what: str) -> Cell:
    tone: Tone = "warn" if what == "hint" else "err"
    return Cell(f"{value:.2f}", tone)


SUSPECTS: Table[Found] = Table(
    name="suspects",
    key=lambda row: row.key,
    sort="suspicion",
    descending=True,
    columns=(
        Column(
            id="found",
            title="FOUND",
            width=7,
            priority=0,
            cell=lambda row, _now: _what(row),
            value=lambda row: row.what,
            about="a group or a copy is a verdict, a hint is less",
        ),
        Column(
            id="suspicion",
            title="SUSP",
            width=4,
            align="right",
            priority=0,
            cell=lambda row, _now: _suspicion(row.suspects.suspicion, row.what),
            value=lambda row: (row.what != "hint") + row.suspects.suspicion,
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
        Column(
            id="names",
            title="NAMES",
            width=28,
            priority=3,
            cell=lambda row, _now: Cell(row.names, "accent"),
            value=lambda row: row.names,
            about="what they are called",
        ),
        Column(
            id="penalty",
            title="PENALTY",
            width=22,
            priority=0,
            cell=lambda row, _now: Cell(row.penalty),
            value=lambda row: row.penalty,
            about="what becomes of their weights",
        ),
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
    key=lambda row: row.hotkey,
    sort="suspicion",
    descending=True,
    columns=(
        Column(
            id="uid",
            title="UID",
            width=4,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(str(row.uid)),
            value=lambda row: row.uid,
            about="the place in the metagraph",
        ),
        Column(
            id="name",
            title="NAME",
            width=12,
            priority=1,
            grows=True,
            cell=lambda row, _now: Cell(row.name or formats.hotkey(row.hotkey, 17)),
            value=lambda row: row.name or row.hotkey,
            about="what it is called, else its address",
        ),
        Column(
            id="hotkey",
            title="HOTKEY",
            width=9,
            priority=4,
            cell=lambda row, _now: Cell(formats.hotkey(row.hotkey), "muted"),
            value=lambda row: row.hotkey,
            about="its address",
        ),
        Column(
            id="suspicion",
            title="SUSP",
            width=4,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(f"{row.suspicion:.2f}" if row.suspicion else formats.UNKNOWN),
            value=lambda row: row.suspicion,
            about="how likely it is that it is one with another",
        ),
        Column(
            id="takes",
            title="TAKES",
            width=5,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(f"-{formats.percent(row.takes)}" if row.takes else formats.UNKNOWN),
            value=lambda row: row.takes,
            about="the share of its score that the penalty takes, or would take",
        ),
        Column(
            id="planned",
            title="PLAN",
            width=6,
            align="right",
            priority=2,
            cell=lambda row, _now: Cell(formats.share(row.planned)),
            value=lambda row: row.planned,
            about="the weight that would be set now",
        ),
        Column(
            id="penalty",
            title="PENALTY",
            width=13,
            priority=0,
            cell=lambda row, _now: Cell(row.state.text, row.state.tone),
            value=lambda row: row.state.word,
            about="shown, in the next window, applied, held back, or spared by the bound",
        ),
    ),
)
