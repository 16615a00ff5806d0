"""Miners as rows of a table."""

from console.present import fields, formats, states
from console.present.table import Cell, Column, Table
from engine.snapshot import MinerView

HISTORY = 16
"""The columns of a miner's last scores."""


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
    empty="no miners yet: a validator reads them from the chain",
    opens="miner",
    key=lambda miner: miner.hotkey,
    sort="ema",
    descending=True,
    columns=(
        fields.uid(lambda miner: miner.uid),
        fields.named(lambda miner: miner.name, lambda miner: miner.hotkey, 12, priority=2, grows=True),
        fields.hotkey(lambda miner: miner.hotkey, priority=6),
        Column(
            id="stake",
            title="STAKE",
            width=9,
            align="right",
            priority=8,
            cell=lambda miner, _now: Cell(formats.tau(miner.stake)),
            value=lambda miner: miner.stake or 0.0,
            about="its stake",
            plain=lambda miner: miner.stake,
        ),
        fields.ema(lambda miner: miner.ema, priority=0),
        Column(
            id="change",
            title="CHANGE",
            width=6,
            align="right",
            priority=3,
            cell=_change,
            value=lambda miner: miner.ema - miner.ema_before,
            about="change of its EMA in the last round",
            plain=lambda miner: fields.rounded(miner.ema - miner.ema_before),
        ),
        Column(
            id="history",
            title="HISTORY",
            width=HISTORY,
            priority=7,
            cell=lambda miner, _now: Cell(formats.spark(miner.ema_history, HISTORY, top=1.0), "accent"),
            value=lambda miner: miner.ema,
            about="its EMA over the last rounds",
            plain=lambda miner: " ".join(f"{value:.4f}" for value in miner.ema_history),
        ),
        fields.number(
            "emission",
            "REWARD",
            6,
            lambda miner: miner.last_emission,
            "{:.4f}".format,
            "its reward in the last round",
            priority=9,
        ),
        fields.share("weight", "CHAIN", lambda miner: miner.weight, "its weight on chain"),
        fields.share("planned", "PLAN", lambda miner: miner.planned, "its planned weight"),
        fields.share(
            "incentive", "INCENTIVE", lambda miner: miner.incentive or 0.0, "its incentive on chain", priority=7
        ),
        fields.took("latency", "MEDIAN", lambda miner: miner.latency_ms, "median time of its answers", priority=4),
        fields.number("ok", "OK%", 4, _answered, formats.percent, "share of questions answered", priority=4),
        fields.age("seen", "SEEN", lambda miner: miner.last_answer_at, "when it last answered", priority=5),
        fields.state("state", "STATE", 9, states.of_miner, "whether it answers, cheats, and is paid", priority=0),
        fields.text(
            "dialect",
            "DIALECT",
            8,
            lambda miner: miner.dialect or formats.UNKNOWN,
            "the dialect in which it is asked",
            tone="muted",
            priority=8,
        ),
        fields.text(
            "note",
            "NOTE",
            20,
            lambda miner: miner.note,
            "what its server reports, or why it is not asked",
            tone="muted",
            priority=10,
        ),
    ),
)
