"""Who may come in, and how often: the allow-list, and the rates for strangers, for claims and for proven hotkeys.

A hotkey in a header is a claim until a key or a signature proves it. Claims are paid by the caller's address, so that
naming a validator neither uses up what that validator may ask nor lifts the limits of a stranger; only what is proven
is paid by the hotkey.
"""

import time
from collections.abc import Callable, Collection, Hashable, Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Literal

from miner_server.errors import Refusal
from miner_server.limits import RateLimiter

Gate = Literal["lookup", "handshake", "challenge"]

STRANGER_PER_MINUTE: dict[Gate, int] = {"lookup": 120, "handshake": 10, "challenge": 30}
"""For one address and path, without an allow-listed name."""

HOTKEY_PER_MINUTE: dict[Gate, int] = {"handshake": 60, "challenge": 240}
"""For one allow-listed hotkey, proven."""

CLAIMS_PER_MINUTE = 600
CLAIMS_BURST = 100
"""For one address: requests that name an allow-listed hotkey and did not prove it. Quickly refilled, since a validator
may share its address with whoever makes false claims."""


BLOCKED = "blocked by this miner's operator"


class AllowList:
    """The hotkeys that may ask: the chain's permit holders, and those that the operator named. Nobody otherwise.

    Those that the operator blocked may not, whoever they are.
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self._extra = frozenset(extra)
        self._allowed = self._extra
        self._blocked: frozenset[str] = frozenset()

    def set_permit_holders(self, hotkeys: Collection[str]) -> None:
        """Replace what the chain said before."""
        self._allowed = self._extra | frozenset(hotkeys)

    def set_blocked(self, hotkeys: Collection[str]) -> None:
        """Replace what the operator said before."""
        self._blocked = frozenset(hotkeys)

    @property
    def hotkeys(self) -> frozenset[str]:
        return self._allowed

    @property
    def blocked(self) -> frozenset[str]:
        return self._blocked

    def refusal(self, hotkey: str) -> str | None:
        """Why this hotkey may not ask; None when it may."""
        if hotkey in self._blocked:
            return BLOCKED
        if hotkey in self._allowed:
            return None
        if not self._allowed:
            return "no validator is known yet: the chain has not named any, and --allow none"
        return "this hotkey holds no validator permit here and is not on this miner's list"


class Admission:
    """The gates in front of the routes. Each call lets the request pass or raises `Refusal` (403, 429)."""

    def __init__(self, allow: AllowList, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.allow = allow
        self._strangers = {gate: RateLimiter(rate, clock=clock) for gate, rate in STRANGER_PER_MINUTE.items()}
        self._hotkeys = {gate: RateLimiter(rate, clock=clock) for gate, rate in HOTKEY_PER_MINUTE.items()}
        self._claims = RateLimiter(CLAIMS_PER_MINUTE, burst=CLAIMS_BURST, clock=clock)

    def stranger(self, gate: Gate, host: str, path: str) -> None:
        """A request without an allow-listed name, paid by its address."""
        _pass(self._strangers[gate].take((network(host), path)), "too many requests from this address")

    def listed(self, gate: Gate, host: str, path: str, hotkey: str) -> None:
        """Whether this hotkey is on the allow-list; whoever is not is a stranger."""
        reason = self.allow.refusal(hotkey)
        if reason is not None:
            self.stranger(gate, host, path)
            raise Refusal(403, reason)

    def claim(self, host: str) -> None:
        """A request in the name of a listed hotkey, without proof so far, paid by its address."""
        _pass(self._claims.take(network(host)), "too many unproven requests from this address")

    def proven(self, host: str) -> None:
        """The claim held: the address gets its token back."""
        self._claims.give_back(network(host))

    def may(self, gate: Gate, hotkey: str) -> None:
        """Whether this hotkey has a token left. Takes none, since it may only be a name so far."""
        _pass(self._hotkeys[gate].wait(hotkey), "too many requests from this hotkey")

    def spend(self, gate: Gate, hotkey: str) -> None:
        """A request that this hotkey proved to be its own."""
        _pass(self._hotkeys[gate].take(hotkey), "too many requests from this hotkey")


def _pass(wait: float, reason: str) -> None:
    if wait:
        raise Refusal(429, reason, retry_after=wait)


@lru_cache(maxsize=4096)
def network(host: str) -> Hashable:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 user holds."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.packed[:8]
    return address
