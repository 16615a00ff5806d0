"""Who holds a connection to the server, and who gives way when there is no room.

Only a caller that has proven itself keeps its place, while it is being answered. All others keep theirs until someone
else needs it, so that idle and unfinished connections shut nobody out, however many addresses they come from.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

from miner_server.hosts import network

MOST = 768
"""Connections per server; each may hold a head of `HEAD_BYTES` and a body. Systems allow a process 1024 files."""

MOST_PER_ADDRESS = 256
"""Connections per IPv4 address or IPv6 /64: three of them fill the server. A validator needs 16; behind one address, as
that of a NAT, there may be as many callers as a subnet has neurons."""


class Connection(Protocol):
    """An open connection, as far as the table of seats needs it."""

    def give_way(self) -> None:
        """Close at once."""
        ...


class Seat:
    """One connection's place. `since` is when it last became idle, on the monotonic clock."""

    __slots__ = ("address", "asking", "connection", "held", "host", "since", "trusted")

    def __init__(self, host: str, connection: Connection) -> None:
        self.host = host
        self.address = network(host)
        self.connection = connection
        self.since = time.monotonic()
        self.asking = False
        self.held = False
        self.trusted = False

    def ask(self) -> None:
        """Note that a complete request has arrived."""
        self.asking = True

    def prove(self) -> None:
        """Note that the caller has proven to be a validator: it keeps its place until it is answered."""
        self.held = self.trusted = True

    def rest(self) -> None:
        """Note that nothing is being answered any more."""
        self.asking = self.held = False
        self.since = time.monotonic()


class Places:
    """The places of one server.

    `known` says whether a validator has called from a host, `shared` whether it is a proxy with many callers behind it.
    """

    def __init__(self, *, known: Callable[[str], bool], shared: Callable[[str], bool]) -> None:
        self._known = known
        self._shared = shared
        self._seats: dict[Seat, None] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._seats)

    def take(self, host: str, connection: Connection) -> Seat | None:
        """Take a place, someone else's if necessary; None if nobody can give way."""
        seat = Seat(host, connection)
        crowded = self._by_address[seat.address] >= MOST_PER_ADDRESS and not self._shared(host)
        if crowded and not self._make_room(other for other in self._seats if other.address == seat.address):
            return None
        if len(self._seats) >= MOST and not self._make_room(self._seats):
            return None
        self._seats[seat] = None
        self._by_address[seat.address] += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """Free a place, unless it has already been taken away."""
        if seat in self._seats:
            del self._seats[seat]
            self._by_address[seat.address] -= 1
            if not self._by_address[seat.address]:
                del self._by_address[seat.address]

    def _make_room(self, seats: Iterable[Seat]) -> bool:
        """Those that never proved anything go first, then unknown hosts, then the idle, then the oldest."""
        movable = [seat for seat in seats if not seat.held]
        if not movable:
            return False
        seat = min(movable, key=lambda seat: (seat.trusted, self._is_known(seat.host), seat.asking, seat.since))
        self.leave(seat)
        seat.connection.give_way()
        return True

    def _is_known(self, host: str) -> bool:
        return self._known(host) or self._shared(host)
