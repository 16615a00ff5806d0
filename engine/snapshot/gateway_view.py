"""The gateway: users' requests on their way, and the keys that they bear."""

from typing import Literal

from msgspec import Struct

from engine.values import GatewayMode

UserRequestState = Literal["waiting", "speaking", "answered", "refused", "left"]
"""`waiting` for the first text, `speaking` while it comes, `left` where the user hung up."""


class UserRequestView(Struct, frozen=True, kw_only=True):
    """One user's request. `first_ms` is the time to its first text, `ms` that to its end, None before it. `uid` is the
    miner that answered, `round` the round that shows why; `price` is what its tokens cost by the operator's setting."""

    number: int
    at: float
    key: str
    mode: GatewayMode
    streamed: bool
    state: UserRequestState
    round: str = ""
    uid: int | None = None
    first_ms: float | None = None
    ms: float | None = None
    tokens: int = 0
    price: float = 0.0
    reason: str = ""


class UserKeyView(Struct, frozen=True, kw_only=True):
    """A user's key: what it may ask, None for as much as anybody may, and what it has used this month. `expires_at` in
    unix seconds; `mode` is "" for the usual one."""

    name: str
    made_at: float
    expires_at: float | None = None
    mode: str = ""
    keeps_nothing: bool = False
    admin: bool = False
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_month: int | None = None
    tokens_per_month: int | None = None
    requests_used: int = 0
    tokens_used: int = 0


class GatewayView(Struct, frozen=True, kw_only=True):
    """The gateway: where it listens, its last requests, newest last, how many there were, and its keys."""

    address: str
    mode: GatewayMode
    ready: bool = False
    readiness: str = ""
    requests_total: int = 0
    tokens_total: int = 0
    price_total: float = 0.0
    requests: tuple[UserRequestView, ...] = ()
    keys: tuple[UserKeyView, ...] = ()
