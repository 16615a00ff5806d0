"""What callers of all dialects share: a peer's availability, an exchange under a session, a refusal in words."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.transport.dialect import EXCHANGE_BYTES, Availability, TimedAnswer
from engine.transport.errors import Busy, WireError, brief
from engine.transport.http import HttpReply, PeerClients, within
from engine.transport.sessions import Sessions
from engine.transport.wire import Completion, load_json
from engine.values import Peer

S = TypeVar("S")

AVAILABILITY_PATH = "/availability"
NO_SUCH_ROUTE = (404, 405)
TOO_MANY = 429
BUSY = (TOO_MANY, 503)
"""HTTP's statuses, by what they tell of a miner."""


async def availability(clients: PeerClients, peer: Peer, *, timeout: float) -> Availability:
    """The peer's reply at `/availability`. `timeout` is in seconds. Never raises for what a peer does."""
    try:
        return read_availability(await _asked(clients, peer, timeout))
    except WireError as error:
        return unavailable(error)


class OptionalAvailability:
    """Base of callers whose protocol has no route for availability: a miner without one counts as available."""

    def __init__(self, clients: PeerClients) -> None:
        self._clients = clients

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        try:
            reply = await _asked(self._clients, peer, timeout)
            return Availability(True, ms=reply.ms) if reply.status in NO_SUCH_ROUTE else read_availability(reply)
        except WireError as error:
            return unavailable(error)


async def _asked(clients: PeerClients, peer: Peer, timeout: float) -> HttpReply:
    async with within(timeout):
        return await clients.get(peer, AVAILABILITY_PATH, max_bytes=EXCHANGE_BYTES)


def read_availability(reply: HttpReply) -> Availability:
    """What a reply at `/availability` says. Raises WireError if it is not an object."""
    said = load_json(reply.body)
    if reply.ok and said.get("available") is True:
        return Availability(True, ms=reply.ms)
    why = said.get("reason") or said.get("error") or said.get("detail") or "no reason given"
    return Availability(False, f"{reply.status}: {brief(str(why))}", reply.ms, reply.retry_after)


def unavailable(error: WireError) -> Availability:
    """The availability of a peer that could not be asked."""
    again = error.retry_after if isinstance(error, Busy) else None
    return Availability(False, f"{error.status}: {error.reason}", retry_after=again)


async def ask(
    sessions: Sessions[S],
    peer: Peer,
    shake: Callable[[HttpReply | None], Awaitable[S]],
    send: Callable[[S], Awaitable[tuple[HttpReply, Completion | None]]],
) -> TimedAnswer:
    """Send a challenge under the peer's session; if the peer has lost the key, once more under a new one.

    `send` returns the reply, with None if the two ends do not hold the same key. `shake` makes a session, and is given
    the reply that asked for it. `ms` runs from when the miner first had the challenge. A handshake before that is not
    counted; one that the miner asks for afterwards is, or it could work on the answer while pretending to have lost the
    key. Raises WireError.
    """
    session = await sessions.obtain(peer, lambda: shake(None))
    asked_at = resent_at = time.monotonic()
    reply, completion = await send(session)
    if completion is None:
        lost = reply
        session = await sessions.obtain(peer, lambda: shake(lost), instead_of=session)
        resent_at = time.monotonic()
        reply, completion = await send(session)
    if completion is not None:
        return TimedAnswer(completion, reply.ms + (resent_at - asked_at) * 1000)
    if reply.ok:
        raise WireError("malformed", "cannot decrypt the answer: a different key, or clocks more than a minute apart")
    raise refused(reply, "challenge, after a new handshake")


def gives_key(reply: HttpReply) -> bool:
    """Whether a reply satisfies a `Probe` for a public key."""
    try:
        return reply.ok and isinstance(load_json(reply.body).get("public_key"), str)
    except WireError:
        return False


def refused(reply: HttpReply, what: str) -> WireError:
    """A non-2xx reply as the reason why `what` failed."""
    try:
        detail = load_json(reply.body).get("detail")
    except WireError:
        detail = None
    words = f": {brief(detail)}" if isinstance(detail, str) else ""
    reason = f"{what}: {reply.status}{words}"
    if reply.status == TOO_MANY:
        return Busy(reason, reply.retry_after)
    return WireError("refused", reason, code=reply.status)
