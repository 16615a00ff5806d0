"""The validator's end of all dialects: each neuron is asked in its own dialect."""

from collections.abc import Callable, Mapping

from engine.keys import Signer
from engine.transport.dialect import Availability, Caller, TimedAnswer, ValidatorEnd
from engine.transport.dialects.registry import DIALECTS, USUAL
from engine.transport.http import PeerClients
from engine.values import Challenge, Peer


class Callers:
    """A `Caller` that asks each peer in the dialect `chosen` for its hotkey, or else in the `usual` one.

    `allow_private`, `own` and `connect_timeout` as for `PeerClients`. Raises ValueError for an unknown dialect.
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
        unknown = {usual, *self._chosen.values()} - {*DIALECTS}
        if unknown:
            raise ValueError(f"unknown dialect {min(unknown)!r}; known are {', '.join(DIALECTS)}")
        self._callers: dict[str, Caller] = {name: one.caller(end) for name, one in DIALECTS.items()}

    def dialect_of(self, peer: Peer) -> str:
        """The name of the dialect in which this peer is asked."""
        return self._chosen.get(peer.hotkey, self._usual)

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        return await self._callers[self.dialect_of(peer)].available(peer, timeout=timeout)

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        caller = self._callers[self.dialect_of(peer)]
        return await caller.ask(peer, challenge, timeout=timeout, max_bytes=max_bytes, on_text=on_text)

    async def close(self) -> None:
        """Close the connections of all dialects."""
        await self._clients.close()
