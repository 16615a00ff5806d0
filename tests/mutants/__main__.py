"""`scripts/mutate [ROOM…]` plants faults at random, one at a time, and says how many of them the tests find."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tests.mutants.rooms import Candidate, Fault, Room, drawn, load_equivalent, load_rooms, outdated, places
from tests.mutants.trials import ROOT, Trial, Workshop

COUNT = 300
LIMIT_S = 30.0


class Found(Fault, frozen=True, kw_only=True):
    """What became of a fault, as a line of the list."""

    line: int
    kind: str
    killed: bool
    by: str
    seconds: float


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    rooms = load_rooms(ROOT)
    options = _options(rooms)
    chosen = {name: rooms[name] for name in options.rooms or rooms}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        workshop = Workshop(Path(folder), limit=options.limit)
        tree = workshop.tree
        candidates: Iterable[Candidate] = drawn(tree, chosen, options.seed)
        if options.again:
            candidates = list(_again(tree, chosen, options.again))
            chosen = {name: chosen[name] for name in chosen if any(one.room == name for one in candidates)}
        for fault in outdated(tree, rooms):
            print(f"equivalent.toml is out of date: {fault.file} {fault.where}: {fault.was}", flush=True)
        _check_unchanged(workshop, chosen)
        print(f"seed {options.seed}, {options.count} mutants, at most {options.limit:g} s each", flush=True)
        found = []
        for candidate in _but_equivalent(candidates):
            trial = workshop.try_out(candidate.mutation, candidate.fault.file, chosen[candidate.room].tests)
            if trial.outcome != "stillborn":
                found.append(_found(candidate, trial))
                print(_line(found[-1]), flush=True)
                if options.out:
                    options.out.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in found))
            if len(found) == options.count:
                break
        _check_unchanged(workshop, chosen)
    killed = sum(one.killed for one in found)
    print(f"killed {killed} of {len(found)}" + (f": {killed / len(found):.1%}" if found else ""))
    return 0


def _options(rooms: Mapping[str, Room]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        description="Plants faults at random in a copy of the sources, one at a time, and says which the tests find.",
    )
    parser.add_argument("rooms", metavar="ROOM", nargs="*", help=f"{', '.join(rooms)} (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="which faults are drawn (default: %(default)s)")
    parser.add_argument("--count", type=int, default=COUNT, help="how many (default: %(default)s)")
    parser.add_argument(
        "--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="for one fault's tests (default: %(default)g)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the list there, a JSON object a fault")
    parser.add_argument("--again", type=Path, metavar="FILE", help="try those again that such a list says survived")
    options = parser.parse_args()
    if unknown := [name for name in options.rooms if name not in rooms]:
        parser.error(f"no such room: {', '.join(unknown)}; there are {', '.join(rooms)}")
    return options


def _check_unchanged(workshop: Workshop, rooms: Mapping[str, Room]) -> None:
    """Ends the run where tests fail while nothing is wrong: before it, when they would find every fault, and after it,
    when something else than the faults may have been found."""
    for name, room in rooms.items():
        trial = workshop.run(room.tests)
        print(f"{name}: {len(room.modules)} modules; unchanged, its tests take {trial.seconds} s", flush=True)
        if trial.outcome == "killed":
            sys.exit(f"{name}: {trial.by} fails with nothing changed")


def _again(tree: Path, rooms: Mapping[str, Room], listed: Path) -> Iterator[Candidate]:
    """The survivors of an earlier run, as far as the code that they changed is still there."""
    before = [msgspec.json.decode(line, type=Found) for line in listed.read_bytes().splitlines()]
    survivors = {Fault(one.file, one.where, one.was, one.now) for one in before if not one.killed}
    return (one for place in places(tree, rooms) for one in place if one.fault in survivors)


def _but_equivalent(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    equivalent = load_equivalent()
    return (candidate for candidate in candidates if candidate.fault not in equivalent)


def _found(candidate: Candidate, trial: Trial) -> Found:
    fault, mutation = candidate.fault, candidate.mutation
    return Found(
        fault.file,
        fault.where,
        fault.was,
        fault.now,
        line=mutation.line,
        kind=mutation.kind,
        killed=trial.outcome == "killed",
        by=trial.by or trial.outcome,
        seconds=trial.seconds,
    )


def _line(one: Found) -> str:
    return (
        f"{'killed  ' if one.killed else 'SURVIVED'} {one.seconds:5.1f} s  {one.file}:{one.line} {one.where}: "
        f"{one.was}  =>  {one.now}  [{one.by}]"
    )


if __name__ == "__main__":
    sys.exit(main())
