"""Who holds the server's connections, and who gives way when there is no room.

Only a caller that proved itself keeps its place, while it is answered. All others hold theirs until somebody else needs
one, so that idle and unfinished connections shut nobody out, however many addresses they come from.
"""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Protocol

from miner_server.addresses import network

MOST = 512
"""Connections of one server; each may hold a head of `protocol.HEAD_BYTES` and a body."""

MOST_PER_ADDRESS = 128
"""Connections of one IPv4 address or one IPv6 /64: four of them fill the server, and a validator needs 16."""

SEAT = "subnet_console.seat"
"""The key of a request's `Seat` in its scope's extensions."""


class Connection(Protocol):
    def give_way(self) -> None:
        """Close at once."""
        ...


class Seat:
    """One connection's place. `since` is when it last had nothing to wait for, on the monotonic clock."""

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
        """A whole request has come."""
        self.asking = True

    def prove(self) -> None:
        """The caller proved to be a validator: it keeps its place until it is answered."""
        self.held = self.trusted = True

    def rest(self) -> None:
        """Nothing is being answered any more."""
        self.asking = self.held = False
        self.since = time.monotonic()


class Places:
    """The places of one server.

    `known` says of a host whether a validator came from it, `shared` whether it is a proxy with many callers behind it.
    """

    def __init__(self, *, known: Callable[[str], bool], shared: Callable[[str], bool]) -> None:
        self._known = known
        self._shared = shared
        self._seats: dict[Seat, None] = {}
        self._by_address: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._seats)

    def take(self, host: str, connection: Connection) -> Seat | None:
        """A place, if need be that of somebody else; None when all who could give way are being answered."""
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
        """Free a place; one that was taken away is free already."""
        if seat in self._seats:
            del self._seats[seat]
            self._by_address[seat.address] -= 1
            if not self._by_address[seat.address]:
                del self._by_address[seat.address]

    def _make_room(self, seats: Iterable[Seat]) -> bool:
        """Who never proved anything goes first, of these strangers, of these who asks nothing, of these the oldest."""
        movable = [seat for seat in seats if not seat.held]
        if not movable:
            return False
        seat = min(movable, key=lambda seat: (seat.trusted, self._is_known(seat.host), seat.asking, seat.since))
        self.leave(seat)
        seat.connection.give_way()
        return True

    def _is_known(self, host: str) -> bool:
        return self._known(host) or self._shared(host)
