"""The import rules: what `.importlinter` forbids is caught, and docs/architecture.md agrees with it."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "miner_server", "console")

PLANTED = {
    "engine/weights/plan.py": "engine.validator.loop",
    "engine/settings/layers.py": "engine.store.store",
    "engine/feed.py": "engine.judge.client",
    "engine/scoring/votes.py": "engine.chain.interface",
    "engine/transport/gate.py": "engine.challenges.sources.source",
    "engine/values/round.py": "engine.snapshot",
    "engine/answers/registry.py": "engine.scoring.votes",
    "engine/store/round_table.py": "engine.settings",
    "engine/sybil/suspects.py": "engine.store.store",
    "miner_server/limits.py": "miner_server.app",
    "miner_server/errors.py": "console.errors",
    "console/present/formats.py": "console.screens.registry",
    "console/present/table.py": "console.roles.session",
    "console/drawing/svg.py": "console.roles.session",
    "console/record/folder.py": "console.tui.app",
    "console/status.py": "textual",
    "console/screens/miner/content.py": "engine.store.stored",
    "console/screens/challenge/content.py": "engine.validator.views",
    "console/screens/logs/widgets.py": "engine.feed",
    "console/tui/viewpoint.py": "engine.judge.client",
}
"""Files, and what each must not import: another layer up, a neighbour, another package, a library."""

LAZY = "\n\ndef _planted() -> object:\n    import {name}\n\n    return {name}\n"
AT_THE_TOP = "import {name}\n"


def lint(folder: Path) -> str:
    """What lint-imports says of the packages in `folder`."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def contract(name: str) -> list[set[str]]:
    """The layers of one of the three contracts, highest first."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    layers = parser[f"importlinter:contract:{name}"]["layers"].split("\n")
    return [set(re.split(r"\s*[|:]\s*", line)) for line in layers if line]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with every forbidden import planted, half of them in a function."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / ".importlinter", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    for number, (path, name) in enumerate(PLANTED.items()):
        text = (folder / path).read_text()
        planted = text + LAZY.format(name=name) if number % 2 else AT_THE_TOP.format(name=name) + text
        (folder / path).write_text(planted)
    (folder / "engine" / "annexe").mkdir()
    (folder / "engine" / "annexe" / "__init__.py").touch()
    return folder


@pytest.fixture(scope="module")
def report(copy: Path) -> str:
    return lint(copy)


@pytest.mark.parametrize("path", PLANTED)
def test_a_forbidden_import_is_caught(report: str, path: str) -> None:
    importer, imported = path.removesuffix(".py").replace("/", "."), PLANTED[path]
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported)}\b", report)


def test_a_room_that_has_no_place_is_caught(report: str) -> None:
    assert "engine.annexe" in report.partition("not listed as layers")[2]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_architecture_page_lists_the_rooms_in_the_order_of_the_contract(package: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition(f"### `{package}/`")[2].partition("\n### ")[0].partition("\n## ")[0]
    rows = [line for line in table.split("\n") if line.startswith("| `")]
    assert [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in rows] == contract(package.replace("_", "-"))


def imports() -> dict[str, set[str]]:
    """By module, the modules of ours that it imports: at the top, in functions, and for types alone."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths}
    known = set(names.values())
    found: dict[str, set[str]] = {name: set() for name in known}
    for path, importer in names.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found[importer].update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                found[importer].update(name if name in known else str(node.module) for name in full)
    return {name: (imported & known) - {name} for name, imported in found.items()}


def ways(importer: str, imported: str) -> tuple[str, str]:
    """The two neighbours, of one folder, between which an import goes; the same one twice inside a room."""
    for depth in range(1, importer.count(".") + 2):
        one, other = (".".join(name.split(".")[:depth]) for name in (importer, imported))
        if one != other:
            return one, other
    return importer, importer


def test_no_two_rooms_import_each_other_at_any_depth() -> None:
    between = {ways(importer, name) for importer, names in imports().items() for name in names}
    assert ("console.tui", "console.screens") in between
    assert sorted((one, other) for one, other in between if one < other and (other, one) in between) == []


def test_no_modules_import_in_a_circle() -> None:
    """What imports nothing that is left, or is imported by nothing, is taken away again and again: circles stay."""
    left = imports()
    assert left["console.tui.app"] >= {"console.screens.base", "console.tui.travel"}
    while True:
        wanted = {name for imported in left.values() for name in imported}
        inner = {name for name, imported in left.items() if imported & left.keys() and name in wanted}
        if len(inner) == len(left):
            break
        left = {name: left[name] & inner for name in inner}
    assert sorted(left) == []
