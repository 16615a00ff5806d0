"""The faults that `scripts/mutate` plants: what they are, and that its tables match the code."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.mutations import Mutation, sites
from tests.mutants.rooms import Fault, Room, load_equivalent, load_rooms, outdated
from tests.mutants.trials import found_by

ROOT = Path(__file__).parents[2]

MODULE = '''
"""About it."""
log = logging.getLogger(__name__)
LIMIT: Annotated[int, Meta(ge=1)] = 5

class Fetcher(Struct, frozen=True):
    """Fetches."""
    kind: Literal["one", "two"] = "one"

    def fetch(self, size: int = 2) -> list[str]:
        log.info("fetching %d", size)
        if size > LIMIT and not self.closed:
            raise ValueError(f"{size + 1} are too many")
        rows = self.read("SELECT a FROM b WHERE c >= 1 ORDER BY a", limit=size)
        return [row for row in rows[:size] if row]
'''


def changes(source: str) -> list[tuple[str, str]]:
    return [(one.was, one.now) for site in sites(source) for one in site]


def test_every_kind_of_slip_is_made_once_at_each_place() -> None:
    found = changes(MODULE)
    assert len(found) == len(set(found))
    condition = "if size > LIMIT and (not self.closed):"
    raised = "raise ValueError(f'{size + 1} are too many')"
    read = "self.read('SELECT a FROM b WHERE c >= 1 ORDER BY a', limit=size)"
    returned = "return [row for row in rows[:size] if row]"
    assert [now for was, now in found if was == condition] == [
        "if not (size > LIMIT and (not self.closed)):",
        "if size > LIMIT or not self.closed:",
        "if not self.closed:",
        "if size > LIMIT:",
        "if size >= LIMIT and (not self.closed):",
        "if size <= LIMIT and (not self.closed):",
        "if size > LIMIT and self.closed:",
    ]
    assert [now for was, now in found if was == raised] == [
        "pass",
        "raise ValueError(f'{size - 1} are too many')",
        "raise ValueError(f'{size + 2} are too many')",
        "raise ValueError(f'{size + 0} are too many')",
    ]
    assert [now.partition(" = ")[2] for was, now in found if was == f"rows = {read}"] == [
        read.replace(", limit=size", ""),
        read.replace("ORDER BY a", "ORDER BY a DESC"),
        read.replace(">=", ">"),
    ]
    assert [now for was, now in found if was == returned] == [
        "return None",
        "return [row for row in rows[:size]]",
        "return [row for row in rows if row]",
    ]


def test_what_no_run_depends_on_and_texts_for_people_are_left_alone() -> None:
    touched = " ".join(was for was, _ in changes(MODULE))
    assert not any(word in touched for word in ("About", "Fetches", "fetching", "getLogger", "class"))
    assert [now for was, now in changes(MODULE) if was.startswith("kind")] == ["kind: Literal['one', 'two'] = 'Xone'"]
    assert [now for was, now in changes(MODULE) if was.startswith("LIMIT")] == [
        "LIMIT: Annotated[int, Meta()] = 5",
        "LIMIT: Annotated[int, Meta(ge=2)] = 5",
        "LIMIT: Annotated[int, Meta(ge=0)] = 5",
        "LIMIT: Annotated[int, Meta(ge=1)] = 6",
        "LIMIT: Annotated[int, Meta(ge=1)] = 4",
    ]


def test_a_mutation_says_where_it_is_and_gives_the_whole_module_with_one_change() -> None:
    original = ast.unparse(ast.parse(MODULE))
    for site in sites(MODULE):
        for one in site:
            assert one.where in ("", "Fetcher", "Fetcher.fetch")
            assert MODULE.splitlines()[one.line - 1].strip()
            assert one.was != one.now
            changed = one.write()
            assert changed != original
            ast.parse(changed)


def test_what_follows_an_error_is_told_with_the_error() -> None:
    source = "try:\n    a = f()\nexcept (A, B) as error:\n    return g(error)\n"
    handled, returned = [one for site in sites(source) for one in site]
    was = "except (A, B) as error: return g(error)"
    assert (handled.line, handled.was, handled.now) == (3, was, "except (A, B) as error: raise")
    assert (returned.line, returned.was, returned.now) == (4, "return g(error)", "return None")


def test_one_change_leaves_no_trace_in_the_next() -> None:
    def of(name: str) -> list[Mutation]:
        return [one for site in sites(name) for one in site]

    found = of("a = b < 1")
    assert [one.write() for one in found] == ["a = b <= 1", "a = b >= 1", "a = b < 2", "a = b < 0"]
    assert [one.write() for one in found] == ["a = b <= 1", "a = b >= 1", "a = b < 2", "a = b < 0"]


def test_a_fault_is_found_by_a_test_that_is_named_or_by_a_crash() -> None:
    log = "...F\nFAILED tests/unit/test_a.py::test_b[1] - assert 1 == 2\nstopping after 1 failures\n"
    assert found_by(1, log) == found_by(72, log) == "tests/unit/test_a.py::test_b[1]"
    assert found_by(2, "ERROR tests/unit/test_a.py - ZeroDivisionError\n") == "tests/unit/test_a.py"
    assert found_by(-11, "Fatal Python error") == "signal 11"


@pytest.mark.parametrize("code", [1, 2, 3, 4, 72])
def test_tests_that_break_off_say_nothing_of_a_fault(code: int) -> None:
    with pytest.raises(RuntimeError, match=f"no test failed .exit code {code}.:\nTraceback: no such folder"):
        found_by(code, "Traceback: no such folder")


@pytest.mark.parametrize(
    "package",
    [
        "engine/answers",
        "engine/scoring",
        "engine/store",
        "engine/sybil",
        "engine/transport",
        "engine/weights",
        "miner_server",
    ],
)
def test_every_module_of_what_pays_asks_and_answers_is_of_one_room(package: str) -> None:
    listed = Counter(path for room in load_rooms(ROOT).values() for path in room.modules)
    modules = [str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")]
    assert modules
    assert [path for path in modules if listed[path] != 1] == []


def test_every_room_has_modules_and_tests() -> None:
    rooms = load_rooms(ROOT)
    assert [name for name, room in rooms.items() if not (room.modules and room.tests)] == []
    assert all((ROOT / test).is_file() for room in rooms.values() for test in room.tests)


def test_a_module_that_is_new_is_of_its_packages_last_room(tmp_path: Path) -> None:
    for room in load_rooms(ROOT).values():
        for path in (*room.modules, *room.tests):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
    (tmp_path / "engine/transport/new/deep.py").parent.mkdir()
    (tmp_path / "engine/transport/new/deep.py").touch()
    rooms = load_rooms(tmp_path)
    assert [name for name, room in rooms.items() if "engine/transport/new/deep.py" in room.modules] == ["transport"]


def test_a_pattern_whose_files_have_moved_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"rooms.toml: engine/answers/\S+ fits no file"):
        load_rooms(tmp_path)


def test_what_is_listed_as_equivalent_is_in_the_code_but_for_what_was_just_reworded() -> None:
    assert len(outdated(ROOT, load_rooms(ROOT))) <= len(load_equivalent()) // 10


def test_an_equivalent_fault_whose_code_is_gone_is_outdated(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("def f(a):\n    return a < 1\n")
    rooms = {"one": Room(("module.py",), ())}
    listed = [Fault("module.py", "f", "return a < 1", now) for now in ("return a <= 1", "return a == 1")]
    assert outdated(tmp_path, rooms, listed) == [listed[1]]
    assert outdated(tmp_path, {}, listed) == listed
