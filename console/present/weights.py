"""The Weights screen in words: when weights were and may be set, and what the plan would change."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from console.present import formats, past, states
from console.present.picture import Picture
from console.present.suspects import penalties_of
from console.present.text import Line, Span, facts, line
from engine.snapshot import ChainView, MinerView, PenaltyView, PlanView, Snapshot
from engine.weights.plan import max_upscale

LABEL = 10
GAUGE = 8
SAME_BELOW = 0.00005
"""A difference of weights that does not show in four digits."""


class Change(Struct, frozen=True, kw_only=True):
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
        return abs(self.change) >= SAME_BELOW


def changes(snapshot: Snapshot) -> tuple[Change, ...]:
    """The planned weights beside those on chain, one row a miner."""
    planned = [miner.planned for miner in snapshot.miners]
    penalties = penalties_of(snapshot.sybil) if snapshot.sybil else {}
    found = _changes(snapshot.miners, planned, max_upscale(planned) if any(planned) else (0,) * len(planned))
    return tuple(replace(row, penalty=penalties.get(row.hotkey)) for row in found)


def changes_by(plan: PlanView, miners: Sequence[MinerView]) -> tuple[Change, ...]:
    """The weights of an earlier plan beside those on chain, one row a miner."""
    sent, total = dict(zip(plan.uids, plan.weights_u16, strict=True)), sum(plan.weights_u16)
    scaled = [sent.get(miner.uid, 0) for miner in miners]
    return _changes(miners, [u16 / total if total else 0.0 for u16 in scaled], scaled)


def _changes(miners: Sequence[MinerView], planned: Sequence[float], scaled: Sequence[int]) -> tuple[Change, ...]:
    largest = max((abs(share - miner.weight) for miner, share in zip(miners, planned, strict=True)), default=0.0)
    return tuple(
        Change(
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
    if snapshot.replay is not None:
        return past.status(snapshot, _mode(snapshot.plans))
    chain, setter = snapshot.chain, snapshot.setter
    if not chain.known:
        return facts([("chain", line(states.CONNECTING.span))], LABEL)
    return facts(
        (
            ("last set", _last_set(snapshot)),
            ("next", _next(snapshot)),
            ("waits for", line(setter.what if setter else formats.UNKNOWN)),
            *([("commits", _commits(snapshot))] if chain.commit_reveal else ()),
            ("allowed", _allowed(chain)),
            ("auto-set", _auto_set(snapshot)),
            ("vtrust", line(f"{chain.validator_trust:.3f}  commit-reveal {'on' if chain.commit_reveal else 'off'}")),
            *([("because", line(Span(setter.reason, "muted")))] if setter and setter.reason else ()),
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
            ("weights", line("a miner sets none")),
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


def _next(snapshot: Snapshot) -> Line:
    """The block before which the engine sends nothing by itself."""
    chain, setter = snapshot.chain, snapshot.setter
    if setter is None:
        return line(Span("✗ never", "warn"))
    if not snapshot.auto_weights:
        return line(Span("○ only by hand", "warn"))
    return line(_in_time(setter.next_block, chain))


def _commits(snapshot: Snapshot) -> Line:
    """What was committed to and has to be revealed, the oldest of it."""
    commits = snapshot.setter.commits if snapshot.setter else ()
    if not commits:
        return line(Span("○ none to reveal", "muted"))
    first, chain = commits[0], snapshot.chain
    if chain.block < first.reveal_from:
        return line(f"{len(commits)} hidden until ", _in_time(first.reveal_from, chain))
    return line(Span(f"● {len(commits)} to reveal ", "info"), "before ", _in_time(first.reveal_until + 1, chain))


def _in_time(block: int, chain: ChainView) -> str:
    """A block that is to come, and how far away that is."""
    left = block - chain.block
    return f"block {block:,} in {formats.duration(left * chain.block_time)}" if left > 0 else "the next block"


def _auto_set(snapshot: Snapshot) -> Line:
    if snapshot.read_only:
        return line(Span("✗ OFF", "warn"), " --read-only")
    if snapshot.auto_weights:
        return line(Span("● ON", "ok"), " once in each window")
    return line(Span("○ OFF", "warn"), " set only by hand")


def _mode(plans: Sequence[PlanView]) -> Line:
    """How much of the activity cutoff has gone by without weights decides how old an answer may be that counts."""
    if not plans or plans[-1].mode == "normal":
        return line("normal", Span("  3h of answers", "muted"))
    if plans[-1].mode == "degraded":
        return line(Span("▲ degraded", "warn"), Span("  24h of answers", "muted"))
    return line(Span("✗ emergency", "err"), Span("  all answers", "muted"))


def _neuron(chain: ChainView) -> Line:
    if not chain.registered:
        return line(Span("✗ not registered", "err"))
    permit = Span("✓ permit", "ok") if chain.validator_permit else Span("○ no permit", "muted")
    return line(f"uid {chain.uid}  ", permit, f"  {formats.tau(chain.stake)} staked")
