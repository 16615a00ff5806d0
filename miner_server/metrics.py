"""What Prometheus reads of the server: its requests by declared route and HTTP code, and its queue.

Counting is cheap; the page is written only when someone asks for it.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from miner_server.answering import Answering
from miner_server.call import Call

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The bounds of Prometheus's histogram of answers: from a script to a large model's."""

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()


class Metrics(Collector):
    """One server's metrics in Prometheus's format: plain counts, written out when someone looks, with `more`."""

    def __init__(self, answering: Answering, more: Callable[[], Iterator[Metric]] = lambda: iter(())) -> None:
        self._answering = answering
        self._more = more
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._refusals: Counter[tuple[str, ...]] = Counter()
        self._answers = [0] * (len(SECONDS) + 1)  # by the first bound that is not exceeded; the last is for the rest
        self._seconds = 0.0
        self._tokens = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def add(self, call: Call, status: int, seconds: float) -> None:
        self._requests[call.route, str(status)] += 1
        if status >= 400:
            self._refusals[call.gate, call.dialect] += 1
        if call.answer is not None:
            self._answers[bisect_left(SECONDS, seconds)] += 1
            self._seconds += seconds
            self._tokens += call.tokens

    def page(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        queue = self._answering.queue
        bounds = [*map(floatToGoString, SECONDS), "+Inf"]
        yield _counts("miner_requests", "HTTP requests by route and status.", ("route", "status"), self._requests)
        yield _counts(
            "miner_refusals", "Requests turned down, by gate and dialect.", ("gate", "dialect"), self._refusals
        )
        yield HistogramMetricFamily(
            "miner_answer_seconds",
            "From the arrival of a challenge to its answer.",
            buckets=[*zip(bounds, accumulate(self._answers), strict=True)],
            sum_value=self._seconds,
        )
        yield CounterMetricFamily("miner_tokens", "Tokens that the backend generated.", self._tokens)
        yield GaugeMetricFamily("miner_in_flight", "Requests that the backend is working on.", queue.in_flight)
        yield GaugeMetricFamily(
            "miner_capacity", "Maximum number of requests that the backend works on at once.", queue.slots
        )
        yield GaugeMetricFamily("miner_queued", "Requests waiting for their turn.", queue.queued)
        yield GaugeMetricFamily("miner_ready", "1 while the backend can answer.", not self._answering.unready)
        yield from self._more()


def _counts(name: str, about: str, labels: tuple[str, ...], counts: Counter[tuple[str, ...]]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family
