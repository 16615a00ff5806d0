"""What a model server says of itself: its load, its caches, and how fast it answers, as far as it has such a page.

vLLM, SGLang and llama.cpp's server write Prometheus's text format, Ollama its own list. A page that is missing, foreign
or broken says nothing: it never makes a server unready.
"""

import asyncio
import logging
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from msgspec import Struct

from engine import foreign_json
from engine.foreign_json import count, fields, items
from miner_server.backends.kept_connections import Connections
from miner_server.errors import BackendError

log = logging.getLogger(__name__)

T = TypeVar("T")

AGAIN_S = 5.0
AGAIN_WITHOUT_S = 300.0
"""A server without such a page may be restarted with one."""

PATIENCE_S = 5.0
MOST_BYTES = 1 << 20
"""vLLM's page has a tenth of that; a longer one would hold up everything else while it is read."""

SAMPLE = re.compile(r"^((?:vllm|llamacpp|sglang):\w+)(\{[^\n]*\})?[ \t]+([^\s#]+)", re.MULTILINE)
BOUND = re.compile(r'[{,]le="([^"]*)"')

RUNNING = ("vllm:num_requests_running", "llamacpp:requests_processing", "sglang:num_running_reqs")
WAITING = ("vllm:num_requests_waiting", "llamacpp:requests_deferred", "sglang:num_queue_reqs")
KV_CACHE = (
    "vllm:kv_cache_usage_perc",
    "vllm:gpu_cache_usage_perc",
    "llamacpp:kv_cache_usage_ratio",
    "sglang:token_usage",
)
PREFIX_HITS = ("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total")
PREFIX_QUERIES = ("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total")
PREFIX_RATE = ("sglang:cache_hit_rate",)
FIRST = ("vllm:time_to_first_token_seconds", "sglang:time_to_first_token_seconds")
BETWEEN = (
    "vllm:inter_token_latency_seconds",
    "vllm:time_per_output_token_seconds",
    "sglang:inter_token_latency_seconds",
    "sglang:time_per_output_token_seconds",
)
"""The names of recent versions and of older ones: https://docs.vllm.ai/en/stable/usage/metrics/,
https://github.com/ggml-org/llama.cpp/tree/master/tools/server, https://docs.sglang.ai/references/production_metrics."""

Buckets = tuple[tuple[float, float], ...]
"""Upper bounds in seconds, and how many durations do not exceed them."""


class Gauges(Struct, frozen=True, kw_only=True):
    """What a server says; None for what it does not. Shares are 0 to 1, `memory` is the model's on GPUs, in bytes."""

    running: float | None = None
    waiting: float | None = None
    kv_cache: float | None = None
    prefix_cache: float | None = None
    memory: int | None = None
    context: int | None = None
    first: Buckets = ()
    between: Buckets = ()


NOTHING = Gauges()


class GaugePage:
    """The page at `path` of a model server, looked at in the background. `now` is what it said last.

    `read` makes its gauges of it, None of a page that is another one.
    """

    def __init__(self, connections: Connections, path: str, read: Callable[[bytes], Gauges | None]) -> None:
        self.now = NOTHING
        self._connections = connections
        self._path = path
        self._read = read
        self._look: asyncio.Task[None] | None = None
        self._again_at = 0.0

    def refresh(self) -> None:
        """Start to look, if it is time. Returns at once."""
        if self._look is None and time.monotonic() >= self._again_at:
            self._look = asyncio.create_task(self._see())
            self._look.add_done_callback(self._seen)

    def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
        self._connections.close()

    async def _see(self) -> None:
        found: Gauges | None = None
        again_s = AGAIN_S
        try:
            async with asyncio.timeout(PATIENCE_S):
                reply = await self._connections.get(self._path)
            if reply.status == 200 and len(reply.body) <= MOST_BYTES:
                found = self._read(reply.body)
            if found is None:
                again_s = AGAIN_WITHOUT_S
        except (BackendError, TimeoutError, ValueError) as error:
            log.debug("%s cannot be read: %s", self._path, error)
        self.now = found or NOTHING
        self._again_at = time.monotonic() + again_s

    def _seen(self, _: asyncio.Task[None]) -> None:
        self._look = None


def read_prometheus(page: bytes) -> Gauges | None:
    """The numbers with known names, None without any; several of one name, from several engines or models, are added
    up, and of shares the mean is taken."""
    values: dict[str, float] = defaultdict(float)
    times: dict[str, int] = defaultdict(int)
    buckets: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for name, labels, value in _samples(page.decode("utf-8", "replace")):
        base = name.removesuffix("_bucket")
        if base != name:
            bound = BOUND.search(labels)
            if bound is not None and (at := _number(bound[1])) is not None:
                buckets[base][at] += value
            continue
        values[name] += value
        times[name] += 1
    if not values and not buckets:
        return None
    share = {name: values[name] / times[name] for name in (*KV_CACHE, *PREFIX_RATE) if name in values}
    hits, queries = _first(values, PREFIX_HITS), _first(values, PREFIX_QUERIES)
    return Gauges(
        running=_first(values, RUNNING),
        waiting=_first(values, WAITING),
        kv_cache=_share(_first(share, KV_CACHE)),
        prefix_cache=_share(hits / queries if hits is not None and queries else _first(share, PREFIX_RATE)),
        first=_sorted(_first(buckets, FIRST)),
        between=_sorted(_first(buckets, BETWEEN)),
    )


def read_ollama(model: str, page: bytes) -> Gauges:
    """What `/api/ps` says of a model, nothing of one that is not loaded now. Raises ValueError."""
    for one in map(fields, items(fields(foreign_json.read(page)).get("models"))):
        if model in (one.get("name"), one.get("model")):
            return Gauges(memory=count(one.get("size_vram")), context=count(one.get("context_length")) or None)
    return NOTHING


def quantile(buckets: Buckets, share: float) -> float | None:
    """The duration that this share of them does not exceed, as far as the bounds tell; None without any."""
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    lower, below = 0.0, 0.0
    for bound, within in buckets:
        if within >= share * total:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (share * total - below) / max(within - below, 1e-9)
        lower, below = bound, within
    return lower


def _samples(text: str) -> Iterator[tuple[str, str, float]]:
    for found in SAMPLE.finditer(text):
        value = _number(found[3])
        if value is not None and 0 <= value < math.inf:
            yield found[1], found[2] or "", value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _first(values: Mapping[str, T], names: tuple[str, ...]) -> T | None:
    return next((values[name] for name in names if name in values), None)


def _share(value: float | None) -> float | None:
    return None if value is None or value > 1 else value


def _sorted(buckets: Mapping[float, float] | None) -> Buckets:
    return tuple(sorted((buckets or {}).items()))
