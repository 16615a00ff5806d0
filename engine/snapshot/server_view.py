"""The miner server, its callers and their requests."""

from typing import Literal

from msgspec import Struct

QuotaRule = Literal["show", "apply"]


class CallerView(Struct, frozen=True, kw_only=True):
    """A caller of this miner server and how its requests went. `host` and `dialect` are those of the last one.

    `standing` is why it is allowed or not, in a word. `stake` in tokens. It has `consumed` that many challenges of its
    `quota` in this period, None for a caller without one.
    """

    hotkey: str
    allowed: bool
    requests: int
    ok: int
    p50_ms: float
    last_at: float
    last_refusal: str = ""
    host: str = ""
    dialect: str = ""
    standing: str = ""
    stake: float = 0.0
    consumed: int = 0
    quota: int | None = None


class RefusalView(Struct, frozen=True, kw_only=True):
    """Requests that were turned down at one `gate` with one status and reason; `hotkey` and `host` are the last one's.

    `dialect` is "" for what turned out to speak none.
    """

    gate: str
    status: int
    reason: str
    dialect: str
    count: int
    hotkey: str
    host: str
    last_at: float


class SessionView(Struct, frozen=True, kw_only=True):
    """A symmetric key that a validator exchanged with us."""

    hotkey: str
    key_uuid: str
    created_at: float
    expires_at: float


class RequestView(Struct, frozen=True, kw_only=True):
    """One request to the miner server: `status` is the HTTP code, `reason` why it was refused, and `gate` where.

    `dialect` is the name of the one that it was made in, "" for none.
    """

    at: float
    hotkey: str
    route: str
    bytes_in: int
    status: int
    ms: float
    reason: str = ""
    answer: str = ""
    tokens: int = 0
    dialect: str = ""
    gate: str = ""
    host: str = ""


class BackendView(Struct, frozen=True, kw_only=True):
    """One of the backends of this miner server, at `place` if there are several; None for what is not known.

    `first` is the time to an answer's first token, `between` that from each to the next. Shares are 0 to 1, `memory` is
    the model's on GPUs, in bytes. `peaks` are the highest values of `running`, `waiting`, `kv_cache`, `tokens_per_s`
    and `first_s` (seconds) since `peaks_since` (unix seconds). `why` it is not ready.
    """

    name: str
    place: str = ""
    model: str = ""
    ready: bool = False
    why: str = ""
    first_p50_ms: float | None = None
    first_p99_ms: float | None = None
    between_p50_ms: float | None = None
    between_p99_ms: float | None = None
    tokens_per_s: float | None = None
    tokens: int = 0
    running: int = 0
    waiting: int | None = None
    kv_cache: float | None = None
    prefix_cache: float | None = None
    memory: int | None = None
    peaks: dict[str, float] = {}
    peaks_since: float = 0.0


class GpuView(Struct, frozen=True, kw_only=True):
    """A GPU of this machine: how busy (0 to 1), how full (bytes) and how hot it is. None is unknown, which is not bad.

    `compute` is its compute capability, such as (8, 6); `peaks` are the highest `use`, `memory_used` and `celsius`.
    """

    number: int
    name: str = ""
    use: float | None = None
    memory_used: int | None = None
    memory: int | None = None
    celsius: float | None = None
    compute: tuple[int, int] | None = None
    peaks: dict[str, float] = {}


class ServerView(Struct, frozen=True, kw_only=True):
    """The miner server: its load, callers, sessions, the operator's own lists, and the last requests, newest last.

    `refusals` are all since it was started, the most frequent first.
    """

    address: str = ""
    backend: str = ""
    model: str = ""
    ready: bool = False
    readiness: str = ""
    in_flight: int = 0
    capacity: int = 0
    queued: int = 0
    queue_limit: int = 0
    requests_total: int = 0
    statuses: dict[int, int] = {}
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    tokens_total: int = 0
    callers: tuple[CallerView, ...] = ()
    blocked: tuple[str, ...] = ()
    let_in: tuple[str, ...] = ()
    refusals: tuple[RefusalView, ...] = ()
    sessions: tuple[SessionView, ...] = ()
    requests: tuple[RequestView, ...] = ()
    backends: tuple[BackendView, ...] = ()
    million_tokens_cost: float | None = None
    gpus: tuple[GpuView, ...] = ()
