"""The backends and the machine as screens and Prometheus show them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from engine.snapshot import BackendView, GpuView
from engine.text import safe
from engine.values import percentile
from miner_server.answering import MODEL_WIDTH, Answering
from miner_server.backends.gauges import NOTHING, Buckets, Gauges, quantile
from miner_server.backends.interface import Backend
from miner_server.backends.speed import SECONDS, Durations, Speed
from miner_server.pool import Pool
from miner_server.readiness import Unready

PLACE_WIDTH = 80
WHY_WIDTH = 200
"""Characters kept of a backend's address, and of what it says of itself."""

SECONDS_AN_HOUR = 3600
MILLION = 1_000_000
"""Units of the rates that are shown."""


class _Placed(NamedTuple):
    """A backend, where it is, and why it does not answer."""

    backend: Backend
    place: str
    unready: Unready | None


class Backends:
    """What answers behind `answering`, which costs `per_hour` (0 if nobody said), and the `gpus` of this machine."""

    def __init__(self, answering: Answering, per_hour: float, gpus: Callable[[], Sequence[GpuView]]) -> None:
        self._answering = answering
        self._per_hour = per_hour
        self.gpus = gpus

    def view(self) -> tuple[BackendView, ...]:
        return tuple(self._view(one) for one in self._placed())

    @property
    def million_tokens_cost(self) -> float | None:
        """What a million tokens cost while all backends work as fast as they did last; None if nobody knows."""
        per_hour = sum(_speed(one.backend).tokens_per_s or 0.0 for one in self._placed()) * SECONDS_AN_HOUR
        return self._per_hour / per_hour * MILLION if per_hour and self._per_hour else None

    def reset_peaks(self) -> None:
        for one in self._placed():
            _speed(one.backend).peaks.reset()

    def collect(self) -> Iterator[Metric]:
        """Backends are told apart by their number and name: their addresses are nobody else's business."""
        labels = ("number", "backend")
        views = [((str(number), view.name), view) for number, view in enumerate(self.view(), 1)]
        for name, about, of in _GAUGES:
            family = GaugeMetricFamily(f"miner_backend_{name}", about, labels=labels)
            for named, view in views:
                _add(family, named, of(view))
            yield family
        tokens = CounterMetricFamily("miner_backend_tokens", "Tokens that it generated.", labels=labels)
        first = HistogramMetricFamily("miner_first_token_seconds", "From a request to its first token.", labels=labels)
        between = HistogramMetricFamily("miner_between_tokens_seconds", "From a token to the next.", labels=labels)
        peaks = GaugeMetricFamily("miner_backend_peak", "The most since the last reset.", labels=(*labels, "of"))
        for (named, view), one in zip(views, self._placed(), strict=True):
            speed = _speed(one.backend)
            tokens.add_metric(named, speed.tokens)
            _count(first, named, speed.first)
            _count(between, named, speed.between)
            for what, most in view.peaks.items():
                peaks.add_metric((*named, what), most)
        yield from (tokens, first, between, peaks)
        cost = GaugeMetricFamily("miner_million_tokens_cost", "Of a million tokens, by the setting cost_per_hour.")
        _add(cost, (), self.million_tokens_cost)
        yield cost
        for name, about, told in _OF_GPUS:
            family = GaugeMetricFamily(f"miner_gpu_{name}", about, labels=("gpu", "name"))
            for gpu in self.gpus():
                _add(family, (str(gpu.number), gpu.name), told(gpu))
            yield family

    def _placed(self) -> Sequence[_Placed]:
        backend = self._answering.backend
        if isinstance(backend, Pool):
            return [_Placed(one.backend, one.place, one.readiness.unready) for one in backend.members]
        return [_Placed(backend, "", self._answering.unready)]

    def _view(self, one: _Placed) -> BackendView:
        speed, gauges = _speed(one.backend), _gauges(one.backend)
        for name in ("running", "waiting", "kv_cache"):
            speed.peaks.note(name, getattr(gauges, name))
        return BackendView(
            name=one.backend.name,
            place=safe(one.place.removeprefix(one.backend.name).strip(), PLACE_WIDTH),
            model=safe(one.backend.model, MODEL_WIDTH),
            ready=one.unready is None,
            why=safe(one.unready.why, WHY_WIDTH) if one.unready else "",
            first_p50_ms=_ms(speed.first, gauges.first, 0.5),
            first_p99_ms=_ms(speed.first, gauges.first, 0.99),
            between_p50_ms=_ms(speed.between, gauges.between, 0.5),
            between_p99_ms=_ms(speed.between, gauges.between, 0.99),
            tokens_per_s=speed.tokens_per_s,
            tokens=speed.tokens,
            running=speed.running if gauges.running is None else int(gauges.running),
            waiting=None if gauges.waiting is None else int(gauges.waiting),
            kv_cache=gauges.kv_cache,
            prefix_cache=gauges.prefix_cache,
            memory=gauges.memory,
            peaks=dict(speed.peaks.most),
            peaks_since=speed.peaks.since,
        )


_GAUGES: tuple[tuple[str, str, Callable[[BackendView], float | None]], ...] = (
    ("ready", "1 while it can answer.", lambda view: view.ready),
    ("running", "Requests that it works on.", lambda view: view.running),
    ("waiting", "Requests that wait in the model server.", lambda view: view.waiting),
    ("tokens_per_second", "Tokens in a second of work, over its last answers.", lambda view: view.tokens_per_s),
    ("kv_cache_ratio", "How full the cache of keys and values is.", lambda view: view.kv_cache),
    ("prefix_cache_ratio", "How often a prompt's beginning was in the cache.", lambda view: view.prefix_cache),
    ("memory_bytes", "The model's memory on GPUs.", lambda view: view.memory),
)
_OF_GPUS: tuple[tuple[str, str, Callable[[GpuView], float | None]], ...] = (
    ("use_ratio", "How busy it is.", lambda gpu: gpu.use),
    ("memory_used_bytes", "Its memory in use.", lambda gpu: gpu.memory_used),
    ("memory_bytes", "Its memory.", lambda gpu: gpu.memory),
    ("temperature_celsius", "How hot it is.", lambda gpu: gpu.celsius),
)


def _speed(backend: Backend) -> Speed:
    """That of a backend that measures it, else one of nothing."""
    found = getattr(backend, "speed", None)
    return found if isinstance(found, Speed) else Speed()


def _gauges(backend: Backend) -> Gauges:
    found = getattr(backend, "gauges", None)
    return found if isinstance(found, Gauges) else NOTHING


def _ms(measured: Durations, told: Buckets, share: float) -> float | None:
    """What we measured, else what the server says of itself."""
    seconds = percentile(measured.last, share) if measured.last else quantile(told, share)
    return None if seconds is None else seconds * 1000


def _add(family: GaugeMetricFamily, labels: Sequence[str], value: float | None) -> None:
    """Nothing for what is unknown."""
    if value is not None:
        family.add_metric(labels, value)


def _count(family: HistogramMetricFamily, labels: Sequence[str], durations: Durations) -> None:
    bounds = [*map(floatToGoString, SECONDS), "+Inf"]
    buckets = [*zip(bounds, accumulate(durations.counts), strict=True)]
    family.add_metric(labels, buckets, sum_value=durations.total)
