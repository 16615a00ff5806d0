"""Miners as rows of a table."""

from console.present import formats, states
from console.present.table import Cell, Column, Table
from engine.snapshot import MinerView

HISTORY = 16


def _state(miner: MinerView, _now: float) -> Cell:
    state = states.of_miner(miner)
    return Cell(state.text, state.tone)


def _change(miner: MinerView, _now: float) -> Cell:
    change = miner.ema - miner.ema_before
    if abs(change) < 0.0005:
        return Cell("=.000", "muted")
    return Cell(f"{'▲' if change > 0 else '▼'}{abs(change):.3f}".replace("0.", ".", 1), "ok" if change > 0 else "warn")


def _answered(miner: MinerView) -> float:
    asked = miner.answered + miner.failed
    return miner.answered / asked if asked else 0.0


MINERS: Table[MinerView] = Table(
    name="miners",
    key=lambda miner: miner.hotkey,
    sort="ema",
    descending=True,
    columns=(
        Column(
            id="uid",
            title="UID",
            width=4,
            align="right",
            priority=0,
            cell=lambda miner, _now: Cell(str(miner.uid)),
            value=lambda miner: miner.uid,
            about="the place in the metagraph",
        ),
        Column(
            id="name",
            title="NAME",
            width=12,
            priority=2,
            grows=True,
            cell=lambda miner, _now: Cell(miner.name or formats.UNKNOWN),
            value=lambda miner: miner.name,
            about="the name that the operator or the demo gave it",
        ),
        Column(
            id="hotkey",
            title="HOTKEY",
            width=9,
            priority=6,
            cell=lambda miner, _now: Cell(formats.hotkey(miner.hotkey), "muted"),
            value=lambda miner: miner.hotkey,
            about="its address",
        ),
        Column(
            id="stake",
            title="STAKE",
            width=9,
            align="right",
            priority=8,
            cell=lambda miner, _now: Cell(formats.tau(miner.stake)),
            value=lambda miner: miner.stake or 0.0,
            about="tokens staked on it",
        ),
        Column(
            id="ema",
            title="EMA",
            width=6,
            align="right",
            priority=0,
            cell=lambda miner, _now: Cell(f"{miner.ema:.4f}", "accent"),
            value=lambda miner: miner.ema,
            about="its score, averaged over its last rounds",
        ),
        Column(
            id="change",
            title="Δ",
            width=5,
            align="right",
            priority=3,
            cell=_change,
            value=lambda miner: miner.ema - miner.ema_before,
            about="what the last round changed of its score",
        ),
        Column(
            id="history",
            title="HISTORY",
            width=HISTORY,
            priority=7,
            cell=lambda miner, _now: Cell(formats.spark(miner.ema_history, HISTORY, top=1.0), "accent"),
            value=lambda miner: miner.ema,
            about="its score over the last rounds",
        ),
        Column(
            id="emission",
            title="LAST",
            width=6,
            align="right",
            priority=9,
            cell=lambda miner, _now: Cell(f"{miner.last_emission:.4f}"),
            value=lambda miner: miner.last_emission,
            about="what the last round was worth",
        ),
        Column(
            id="weight",
            title="WEIGHT",
            width=6,
            align="right",
            priority=1,
            cell=lambda miner, _now: Cell(formats.share(miner.weight)),
            value=lambda miner: miner.weight,
            about="its weight on chain",
        ),
        Column(
            id="planned",
            title="PLAN",
            width=6,
            align="right",
            priority=1,
            cell=lambda miner, _now: Cell(formats.share(miner.planned)),
            value=lambda miner: miner.planned,
            about="the weight that would be set now",
        ),
        Column(
            id="incentive",
            title="INC",
            width=6,
            align="right",
            priority=7,
            cell=lambda miner, _now: Cell(formats.share(miner.incentive or 0.0)),
            value=lambda miner: miner.incentive or 0.0,
            about="its incentive on chain",
        ),
        Column(
            id="latency",
            title="LAT",
            width=6,
            align="right",
            priority=4,
            cell=lambda miner, _now: Cell(formats.milliseconds(miner.latency_ms)),
            value=lambda miner: miner.latency_ms,
            about="how long it usually takes",
        ),
        Column(
            id="ok",
            title="OK%",
            width=4,
            align="right",
            priority=4,
            cell=lambda miner, _now: Cell(formats.percent(_answered(miner))),
            value=_answered,
            about="the share of questions that it answered",
        ),
        Column(
            id="seen",
            title="SEEN",
            width=6,
            align="right",
            priority=5,
            cell=lambda miner, now: Cell(formats.age(miner.last_answer_at, now)),
            value=lambda miner: -miner.last_answer_at,
            about="when it last answered",
        ),
        Column(
            id="state",
            title="STATE",
            width=9,
            priority=0,
            cell=_state,
            value=lambda miner: states.of_miner(miner).word,
            about="whether it answers",
        ),
        Column(
            id="note",
            title="NOTE",
            width=20,
            priority=10,
            cell=lambda miner, _now: Cell(miner.note, "muted"),
            value=lambda miner: miner.note,
            about="what its server says, or why it is not asked",
        ),
    ),
)
