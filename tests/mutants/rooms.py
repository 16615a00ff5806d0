"""Where faults are planted, which tests should find them, and which faults cannot be found."""

import random
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.mutants.mutations import Mutation, sites

_HERE = Path(__file__).parent


class Patterns(Struct, frozen=True, forbid_unknown_fields=True):
    """A room of `rooms.toml`: globs of modules from the root, and of test files from `tests/unit`."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


class Room(Struct, frozen=True):
    """Modules, and the test files that should find what is wrong in them, in the order of `rooms.toml`."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


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


def load_rooms(tree: Path) -> dict[str, Room]:
    """As `rooms.toml` has them. A module is of the first room that it fits.

    Raises ValueError for a pattern that fits nothing, since what it was written for has moved.
    """
    listed = msgspec.convert(tomllib.loads((_HERE / "rooms.toml").read_text()), dict[str, Patterns])
    rooms: dict[str, Room] = {}
    placed: set[str] = set()
    for name, patterns in listed.items():
        fitting = _matches(tree, patterns.modules)
        tests = _matches(tree, [f"tests/unit/{pattern}" for pattern in patterns.tests])
        rooms[name] = Room(tuple(path for path in fitting if path not in placed), tuple(tests))
        placed.update(fitting)
    return rooms


def _matches(tree: Path, patterns: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for pattern in patterns:
        paths = sorted(str(path.relative_to(tree)) for path in tree.glob(pattern))
        if not paths:
            raise ValueError(f"rooms.toml: {pattern} fits no file")
        found |= dict.fromkeys(paths)
    return list(found)


def load_equivalent() -> frozenset[Fault]:
    table = tomllib.loads((_HERE / "equivalent.toml").read_text())
    listed = msgspec.convert(table, dict[str, list[Equivalent]])["equivalent"]
    return frozenset(Fault(one.file, one.where, one.was, one.now) for one in listed)


def places(tree: Path, rooms: Mapping[str, Room], files: Container[str] | None = None) -> Iterator[list[Candidate]]:
    """What may go wrong at each place of the rooms' modules, or of those among them that are in `files`."""
    for name, room in rooms.items():
        for path in room.modules:
            if files is not None and path not in files:
                continue
            for site in sites((tree / path).read_text()):
                yield [Candidate(name, Fault(path, one.where, one.was, one.now), one) for one in site]


def outdated(tree: Path, rooms: Mapping[str, Room], listed: Iterable[Fault] | None = None) -> list[Fault]:
    """The faults of a list, else of `equivalent.toml`, that the code no longer has a place for."""
    wanted = load_equivalent() if listed is None else listed
    files = {fault.file for fault in wanted}
    there = {one.fault for place in places(tree, rooms, files) for one in place}
    return [fault for fault in wanted if fault not in there]


def drawn(tree: Path, rooms: Mapping[str, Room], seed: int) -> Iterator[Candidate]:
    """One mutation of each place, in an order of chance."""
    chance = random.Random(seed)
    found = list(places(tree, rooms))
    chance.shuffle(found)
    return (chance.choice(place) for place in found)
