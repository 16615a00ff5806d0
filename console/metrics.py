"""The Prometheus metrics of an engine in any role, computed from one Snapshot. Foreign values become labels only if
they are clean and few: hotkeys, no more than the largest subnet has. Unknown values are left out rather than reported
as zero.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import get_args

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from engine.snapshot import ChainView, MinerState, MinerView, Snapshot
from engine.text import safe
from engine.values import Level, ReplyStatus

CONTENT_TYPE = CONTENT_TYPE_LATEST

MOST_MINERS = 256
"""Miners shown, the best-paid first: as many as a subnet has by default. Each costs Prometheus a dozen time series."""

LABEL_WIDTH = 80
"""An address has 48 characters; a service's name may be longer."""

Number = float | None


def page(*collectors: Collector) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry()
    for one in collectors:
        registry.register(one)
    return generate_latest(registry)


class EngineMetrics(Collector):
    """The metrics of an engine by its newest Snapshot."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot()
        yield from _of_the_run(snapshot)
        if snapshot.chain.known:
            yield from _of_the_chain(snapshot.chain)
        if snapshot.role in ("demo", "validator"):
            yield from _of_rounds(snapshot)
            yield from _of_weights(snapshot)
            yield from _of_miners(snapshot.miners)


def _of_the_run(snapshot: Snapshot) -> Iterator[Metric]:
    what = {
        "role": snapshot.role,
        "version": snapshot.version,
        "network": snapshot.chain.network,
        "netuid": str(snapshot.chain.netuid),
        "hotkey": snapshot.hotkey,
    }
    yield _labelled(
        "neuron_info", "Role, version, network, netuid and hotkey.", tuple(what), [(tuple(what.values()), 1)]
    )
    yield _gauge("neuron_start_time_seconds", "When it was started, in unix seconds.", snapshot.started_at)
    yield _labelled(
        "neuron_loop_lag_seconds",
        "Lag of the engine's event loop in the last minute.",
        ("percentile",),
        [(("50",), snapshot.loop.p50_ms / 1000), (("99",), snapshot.loop.p99_ms / 1000)],
    )
    services = [((one.name,), one) for one in snapshot.services]
    yield _labelled(
        "neuron_service_running",
        "1 while this service runs, 0 while it starts, waits for a restart or has ended.",
        ("service",),
        [(name, one.state == "running") for name, one in services],
    )
    yield _counted(
        "neuron_service_restarts",
        "How often this service was restarted.",
        ("service",),
        [(name, one.restarts) for name, one in services],
    )
    open_lines = Counter(one.level for one in snapshot.attention if not one.acknowledged)
    yield _labelled(
        "neuron_attention",
        "Unacknowledged attention lines, by level.",
        ("level",),
        [((level,), open_lines[level]) for level in get_args(Level)],
    )


_OF_THE_CHAIN: tuple[tuple[str, str, Callable[[ChainView], Number]], ...] = (
    ("chain_reachable", "1 while an endpoint of the chain answers.", lambda chain: chain.reachable),
    ("chain_block", "The newest block seen.", lambda chain: chain.block),
    (
        "chain_block_seen_seconds",
        "When the newest block was first seen, in unix seconds.",
        lambda chain: chain.block_at or None,
    ),
    ("chain_block_time_seconds", "The chain's block time.", lambda chain: chain.block_time),
    ("clock_ahead_seconds", "How far our clock is ahead of the chain's.", lambda chain: chain.ahead_s),
    ("registered", "1 while this hotkey has a uid.", lambda chain: chain.registered),
    ("uid", "The uid of this hotkey.", lambda chain: chain.uid),
    ("validator_permit", "1 while this hotkey has a validator permit.", lambda chain: chain.validator_permit),
    ("stake", "The hotkey's stake on this subnet.", lambda chain: chain.stake if chain.registered else None),
    ("balance", "The coldkey's free balance, in tokens.", lambda chain: chain.balance if chain.coldkey else None),
    ("incentive", "Incentive at the last epoch (what it earned as a miner).", lambda chain: chain.incentive),
    ("dividends", "Dividends at the last epoch (what it earned as a validator).", lambda chain: chain.dividends),
    (
        "validator_trust",
        "Validator trust: how far other validators agreed with its weights.",
        lambda chain: chain.validator_trust,
    ),
    ("needs", "How many things it still needs to earn, such as an axon.", lambda chain: len(chain.needs)),
)


def _of_the_chain(chain: ChainView) -> Iterator[Metric]:
    for name, about, of in _OF_THE_CHAIN:
        yield _gauge(f"neuron_{name}", about, of(chain))


def _of_rounds(snapshot: Snapshot) -> Iterator[Metric]:
    judging = snapshot.judging
    answered = [one for one in snapshot.rounds if one.answered]
    last = answered[-1] if answered else None
    yield _labelled(
        "validator_info",
        "The scoring profile and the encoder.",
        ("scoring", "encoder"),
        [((snapshot.scoring, snapshot.encoder), 1)],
    )
    yield _gauge("validator_paused", "1 while challenges are paused.", snapshot.paused)
    yield CounterMetricFamily("validator_rounds", "Rounds judged since the start.", snapshot.rounds_done)
    yield _gauge(
        "validator_rounds_recorded", "Rounds in the store, including those of earlier runs.", snapshot.rounds_recorded
    )
    yield _gauge("validator_rounds_unstored", "Rounds waiting to be stored.", snapshot.rounds_unstored)
    yield _counted(
        "validator_answers",
        "Miners' replies since the start, by status: ok, or why there is no answer.",
        ("status",),
        [((status,), snapshot.replies.get(status, 0)) for status in get_args(ReplyStatus)],
    )
    yield _gauge("validator_agreement_ratio", "Agreement in the last answered round.", last.agreement if last else None)
    yield _gauge(
        "validator_round_seconds", "Duration of the last answered round.", last.duration_ms / 1000 if last else None
    )
    yield _gauge(
        "validator_round_time_seconds",
        "When the last answered round was asked, in unix seconds.",
        last.at if last else None,
    )
    yield SummaryMetricFamily(
        "validator_judging_seconds",
        "Seconds of encoding and scoring per round.",
        count_value=judging.judged,
        sum_value=judging.seconds,
    )
    yield CounterMetricFamily("validator_judging_failures", "Rounds that could not be judged.", judging.failed)
    yield CounterMetricFamily(
        "validator_judging_workers", "Judging processes started, including the first one.", judging.started
    )


def _of_weights(snapshot: Snapshot) -> Iterator[Metric]:
    setter, chain = snapshot.setter, snapshot.chain
    if setter is None:
        return
    yield _counted(
        "validator_weight_windows",
        "Weight windows that ended since the start, with or without our weights being set.",
        ("result",),
        [(("set",), setter.windows_set), (("missed",), setter.windows_missed)],
    )
    yield _gauge("validator_weights_automatic", "1 while weights are set automatically.", snapshot.auto_weights)
    yield _gauge("validator_weights_next_block", "The block at which weights are due next.", setter.next_block)
    yield _gauge(
        "validator_weights_set_block", "The block at which weights were last set.", chain.last_weights_block or None
    )
    yield _gauge("validator_weights_commits", "Commits not revealed yet.", len(setter.commits))


_OF_A_MINER: tuple[tuple[str, str, Callable[[MinerView], Number]], ...] = (
    ("ema", "The miner's score: the moving average of its rewards.", lambda miner: miner.ema),
    ("weight_ratio", "The miner's share of our weights on chain.", lambda miner: miner.weight),
    ("planned_weight_ratio", "The miner's share of the planned weights.", lambda miner: miner.planned),
    ("incentive_ratio", "The miner's share of all incentive at the last epoch.", lambda miner: miner.incentive),
    ("latency_seconds", "The miner's recent latency.", lambda miner: miner.latency_ms / 1000 or None),
)


def _of_miners(miners: Sequence[MinerView]) -> Iterator[Metric]:
    states = Counter(miner.state for miner in miners)
    yield _labelled(
        "validator_miners",
        "Miners by state.",
        ("state",),
        [((state,), states[state]) for state in get_args(MinerState)],
    )
    suspects = sum(bool(miner.suspected) for miner in miners)
    yield _gauge(
        "validator_suspected_miners", "Miners suspected of copying or of belonging to a sybil group.", suspects
    )
    shown = sorted(miners, key=lambda miner: (-miner.weight, -miner.ema, miner.uid))[:MOST_MINERS]
    labels = [((str(miner.uid), miner.hotkey), miner) for miner in sorted(shown, key=lambda miner: miner.uid)]
    for name, about, of in _OF_A_MINER:
        found = [(who, of(miner)) for who, miner in labels]
        yield _labelled(f"validator_miner_{name}", about, ("uid", "hotkey"), found)
    asked = [
        ((*who, result), count)
        for who, miner in labels
        for result, count in (("ok", miner.answered), ("failed", miner.failed))
    ]
    yield _counted(
        "validator_miner_answers",
        "The miner's replies, including those of earlier runs.",
        ("uid", "hotkey", "result"),
        asked,
    )


def _gauge(name: str, about: str, value: Number) -> GaugeMetricFamily:
    return _labelled(name, about, (), [((), value)])


Labelled = Iterable[tuple[Sequence[str], Number]]


def _labelled(name: str, about: str, labels: Sequence[str], values: Labelled) -> GaugeMetricFamily:
    """Nothing for what is unknown."""
    family = GaugeMetricFamily(name, about, labels=labels)
    for named, value in values:
        if value is not None:
            family.add_metric(_clean(named), value)
    return family


def _counted(name: str, about: str, labels: Sequence[str], values: Labelled) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=labels)
    for named, value in values:
        family.add_metric(_clean(named), value or 0)
    return family


def _clean(labels: Sequence[str]) -> list[str]:
    return [safe(label, LABEL_WIDTH) for label in labels]
