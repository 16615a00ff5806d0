"""Planned weights, past submissions and commands as rows of tables."""

from console.present import formats, states
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
    key=lambda row: row.hotkey,
    sort="change",
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
            priority=2,
            grows=True,
            cell=lambda row, _now: Cell(row.name or formats.hotkey(row.hotkey, 17)),
            value=lambda row: row.name or row.hotkey,
            about="what the miner is called, else its address",
        ),
        Column(
            id="hotkey",
            title="HOTKEY",
            width=9,
            priority=5,
            cell=lambda row, _now: Cell(formats.hotkey(row.hotkey), "muted"),
            value=lambda row: row.hotkey,
            about="its address",
        ),
        Column(
            id="ema",
            title="EMA",
            width=6,
            align="right",
            priority=3,
            cell=lambda row, _now: Cell(f"{row.ema:.4f}", "accent"),
            value=lambda row: row.ema,
            about="its score, averaged over its last rounds",
        ),
        Column(
            id="planned",
            title="PROPOSED",
            width=8,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(formats.share(row.planned)),
            value=lambda row: row.planned,
            about="the share that would be set now",
        ),
        Column(
            id="u16",
            title="U16",
            width=5,
            align="right",
            priority=6,
            cell=lambda row, _now: Cell(str(row.u16), "muted"),
            value=lambda row: row.u16,
            about="the number that would be sent, 65535 for the largest",
        ),
        Column(
            id="chain",
            title="ON-CHAIN",
            width=8,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(formats.share(row.on_chain)),
            value=lambda row: row.on_chain,
            about="the share that is on chain",
        ),
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


def _outcome(row: PlanView | CommandView) -> Cell:
    state = states.of_outcome(row.outcome)
    return Cell(state.text, state.tone)


def _top(row: PlanView, _now: float) -> Cell:
    """Who gets most in a submission; the largest weight is always sent as 65535."""
    best = max(zip(row.weights_u16, row.uids, strict=True), default=None)
    return Cell(f"uid {best[1]}" if best else formats.UNKNOWN)


SUBMISSIONS: Table[PlanView] = Table(
    name="submissions",
    key=lambda row: f"{row.at} {row.block}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        Column(
            id="time",
            title="TIME",
            width=8,
            priority=0,
            cell=lambda row, _now: Cell(formats.clock(row.at), "muted"),
            value=lambda row: row.at,
            about="when the outcome was known",
        ),
        Column(
            id="block",
            title="BLOCK",
            width=10,
            align="right",
            priority=3,
            cell=lambda row, _now: Cell(f"{row.block:,}"),
            value=lambda row: row.block,
            about="the block it was planned at",
        ),
        Column(
            id="outcome",
            title="OUTCOME",
            width=11,
            priority=0,
            cell=lambda row, _now: _outcome(row),
            value=lambda row: states.of_outcome(row.outcome).word,
            about="what the chain made of it",
        ),
        Column(
            id="uids",
            title="UIDS",
            width=5,
            align="right",
            priority=2,
            cell=lambda row, _now: Cell(str(len(row.uids))),
            value=lambda row: len(row.uids),
            about="how many miners were in it",
        ),
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
        Column(
            id="reason",
            title="REASON",
            width=12,
            priority=1,
            grows=True,
            cell=lambda row, _now: Cell(row.reason, "muted"),
            value=lambda row: row.reason,
            about="why it was not set",
        ),
    ),
)


COMMANDS: Table[CommandView] = Table(
    name="commands",
    key=lambda row: f"{row.at} {row.name} {row.detail}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        Column(
            id="time",
            title="TIME",
            width=8,
            priority=0,
            cell=lambda row, _now: Cell(formats.clock(row.at), "muted"),
            value=lambda row: row.at,
            about="when it was done",
        ),
        Column(
            id="command",
            title="COMMAND",
            width=13,
            priority=0,
            cell=lambda row, _now: Cell(row.name),
            value=lambda row: row.name,
            about="what was asked for",
        ),
        Column(
            id="detail",
            title="WITH",
            width=20,
            priority=2,
            cell=lambda row, _now: Cell(row.detail, "muted"),
            value=lambda row: row.detail,
            about="what it was asked with",
        ),
        Column(
            id="outcome",
            title="OUTCOME",
            width=11,
            priority=0,
            cell=lambda row, _now: _outcome(row),
            value=lambda row: states.of_outcome(row.outcome).word,
            about="what became of it",
        ),
        Column(
            id="reason",
            title="REASON",
            width=12,
            priority=1,
            grows=True,
            cell=lambda row, _now: Cell(row.reason, "muted"),
            value=lambda row: row.reason,
            about="why it was refused, in the chain's or the engine's words",
        ),
    ),
)
