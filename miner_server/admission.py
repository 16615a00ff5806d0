"""Who may call how often: rates for strangers, for claims and for proven hotkeys.

A hotkey in a header is a claim until a key or a signature proves it. Proven requests are charged to the hotkey, failed
claims to the address they came from: naming a validator neither uses up its rate nor lifts a stranger's limits. A
validator may share its address with someone who makes false claims, through a proxy or a NAT. So an address that has
spent its claims is still heard, but in turn, and no proven request is refused because of its address.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from engine.transport.errors import Refusal
from miner_server.allowlist import AllowList
from miner_server.fair_queue import FairQueue
from miner_server.hosts import network
from miner_server.limits import RateLimiter

Gate = Literal["lookup", "handshake", "challenge"]

STRANGER_PER_MINUTE: dict[Gate, int] = {"lookup": 120, "handshake": 10, "challenge": 30}
"""Per address and path, for requests that name no allow-listed hotkey."""

HOTKEY_PER_MINUTE: dict[Gate, int] = {"handshake": 60, "challenge": 240}
"""Per allow-listed hotkey, once proven."""

CLAIMS_PER_MINUTE = 600
CLAIMS_BURST = 100
"""Per address: failed claims to be an allow-listed hotkey, before further ones have to wait their turn."""

HEARINGS_PER_S = 500
"""Claims from addresses that have spent theirs, in total: at 0.2 ms per signature, a tenth of a core. Each waiting one
has its own connection, of which an address may have 256, so the last one is heard within 0.5 s."""

MOST_WAITING = 4096
"""More than the number of connections."""

MOST_KNOWN = 1024
"""Addresses from which validators have called, at about 200 bytes each; a subnet has at most 256 neurons."""


class Admission:
    """The gates in front of the routes. Each method lets the request pass or raises `Refusal` (403, 429)."""

    def __init__(self, allow: AllowList, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.allow = allow
        self._strangers = {gate: RateLimiter(rate, clock=clock) for gate, rate in STRANGER_PER_MINUTE.items()}
        self._hotkeys = {gate: RateLimiter(rate, clock=clock) for gate, rate in HOTKEY_PER_MINUTE.items()}
        self._claims = RateLimiter(CLAIMS_PER_MINUTE, burst=CLAIMS_BURST, clock=clock)
        self._hearings = FairQueue(slots=1, waiting=MOST_WAITING, waiting_per_caller=MOST_WAITING)
        self._known: OrderedDict[str, None] = OrderedDict()

    def stranger(self, gate: Gate, host: str, path: str) -> None:
        """A request that names no allow-listed hotkey: charged to its address."""
        _pass(self._strangers[gate].take((network(host), path)), "too many requests from this address")

    def listed(self, gate: Gate, host: str, path: str, hotkey: str) -> None:
        """Refuses a hotkey that is not on the allow-list, and charges it as a stranger."""
        reason = self.allow.refusal(hotkey)
        if reason is not None:
            self.stranger(gate, host, path)
            raise Refusal(403, reason)

    def is_heard(self, host: str) -> bool:
        """Whether a claim from this address is checked at once, and has no need to `hear` it in turn."""
        return not self._claims.wait(network(host))

    async def hear(self, host: str) -> None:
        """Wait before a costly check of a claim, in turn with other addresses that have spent their claims."""
        who = network(host)
        await self._hearings.enter(who)
        try:
            await asyncio.sleep(1 / HEARINGS_PER_S)
        finally:
            self._hearings.leave(1 / HEARINGS_PER_S)

    @property
    def waiting(self) -> int:
        """How many claims wait to be heard."""
        return self._hearings.queued

    def unproven(self, host: str) -> None:
        """Charge a claim that failed to its address."""
        _pass(self._claims.take(network(host)), "too many unproven requests from this address")

    def proven(self, host: str) -> None:
        """Note that a listed hotkey has proven itself from this address."""
        who = network(host)
        self._known[who] = None
        self._known.move_to_end(who)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def knows(self, host: str) -> bool:
        """Whether a validator has called from this address before."""
        return network(host) in self._known

    def may(self, gate: Gate, hotkey: str) -> None:
        """Refuses a hotkey that has no tokens left. Takes none, since it is only a claim so far."""
        _pass(self._hotkeys[gate].wait(hotkey), "too many requests from this hotkey")

    def spend(self, gate: Gate, hotkey: str) -> None:
        """Charge a proven request to its hotkey."""
        _pass(self._hotkeys[gate].take(hotkey), "too many requests from this hotkey")


def _pass(wait: float, reason: str) -> None:
    if wait:
        raise Refusal(429, reason, retry_after=wait, gate="rate")
