"""How often who may come in: the rates for strangers, for claims and for proven hotkeys.

A hotkey in a header is a claim until a key or a signature proves it. What is proven is paid by the hotkey, what turns
out not to hold by the address it came from: naming a validator neither uses up what that validator may ask nor lifts
the limits of a stranger. A validator may share its address with whoever makes false claims, through a proxy or a NAT.
So an address that has spent its claims is heard all the same, only in turn, and nothing that a validator proves is
refused for what its address did.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Literal

from engine.transport.errors import Refused
from miner_server.allowlist import AllowList
from miner_server.fair_queue import FairQueue
from miner_server.hosts import network
from miner_server.limits import RateLimiter

Gate = Literal["lookup", "handshake", "challenge"]

STRANGER_PER_MINUTE: dict[Gate, int] = {"lookup": 120, "handshake": 10, "challenge": 30}
"""For one address and path, without an allow-listed name."""

HOTKEY_PER_MINUTE: dict[Gate, int] = {"handshake": 60, "challenge": 240}
"""For one allow-listed hotkey, proven."""

CLAIMS_PER_MINUTE = 600
CLAIMS_BURST = 100
"""For one address: claims to be an allow-listed hotkey that did not hold, before they have to wait their turn."""

HEARINGS_PER_S = 500
"""Claims of addresses that have spent theirs, altogether: at 0.2 ms for a signature, a tenth of a core. Whoever waits
has a connection of its own, of which an address has 128, so that its last one is heard within 0.3 s."""

MOST_WAITING = 4096
"""More than there can be connections."""

MOST_KNOWN = 1024
"""Addresses from which validators came, at some 200 bytes each; a subnet has 256 neurons at most."""


class Admission:
    """The gates in front of the routes. Each call lets the request pass or raises `Refused` (403, 429)."""

    def __init__(self, allow: AllowList, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.allow = allow
        self._strangers = {gate: RateLimiter(rate, clock=clock) for gate, rate in STRANGER_PER_MINUTE.items()}
        self._hotkeys = {gate: RateLimiter(rate, clock=clock) for gate, rate in HOTKEY_PER_MINUTE.items()}
        self._claims = RateLimiter(CLAIMS_PER_MINUTE, burst=CLAIMS_BURST, clock=clock)
        self._hearings = FairQueue(slots=1, waiting=MOST_WAITING, waiting_per_caller=MOST_WAITING)
        self._known: OrderedDict[Hashable, None] = OrderedDict()

    def stranger(self, gate: Gate, host: str, path: str) -> None:
        """A request without an allow-listed name, paid by its address."""
        _pass(self._strangers[gate].take((network(host), path)), "too many requests from this address")

    def listed(self, gate: Gate, host: str, path: str, hotkey: str) -> None:
        """Whether this hotkey is on the allow-list; whoever is not is a stranger."""
        reason = self.allow.refusal(hotkey)
        if reason is not None:
            self.stranger(gate, host, path)
            raise Refused(403, reason)

    async def hear(self, host: str) -> None:
        """Before a claim is checked that costs something to check: at once, or in turn with all who spent theirs."""
        who = network(host)
        if not self._claims.wait(who):
            return
        await self._hearings.enter(str(who))
        try:
            await asyncio.sleep(1 / HEARINGS_PER_S)
        finally:
            self._hearings.leave(1 / HEARINGS_PER_S)

    def unproven(self, host: str) -> None:
        """The claim did not hold, which its address pays."""
        _pass(self._claims.take(network(host)), "too many unproven requests from this address")

    def proven(self, host: str) -> None:
        """A listed hotkey proved itself from this address."""
        who = network(host)
        self._known[who] = None
        self._known.move_to_end(who)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def knows(self, host: str) -> bool:
        """Whether a validator came from this address before."""
        return network(host) in self._known

    def may(self, gate: Gate, hotkey: str) -> None:
        """Whether this hotkey has a token left. Takes none, since it may only be a name so far."""
        _pass(self._hotkeys[gate].wait(hotkey), "too many requests from this hotkey")

    def spend(self, gate: Gate, hotkey: str) -> None:
        """A request that this hotkey proved to be its own."""
        _pass(self._hotkeys[gate].take(hotkey), "too many requests from this hotkey")


def _pass(wait: float, reason: str) -> None:
    if wait:
        raise Refused(429, reason, retry_after=wait)
