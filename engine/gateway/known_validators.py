"""The validators that a Challenge API knows: those that the operator names, and those of the subnet."""

from collections.abc import Sequence

from engine.values import Metagraph, Peer


class KnownValidators:
    """`named` are the operator's, with their addresses; `own` is our hotkey."""

    def __init__(self, named: Sequence[Peer], own: str) -> None:
        self._named = {peer.hotkey: peer for peer in named}
        self._own = own
        self._permits: dict[str, Peer | None] = {}
        self._registered: frozenset[str] = frozenset()

    def hear(self, metagraph: Metagraph) -> None:
        """The subnet as it is now."""
        self._registered = frozenset(one.hotkey for one in metagraph.neurons)
        self._permits = {
            one.hotkey: Peer(one.hotkey, one.ip, one.port) if one.serving else None
            for one in metagraph.neurons
            if one.validator_permit and one.hotkey != self._own
        }

    @property
    def at_addresses(self) -> tuple[Peer, ...]:
        """Those that may be pushed to. An operator's address goes before that on chain."""
        on_chain = {hotkey: peer for hotkey, peer in self._permits.items() if peer is not None}
        return tuple((on_chain | self._named).values())

    @property
    def permits(self) -> dict[str, bool]:
        """Each of them by hotkey, and whether the subnet permits it: the others the operator has named."""
        return {hotkey: hotkey in self._permits for hotkey in (*self._permits, *self._named)}

    def ip_of(self, hotkey: str) -> str:
        """Where it can be reached; "" if that is not known."""
        peer = self._named.get(hotkey) or self._permits.get(hotkey)
        return "" if peer is None else peer.host

    def refusal(self, hotkey: str) -> str | None:
        """Why this is no validator of ours; None if it is one."""
        return None if hotkey in self._permits or hotkey in self._named else "this hotkey is no validator here"

    def stranger(self, hotkey: str) -> str | None:
        """Why this hotkey may not even look; None for a neuron of the subnet, and a named one."""
        if hotkey in self._registered or hotkey in self._named:
            return None
        return "this hotkey is not registered on the subnet"
