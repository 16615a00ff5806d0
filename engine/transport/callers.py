"""The validator's end of all dialects: asks each neuron in its own dialect, which may be found by probing."""

import time
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from engine.keys import Signer
from engine.transport.dialect import Availability, Caller, Probe, TimedAnswer, Upgrading, ValidatorEnd
from engine.transport.dialects.registry import DIALECTS, USUAL
from engine.transport.errors import Busy, WireError
from engine.transport.exchange import BUSY, unavailable
from engine.transport.http import HttpReply, PeerClients, within
from engine.values import Challenge, Peer

AUTO = "auto"
"""In place of a dialect's name: find it out by probing."""

PROBE_BYTES = 16 * 1024
MOST_FOUND = 4096
"""Bytes read of a probe's reply, and peers whose dialect is remembered."""


class Callers:
    """A `Caller` that asks each peer in the dialect `chosen` for its hotkey, or otherwise in the `usual` one.

    With `AUTO` a peer is probed, and its dialect is remembered until it refuses a challenge or answers nonsense.
    `allow_private`, `own` and `connect_timeout` as in `PeerClients`. Raises ValueError for an unknown dialect.
    """

    def __init__(
        self,
        signer: Signer,
        *,
        usual: str = USUAL,
        chosen: Mapping[str, str] | None = None,
        allow_private: bool = False,
        own: frozenset[tuple[str, int]] = frozenset(),
        connect_timeout: float = 5.0,
    ) -> None:
        self._clients = PeerClients(allow_private=allow_private, own=own, connect_timeout=connect_timeout)
        end = ValidatorEnd(signer, self._clients)
        self._chosen = dict(chosen or {})
        self._usual = usual
        unknown = {usual, *self._chosen.values()} - {*DIALECTS, AUTO}
        if unknown:
            raise ValueError(f"unknown dialect {min(unknown)!r}; known are {', '.join((AUTO, *DIALECTS))}")
        self._callers: dict[str, Caller] = {name: one.caller(end) for name, one in DIALECTS.items()}
        self._found: dict[Peer, str] = {}

    def dialect_of(self, peer: Peer) -> str:
        """The name of the dialect in which this peer is asked; "" while it is unknown."""
        name = self._asked_in(peer)
        caller = self._callers.get(name)
        return (caller.upgraded(peer) if isinstance(caller, Upgrading) else "") or name

    def choose(self, dialects: Mapping[str, str]) -> None:
        """Ask these hotkeys in these dialects from now on, all others in the usual one; an unknown dialect counts as
        none."""
        self._chosen = {hotkey: name for hotkey, name in dialects.items() if name in (*DIALECTS, AUTO)}

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        began = time.monotonic()
        try:
            caller = await self._caller_for(peer, timeout)
        except WireError as error:
            return unavailable(error)
        found = await caller.available(peer, timeout=max(0.0, timeout - (time.monotonic() - began)))
        return replace(found, dialect=self.dialect_of(peer))

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        async with within(timeout):
            caller = await self._caller_for(peer, timeout)
            try:
                return await caller.ask(peer, challenge, timeout=timeout, max_bytes=max_bytes, on_text=on_text)
            except Busy:
                raise
            except WireError as error:
                if error.status in ("refused", "malformed"):
                    self._found.pop(peer, None)
                raise

    async def close(self) -> None:
        """Close the connections of all dialects."""
        await self._clients.close()

    def _asked_in(self, peer: Peer) -> str:
        """The dialect in which the first word is said to this peer; "" while it is unknown."""
        set_for = self._chosen.get(peer.hotkey, self._usual)
        return self._found.get(peer, "") if set_for == AUTO else set_for

    async def _caller_for(self, peer: Peer, timeout: float) -> Caller:
        """Raises WireError for a peer that has to be probed but cannot be, or speaks no known dialect."""
        name = self._asked_in(peer)
        if not name:
            async with within(timeout):
                name = await self._probe(peer)
            while len(self._found) >= MOST_FOUND:
                del self._found[next(iter(self._found))]
            self._found[peer] = name
        return self._callers[name]

    async def _probe(self, peer: Peer) -> str:
        failures, busy, replies = list[WireError](), list[HttpReply](), 0
        for name, probe in _probes():
            try:
                reply = await self._sent(peer, probe)
            except WireError as error:  # it may hang up on an unknown path
                failures.append(error)
                continue
            replies += 1
            if reply.status in BUSY:  # any server may say so on any path
                busy.append(reply)
            elif probe.spoken(reply):
                return name
        if not replies:
            raise failures[0]
        if busy:
            raise Busy(f"{busy[0].status}: too busy to say which dialect it speaks", busy[0].retry_after)
        tried = ", ".join(name for name, one in DIALECTS.items() if one.probes)
        raise WireError("refused", f"it speaks none of the dialects that were tried: {tried}")

    async def _sent(self, peer: Peer, probe: Probe) -> HttpReply:
        if not probe.bare:
            return await self._clients.get(peer, probe.path, max_bytes=PROBE_BYTES)
        headers = {"Content-Type": "application/json"}
        return await self._clients.post(peer, probe.path, b"{}", headers, max_bytes=PROBE_BYTES)


def _probes() -> Iterator[tuple[str, Probe]]:
    """Each dialect's surest probe, then the second of those that have one, and so on."""
    most = max(len(one.probes) for one in DIALECTS.values())
    for place in range(most):
        for name, one in DIALECTS.items():
            if place < len(one.probes):
                yield name, one.probes[place]
