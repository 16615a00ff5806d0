"""A wire dialect: how the neurons of one network talk, at both ends.

A dialect is a module in `dialects` that ends in one `Dialect`: a caller for the validator's end and routes for the
miner's. A route only defines whom a request names, what it signs, how its answer is written and how it is described
(`doc`). Who may call and how often, what counts as a replay and how much is read is decided by `desk` and the miner
server, which no dialect can bypass. Challenge and completion are the same in all dialects (`wire`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from engine.keys import Signer
from engine.transport.description import RouteDoc
from engine.transport.errors import Refusal
from engine.transport.gate import WINDOW_S, Claim
from engine.transport.http import HttpReply, PeerClients
from engine.transport.rsa import RsaKey
from engine.transport.sessions import KEY_TTL_S
from engine.transport.wire import Completion, read_request
from engine.transport.x25519 import X25519Key
from engine.values import Challenge, Peer, Request

EXCHANGE_BYTES = 16 * 1024
"""The longest message of a handshake, at both ends; Loosh's is 1 KB, Fiber's less."""

# -- the validator's end ---------------------------------------------------------------------------------------


class Availability(Struct, frozen=True):
    """Whether a peer reports that it accepts challenges; the reason if it does not or cannot be asked.

    `retry_after` is how many seconds it asks to be left alone, if given; `dialect` is its dialect, once known.
    """

    available: bool
    reason: str = ""
    ms: float = 0.0
    retry_after: float | None = None
    dialect: str = ""


class Probe(Struct, frozen=True):
    """How a validator finds out whether a peer speaks a dialect: a GET of `path`, and a test of the reply.

    With `bare` it is a POST of an empty object without any proof, whose refusal tells what proof is missing.
    """

    path: str
    spoken: Callable[[HttpReply], bool]
    bare: bool = False


class TimedAnswer(Struct, frozen=True):
    """A peer's answer. `ms` runs from the challenge's last byte sent to the answer's last byte received."""

    completion: Completion
    ms: float


class Caller(Protocol):
    """Asks peers. One object serves all peers and any number of calls at once."""

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        """Never raises for what a peer does. `timeout` in seconds."""
        ...

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        """Send one challenge and return the complete answer.

        `timeout`, in seconds, bounds everything including a handshake; `max_bytes` bounds each body read. `on_text`
        gets the answer's text piece by piece as it arrives, or in one piece if the dialect does not stream.
        Raises WireError.
        """
        ...


@runtime_checkable
class Upgrading(Caller, Protocol):
    """A caller that goes over to another dialect with the peers that offer it."""

    def upgraded(self, peer: Peer) -> str:
        """The dialect that it has gone over to with this peer, or ""."""
        ...


@runtime_checkable
class Multilingual(Caller, Protocol):
    """A caller that asks some peers in one dialect and some in another."""

    def dialect_of(self, peer: Peer) -> str:
        """The name of the dialect in which this peer is asked; "" while it is unknown."""
        ...


class ValidatorEnd(Struct, frozen=True):
    """What a validator's callers share: the signer, and the connections, which check every address."""

    signer: Signer
    clients: PeerClients


# -- the miner's end -------------------------------------------------------------------------------------------


class Received(Protocol):
    """A request. `target` is its path with the query; `body` is empty until it has been read."""

    @property
    def target(self) -> str: ...

    @property
    def body(self) -> bytes: ...

    def header(self, name: bytes) -> str | None:
        """The first header of this name (lower case)."""
        ...


def header_of(call: Received, name: str) -> str:
    """The first header of this name (lower case), "" without one."""
    return call.header(name.encode()) or ""


def require_headers(call: Received, names: Sequence[str]) -> None:
    """Raises Refusal that names each missing header, in FastAPI's words, as the field's own miners do."""
    missing = [name for name in names if call.header(name.encode()) is None]
    if missing:
        raise Refusal(422, [{"type": "missing", "loc": ["header", name], "msg": "Field required"} for name in missing])


MARK_BYTES = 16
"""An authentication tag, or half of one: no two messages have the same."""


class SymmetricKey(Protocol):
    """A key brought by a caller. Keys with the same bytes are equal. A message of more bytes than `thread_above` is
    opened in a thread."""

    @property
    def thread_above(self) -> int: ...

    @property
    def secret(self) -> bytes:
        """Its bytes, from which `Routes.key_of` restores it after a restart."""
        ...

    def decoded(self, token: bytes) -> bytes:
        """The sealed message itself, however it is encoded: its last `MARK_BYTES` identify it. Raises Refusal."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """What is in a `decoded` message. Raises Refusal."""
        ...

    def seal(self, clear: bytes) -> bytes: ...


class Response(NamedTuple):
    """A reply: `headers` in addition to content-type and content-length; `close` ends the connection."""

    body: bytes
    media: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    status: int = 200
    close: bool = False


class LookupRoute(Struct, frozen=True):
    """GET `path`: JSON for anyone, as cheap as a refusal. `answer` may raise Refusal."""

    method: ClassVar[str] = "GET"
    bears: ClassVar[tuple[bytes, ...]] = ()
    path: str
    answer: Callable[[], bytes]
    doc: RouteDoc = RouteDoc()


class HandshakeRoute(Struct, frozen=True, kw_only=True):
    """POST `path`: a caller brings a key, in a body of at most EXCHANGE_BYTES.

    `claimant` is the hotkey that the request names, `claim` what that hotkey signed. Once the claim is verified, `take`
    reads the key and returns its uuid and the key; `answer` is the reply. Each of the three may raise Refusal. `bears`
    are the headers that identify a request for this route if dialects share the path.
    """

    method: ClassVar[str] = "POST"
    path: str
    claimant: Callable[[Received], str]
    claim: Callable[[Received], Claim]
    take: Callable[[Received], Awaitable[tuple[str, SymmetricKey]]]
    answer: bytes
    bears: tuple[bytes, ...] = ()
    doc: RouteDoc = RouteDoc()


def _unknown_key() -> Refusal:
    return Refusal(401, "this symmetric key is unknown or has expired: shake hands again")


class AnswerStream(Protocol):
    """One answer that is sent while it is being given, as a body of content type `media`."""

    @property
    def media(self) -> bytes:
        """The content type of the stream."""
        ...

    def piece(self, text: str) -> bytes:
        """What to send for the next piece of its text."""
        ...

    def end(self, completion: Completion) -> bytes:
        """What to send last: the rest of the answer. `completion` lacks the text that was sent in pieces."""
        ...


class QuestionRoute(Struct, frozen=True, kw_only=True):
    """POST `path`: a challenge, proven by its hotkey's signature (`claim`), by a key that it brought (`key_uuid`), or
    by both; one of them is required.

    `claimant` is the hotkey that the headers name and `key_uuid` the key; both are read before the body. `unknown_key`
    is the refusal for an unknown or expired key. `read` gets the decrypted body and the size limit in bytes. Each may
    raise Refusal, `read` WireError too. `bears` as in HandshakeRoute.
    """

    method: ClassVar[str] = "POST"
    path: str
    claimant: Callable[[Received], str]
    claim: Callable[[Received], Claim] | None = None
    key_uuid: Callable[[Received], str] | None = None
    unknown_key: Callable[[], Refusal] = _unknown_key
    read: Callable[[bytes, int], Request] = read_request
    bears: tuple[bytes, ...] = ()
    doc: RouteDoc = RouteDoc()

    def __post_init__(self) -> None:
        if self.claim is None and self.key_uuid is None:
            raise ValueError(f"{self.path}: a question is proven by a claim or by a key")


class ChallengeRoute(QuestionRoute, frozen=True, kw_only=True):
    """A challenge whose answer `respond` writes in one piece, sealed with the key or not; it may raise Refusal."""

    respond: Callable[[Received, SymmetricKey | None, Completion], Response]


class StreamedRoute(QuestionRoute, frozen=True, kw_only=True):
    """A challenge whose answer is sent while it is being given, as `stream` writes it, sealed with the key or not."""

    stream: Callable[[Received, SymmetricKey | None], AnswerStream]


class StatusRoute(Struct, frozen=True, kw_only=True):
    """GET `path`: this miner's status, for hotkeys that prove themselves with a signature.

    `claimant`, `claim` and `bears` as in HandshakeRoute; there is no body.
    """

    method: ClassVar[str] = "GET"
    path: str
    claimant: Callable[[Received], str]
    claim: Callable[[Received], Claim]
    bears: tuple[bytes, ...] = ()
    doc: RouteDoc = RouteDoc()


class UnprovenRoute(Struct, frozen=True, kw_only=True):
    """POST `path`: a challenge without proof of its sender, so anyone may have sent it; only if the operator allows it.

    It is charged to its address, not to the hotkey that it names. `claimant`, `read`, `respond` and `bears` as in
    ChallengeRoute.
    """

    method: ClassVar[str] = "POST"
    path: str
    claimant: Callable[[Received], str]
    respond: Callable[[Received, SymmetricKey | None, Completion], Response]
    read: Callable[[bytes, int], Request] = read_request
    bears: tuple[bytes, ...] = ()
    doc: RouteDoc = RouteDoc()


AnyRoute = LookupRoute | HandshakeRoute | ChallengeRoute | StreamedRoute | StatusRoute | UnprovenRoute


class Routes(Struct, frozen=True, kw_only=True):
    """The routes of a dialect at one miner.

    A claim's timestamp may be `window` seconds behind, and as many ahead unless `ahead` is given. A key opens messages
    for `key_ttl` seconds; it survives a restart if `key_of` can restore it from its `secret` (or raises ValueError).
    `denied` is the status for a claim that does not verify. With `signs_alike` a sealed challenge, a handshake and a
    look at the status are signed in the same words, so that each would pass for the others. `closed` says of paths that
    the operator has not opened why that is so.
    """

    routes: tuple[AnyRoute, ...]
    closed: dict[str, str] = {}
    window: float = WINDOW_S
    ahead: float | None = None
    key_ttl: float = KEY_TTL_S
    denied: int = 401
    signs_alike: bool = False
    key_of: Callable[[bytes], SymmetricKey] | None = None


class MinerEnd(Struct, frozen=True, kw_only=True):
    """What a miner's dialects share: its hotkey, its RSA key, and the operator's settings for `Routes`.

    `x25519` is the key of our own dialect, if it is spoken; `unproven` says whether challenges without proof of their
    sender are answered.
    """

    signer: Signer
    rsa: RsaKey
    window: float = WINDOW_S
    key_ttl: float = KEY_TTL_S
    unproven: bool = False
    x25519: X25519Key | None = None


class Dialect(Struct, frozen=True):
    """Both ends of a dialect: how a validator calls, and what a miner answers.

    `probes` tell it from others, the most reliable first. A dialect without probes is used only for peers for which it
    was chosen.
    """

    name: str
    caller: Callable[[ValidatorEnd], Caller]
    routes: Callable[[MinerEnd], Routes]
    probes: tuple[Probe, ...] = ()
