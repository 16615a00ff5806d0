"""What Prometheus reads of an engine, whatever its role: one Snapshot in numbers.

What comes from outside is a label only where there are few of it and it is clean: hotkeys, of no more than the largest
subnet has. Whatever is unknown is left out, so that no zero stands for it.
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
"""Miners that are shown, those that earn first: as many as a subnet has by default. Each costs Prometheus a dozen time
series."""

LABEL_WIDTH = 80
"""An address has 48 characters; a service's name may be longer."""

Number = float | None


def page(*collectors: Collector) -> bytes:
    """All that these collect, as Prometheus reads it."""
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
    yield _labelled("neuron_info", "What runs here.", tuple(what), [(tuple(what.values()), 1)])
    yield _gauge("neuron_start_time_seconds", "When it was started, in unix seconds.", snapshot.started_at)
    yield _labelled(
        "neuron_loop_lag_seconds",
        "How late the engine's event loop ran in the last minute.",
        ("percentile",),
        [(("50",), snapshot.loop.p50_ms / 1000), (("99",), snapshot.loop.p99_ms / 1000)],
    )
    services = [((one.name,), one) for one in snapshot.services]
    yield _labelled(
        "neuron_service_running",
        "1 while this service runs, 0 while it starts, waits or has ended.",
        ("service",),
        [(name, one.state == "running") for name, one in services],
    )
    yield _counted(
        "neuron_service_restarts",
        "How often this service was started again.",
        ("service",),
        [(name, one.restarts) for name, one in services],
    )
    open_lines = Counter(one.level for one in snapshot.attention if not one.acknowledged)
    yield _labelled(
        "neuron_attention",
        "Lines that need a person and are not acknowledged, by level.",
        ("level",),
        [((level,), open_lines[level]) for level in get_args(Level)],
    )


_OF_THE_CHAIN: tuple[tuple[str, str, Callable[[ChainView], Number]], ...] = (
    ("chain_reachable", "1 while an endpoint of the chain answers.", lambda chain: chain.reachable),
    ("chain_block", "The last block that was seen.", lambda chain: chain.block),
    ("chain_block_seen_seconds", "When it was first seen, in unix seconds.", lambda chain: chain.block_at or None),
    ("chain_block_time_seconds", "How long a block takes.", lambda chain: chain.block_time),
    ("clock_ahead_seconds", "By how much our clock is ahead of the chain's.", lambda chain: chain.ahead_s),
    ("registered", "1 while this hotkey has a uid.", lambda chain: chain.registered),
    ("uid", "The uid of this hotkey.", lambda chain: chain.uid),
    ("validator_permit", "1 while it may set weights.", lambda chain: chain.validator_permit),
    ("stake", "Its stake on this subnet.", lambda chain: chain.stake if chain.registered else None),
    ("balance", "Free tokens of the coldkey.", lambda chain: chain.balance if chain.coldkey else None),
    ("incentive", "What it earned as a miner at the last epoch.", lambda chain: chain.incentive),
    ("dividends", "What it earned as a validator at the last epoch.", lambda chain: chain.dividends),
    ("validator_trust", "How far others agreed with its weights.", lambda chain: chain.validator_trust),
    ("needs", "What it lacks to earn, such as an axon.", lambda chain: len(chain.needs)),
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
        "The scoring profile and the encoder of the judge.",
        ("scoring", "encoder"),
        [((snapshot.scoring, snapshot.encoder), 1)],
    )
    yield _gauge("validator_paused", "1 while no challenges are asked.", snapshot.paused)
    yield CounterMetricFamily("validator_rounds", "Rounds judged since the start.", snapshot.rounds_done)
    yield _gauge("validator_rounds_recorded", "Rounds in the store, of earlier runs too.", snapshot.rounds_recorded)
    yield _gauge("validator_rounds_unstored", "Rounds that wait for the store.", snapshot.rounds_unstored)
    yield _counted(
        "validator_answers",
        "Answers of miners since the start, by status: ok, or why there is none.",
        ("status",),
        [((status,), snapshot.replies.get(status, 0)) for status in get_args(ReplyStatus)],
    )
    yield _gauge("validator_agreement_ratio", "Agreement in the last answered round.", last.agreement if last else None)
    yield _gauge("validator_round_seconds", "How long that round took.", last.duration_ms / 1000 if last else None)
    yield _gauge("validator_round_time_seconds", "When it was asked, in unix seconds.", last.at if last else None)
    yield SummaryMetricFamily(
        "validator_judging_seconds",
        "Seconds that the encoder and the scoring take for a round.",
        count_value=judging.judged,
        sum_value=judging.seconds,
    )
    yield CounterMetricFamily("validator_judging_failures", "Rounds that could not be judged.", judging.failed)
    yield CounterMetricFamily(
        "validator_judging_workers", "Processes started for the encoder, the first one included.", judging.started
    )


def _of_weights(snapshot: Snapshot) -> Iterator[Metric]:
    setter, chain = snapshot.setter, snapshot.chain
    if setter is None:
        return
    yield _counted(
        "validator_weight_windows",
        "Windows that have ended since the start: with weights of ours, or without.",
        ("result",),
        [(("set",), setter.windows_set), (("missed",), setter.windows_missed)],
    )
    yield _gauge("validator_weights_automatic", "1 while weights are set by themselves.", snapshot.auto_weights)
    yield _gauge("validator_weights_next_block", "The block from which weights are due next.", setter.next_block)
    yield _gauge("validator_weights_set_block", "When weights were last set.", chain.last_weights_block or None)
    yield _gauge("validator_weights_commits", "Commits that are not revealed yet.", len(setter.commits))


_OF_A_MINER: tuple[tuple[str, str, Callable[[MinerView], Number]], ...] = (
    ("ema", "Its score: the moving average of what its answers earned.", lambda miner: miner.ema),
    ("weight_ratio", "Its share of our weights on chain.", lambda miner: miner.weight),
    ("planned_weight_ratio", "Its share of the weights that would be set now.", lambda miner: miner.planned),
    ("incentive_ratio", "Its share of all incentive at the last epoch.", lambda miner: miner.incentive),
    ("latency_seconds", "How long its answers took lately.", lambda miner: miner.latency_ms / 1000 or None),
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
    yield _gauge("validator_suspected_miners", "Miners that copy, or that belong together.", suspects)
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
    yield _counted("validator_miner_answers", "Its answers, in earlier runs too.", ("uid", "hotkey", "result"), asked)


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
