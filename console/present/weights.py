"""The Weights screen in words: when weights were and may be set, and what the plan would change."""

from collections.abc import Sequence

from msgspec import Struct

from console.present import formats, states
from console.present.picture import Picture
from console.present.text import Line, Span, facts, line
from engine.snapshot import ChainView, MinerView, PlanView, Snapshot
from engine.weights.moment import SET_FROM
from engine.weights.plan import max_upscale

LABEL = 10
GAUGE = 8
SAME_BELOW = 0.00005
"""A difference of weights that does not show in four digits."""


class Change(Struct, frozen=True, kw_only=True):
    """What a plan would change for one miner. Weights are shares; `largest` is the largest change of the whole plan."""

    uid: int
    hotkey: str
    name: str
    ema: float
    planned: float
    u16: int
    on_chain: float
    largest: float

    @property
    def change(self) -> float:
        return self.planned - self.on_chain

    @property
    def differs(self) -> bool:
        return abs(self.change) >= SAME_BELOW


def changes(miners: Sequence[MinerView]) -> tuple[Change, ...]:
    """The planned weights beside those on chain, one row a miner."""
    planned = [miner.planned for miner in miners]
    scaled = max_upscale(planned) if any(planned) else (0,) * len(planned)
    largest = max((abs(miner.planned - miner.weight) for miner in miners), default=0.0)
    return tuple(
        Change(
            uid=miner.uid,
            hotkey=miner.hotkey,
            name=miner.name,
            ema=miner.ema,
            planned=miner.planned,
            u16=u16,
            on_chain=miner.weight,
            largest=largest,
        )
        for miner, u16 in zip(miners, scaled, strict=True)
    )


def change_caption(rows: Sequence[Change]) -> str:
    """How much the plan would change in all, and for whom most: "L1 .0410  max ▲.0061 uid 12"."""
    most = max(rows, key=lambda row: abs(row.change), default=None)
    if most is None or not most.differs:
        return "L1 .0000  nothing would change"
    total = sum(abs(row.change) for row in rows)
    return f"L1 {formats.share(total)}  max {signed(most.change)} uid {most.uid}"


def signed(change: float) -> str:
    """A difference of weights with its direction: "▲.0061"."""
    if abs(change) < SAME_BELOW:
        return "= 0"
    return f"{'▲' if change > 0 else '▼'}{formats.share(abs(change))}"


def status(picture: Picture) -> list[Line]:
    """When weights were set, when they may be and will be, and how the network sees it."""
    snapshot = picture.snapshot
    if snapshot.role == "miner":
        return _miner_status(snapshot)
    chain = snapshot.chain
    return facts(
        (
            ("last set", _last_set(snapshot)),
            ("allowed", _allowed(chain)),
            ("window", _window(snapshot)),
            ("auto-set", _auto_set(snapshot)),
            ("vtrust", line(f"{chain.validator_trust:.3f}  commit-reveal {'on' if chain.commit_reveal else 'off'}")),
            ("limit", line(f"one set in {formats.blocks(chain.weights_rate_limit, chain.block_time)}")),
            ("mode", _mode(snapshot.plans)),
            ("neuron", _neuron(chain)),
        ),
        LABEL,
    )


def _miner_status(snapshot: Snapshot) -> list[Line]:
    chain = snapshot.chain
    return facts(
        (
            ("weights", line("a miner earns, it sets none")),
            ("neuron", line(f"uid {chain.uid}") if chain.registered else line(Span("✗ not registered", "err"))),
            ("incentive", line(formats.share(chain.incentive))),
            ("axon", line(chain.axon) if chain.axon else line(Span("○ not announced", "warn"))),
            ("balance", line(formats.tau(chain.balance))),
        ),
        LABEL,
    )


def _last_set(snapshot: Snapshot) -> Line:
    sent = next((plan for plan in reversed(snapshot.plans) if plan.outcome != "skipped"), None)
    outcome = states.of_outcome(sent.outcome).span if sent else Span("")
    if not _has_weights(snapshot):
        return line(Span("○ never set ", "muted"), outcome)
    return line(f"{max(0, snapshot.chain.block - snapshot.chain.last_weights_block)} blk ago ", outcome)


def _has_weights(snapshot: Snapshot) -> bool:
    """Whether the chain has weights of ours; a registration alone moves the block of the last set, too."""
    return any(miner.weight > 0 for miner in snapshot.miners)


def _allowed(chain: ChainView) -> Line:
    left = chain.next_weights_block - chain.block
    if left <= 0:
        return line(Span("✓ now", "ok"))
    gone = 1 - left / max(1, chain.weights_rate_limit)
    return line(f"in {formats.blocks(left, chain.block_time)} ", Span(formats.gauge(gone, GAUGE), "accent"))


def _window(snapshot: Snapshot) -> Line:
    """The engine sets weights by itself once a tempo, in its last quarter."""
    chain = snapshot.chain
    began = chain.next_epoch - chain.tempo
    opens = began + int(SET_FROM * chain.tempo)
    if chain.last_weights_block >= began and _has_weights(snapshot):
        following = formats.blocks(max(0, opens + chain.tempo - chain.block), chain.block_time)
        return line(Span("✓ used", "ok"), f" next in {following}")
    if chain.block < opens:
        return line(f"opens in {formats.blocks(opens - chain.block, chain.block_time)}")
    left = max(0, chain.next_epoch - chain.block)
    return line(Span("● open", "ok"), f" for {formats.blocks(left, chain.block_time)}")


def _auto_set(snapshot: Snapshot) -> Line:
    if snapshot.read_only:
        return line(Span("✗ OFF", "warn"), " --read-only")
    if snapshot.auto_weights:
        return line(Span("● ON", "ok"), " once in each window")
    return line(Span("○ OFF", "warn"), " set only by hand")


def _mode(plans: Sequence[PlanView]) -> Line:
    """How much of the activity cutoff has gone by without weights decides how old an answer may be that counts."""
    if not plans or plans[-1].mode == "normal":
        return line("normal", Span("  answers of 3h count", "muted"))
    if plans[-1].mode == "degraded":
        return line(Span("▲ degraded", "warn"), Span("  answers of 24h count", "muted"))
    return line(Span("✗ emergency", "err"), Span("  answers of any age count", "muted"))


def _neuron(chain: ChainView) -> Line:
    if not chain.registered:
        return line(Span("✗ not registered", "err"))
    permit = Span("✓ permit", "ok") if chain.validator_permit else Span("○ no permit", "muted")
    return line(f"uid {chain.uid}  ", permit, f"  {formats.tau(chain.stake)} staked")
