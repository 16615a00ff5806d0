"""What a plan of weights would change on chain, miner by miner."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from console.present import formats
from console.present.text import BLANK, Line, Span, fit, line
from engine.snapshot import MinerView, PenaltyView, PlanView, Snapshot
from engine.values import max_upscale

SAME_BELOW = 0.00005
"""Smaller differences of weights are not visible in four digits."""

CHANGES_SHOWN = 8
"""Miners listed in a confirmation: as many as fit on 24 rows."""


class WeightChange(Struct, frozen=True, kw_only=True):
    """What a plan would change for one miner. Weights are shares; `largest` is the largest change of the whole plan;
    `penalty` is what becomes of a suspect."""

    uid: int
    hotkey: str
    name: str
    ema: float
    planned: float
    u16: int
    on_chain: float
    largest: float
    penalty: PenaltyView | None = None

    @property
    def change(self) -> float:
        return self.planned - self.on_chain

    @property
    def differs(self) -> bool:
        """Whether the change is more than rounding."""
        return abs(self.change) >= SAME_BELOW


def changes(snapshot: Snapshot) -> tuple[WeightChange, ...]:
    """The planned weights beside those on chain, one row a miner."""
    planned = [miner.planned for miner in snapshot.miners]
    penalties = {one.hotkey: one for one in snapshot.sybil.penalties} if snapshot.sybil else {}
    found = _changes(snapshot.miners, planned, max_upscale(planned) if any(planned) else (0,) * len(planned))
    return tuple(replace(row, penalty=penalties.get(row.hotkey)) for row in found)


def changes_by(plan: PlanView, miners: Sequence[MinerView]) -> tuple[WeightChange, ...]:
    """The weights of an earlier plan beside those on chain, one row a miner."""
    sent, total = dict(zip(plan.uids, plan.weights_u16, strict=True)), sum(plan.weights_u16)
    scaled = [sent.get(miner.uid, 0) for miner in miners]
    return _changes(miners, [u16 / total if total else 0.0 for u16 in scaled], scaled)


def _changes(miners: Sequence[MinerView], planned: Sequence[float], scaled: Sequence[int]) -> tuple[WeightChange, ...]:
    largest = max((abs(share - miner.weight) for miner, share in zip(miners, planned, strict=True)), default=0.0)
    return tuple(
        WeightChange(
            uid=miner.uid,
            hotkey=miner.hotkey,
            name=miner.name,
            ema=miner.ema,
            planned=share,
            u16=u16,
            on_chain=miner.weight,
            largest=largest,
        )
        for miner, share, u16 in zip(miners, planned, scaled, strict=True)
    )


def change_caption(rows: Sequence[WeightChange]) -> str:
    """The share of all weight that would change hands, and the largest change: "4.1% changes hands max ▲.0061 uid
    12".
    """
    most = max(rows, key=lambda row: abs(row.change), default=None)
    if most is None or not most.differs:
        return "no change"
    total = sum(abs(row.change) for row in rows)
    return f"{total / 2:.1%} changes hands  max {signed(most.change)} uid {most.uid}"


def signed(change: float) -> str:
    """A difference of weights with its direction: "▲.0061"."""
    if abs(change) < SAME_BELOW:
        return "= 0"
    return f"{'▲' if change > 0 else '▼'}{formats.share(abs(change))}"


def difference(rows: Sequence[WeightChange]) -> list[Line]:
    """What would change, the largest change first."""
    largest = sorted((row for row in rows if row.differs), key=lambda row: -abs(row.change))
    more = len(largest) - CHANGES_SHOWN
    weighted = sum(row.planned > 0 for row in rows)
    gets = "miner gets" if weighted == 1 else "miners get"
    head = [BLANK, line(f"{weighted} {gets} weight  {change_caption(rows)}")]
    if not largest:
        return head
    return [
        *head,
        line(Span("UID  ON CHAIN     PLAN    CHANGE", "muted")),
        *map(_change, largest[:CHANGES_SHOWN]),
        *([line(Span(f"and {more} more with smaller changes", "muted"))] if more > 0 else ()),
    ]


def _change(row: WeightChange) -> Line:
    sign = Span("▲", "ok") if row.change > 0 else Span("▼", "warn")
    return line(
        f"{row.uid:>3}    {row.on_chain:.4f}   {row.planned:.4f}   ",
        Span(f"{sign.text} {abs(row.change):.4f}", sign.tone),
        f"  {fit(row.name, 14)}",
    )
