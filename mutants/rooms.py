"""Where faults are planted, which tests should find them, and which faults nobody can find."""

import random
import tomllib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from mutants.mutations import Mutation, sites

_HERE = Path(__file__).parent


class Room(Struct, frozen=True, forbid_unknown_fields=True):
    """Patterns of modules, but for some, and the test files that should find what is wrong in them, those that are
    quick and likely to find it first."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    but: tuple[str, ...] = ()

    def modules(self, tree: Path) -> list[str]:
        """The modules of the room in the project's tree."""
        paths = {path.relative_to(tree) for pattern in self.sources for path in tree.glob(pattern)}
        return sorted(str(path) for path in paths if not any(path.match(other) for other in self.but))


class Fault(Struct, frozen=True):
    """A mutation as it is listed. The line is not part of it, since lines move."""

    file: str
    where: str
    was: str
    now: str


class Equivalent(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mutation that changes nothing that a test could see, and why."""

    reason: str


class Candidate(Struct, frozen=True):
    """A mutation that may be tried, in the room that it is of."""

    room: str
    fault: Fault
    mutation: Mutation


def load_rooms() -> dict[str, Room]:
    return msgspec.convert(tomllib.loads((_HERE / "rooms.toml").read_text()), dict[str, Room])


def load_equivalent() -> frozenset[Fault]:
    table = tomllib.loads((_HERE / "equivalent.toml").read_text())
    listed = msgspec.convert(table, dict[str, list[Equivalent]])["equivalent"]
    return frozenset(Fault(one.file, one.where, one.was, one.now) for one in listed)


def places(tree: Path, rooms: Mapping[str, Room], files: Container[str] | None = None) -> Iterator[list[Candidate]]:
    """What may go wrong at each place of the rooms' modules, or of those among them that are in `files`."""
    for name, room in rooms.items():
        for path in room.modules(tree):
            if files is not None and path not in files:
                continue
            for site in sites((tree / path).read_text()):
                yield [Candidate(name, Fault(path, one.where, one.was, one.now), one) for one in site]


def drawn(tree: Path, rooms: Mapping[str, Room], seed: int) -> Iterator[Candidate]:
    """One mutation of each place, in an order of chance."""
    chance = random.Random(seed)
    found = list(places(tree, rooms))
    chance.shuffle(found)
    return (chance.choice(place) for place in found)
