"""The server's numbers for Prometheus, in a registry of its own. Labels are routes as declared and HTTP codes."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from miner_server.answering import Answering
from miner_server.call import Call

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()


class Metrics:
    def __init__(self, answering: Answering) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "miner_requests", "HTTP requests by route and status.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "miner_answer_seconds",
            "From the arrival of a challenge to its answer.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._tokens = Counter("miner_tokens", "Tokens that the backend generated.", registry=self._registry)
        self._children: dict[tuple[str, int], Counter] = {}
        self._gauge("miner_in_flight", "Requests that the backend works on.", lambda: answering.queue.in_flight)
        self._gauge("miner_capacity", "Requests that the backend works on at most.", lambda: answering.queue.slots)
        self._gauge("miner_queued", "Requests that wait for a turn.", lambda: answering.queue.queued)
        self._gauge("miner_ready", "1 while the backend can answer.", lambda: not answering.unready)

    def add(self, call: Call, status: int, seconds: float) -> None:
        child = self._children.get((call.route, status))
        if child is None:
            child = self._requests.labels(call.route, str(status))
            self._children[call.route, status] = child
        child.inc()
        if call.answer is not None:
            self._seconds.observe(seconds)
            self._tokens.inc(call.tokens)

    def _gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        Gauge(name, help_text, registry=self._registry).set_function(value)

    def page(self) -> bytes:
        return generate_latest(self._registry)
