"""What a miner server shows of itself, as part of a `Snapshot`. Texts from outside are already cleaned."""

from msgspec import Struct


class CallerView(Struct, frozen=True, kw_only=True):
    """Who asks this miner server, and how it went. `host` is the address of the last request."""

    hotkey: str
    allowed: bool
    requests: int
    ok: int
    p50_ms: float
    last_at: float
    last_refusal: str = ""
    host: str = ""


class SessionView(Struct, frozen=True, kw_only=True):
    """A symmetric key that a validator exchanged with us."""

    hotkey: str
    key_uuid: str
    created_at: float
    expires_at: float


class RequestView(Struct, frozen=True, kw_only=True):
    """One request to the miner server: `status` is the HTTP code, `reason` why it was refused."""

    at: float
    hotkey: str
    route: str
    bytes_in: int
    status: int
    ms: float
    reason: str = ""
    answer: str = ""
    tokens: int = 0


class ServerView(Struct, frozen=True, kw_only=True):
    """The miner server: load, callers, sessions and the last requests (newest last); the hotkeys that are blocked."""

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
    sessions: tuple[SessionView, ...] = ()
    requests: tuple[RequestView, ...] = ()
