"""What each package loads when it is imported, in a separate interpreter."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREEN = {"textual"}
PAINTED = re.compile(r"console\.(tui|widgets)\b|console\.screens\.(base|dialogs|\w+\.screen|\w+\.widgets)$")
"""Where Textual may be imported; the import contract lists the same."""

HEAVY = {
    "llama_cpp", "numpy", "onnxruntime", "scalecodec", "scipy", "sentence_transformers", "sklearn",
    "substrateinterface", "tokenizers", "torch", "transformers", "xllamacpp",
}  # fmt: skip
"""What takes long to load, and is loaded when it is first used."""

AT_LEISURE = (
    "engine.chain.substrate.connection", "engine.chain.substrate.reads", "engine.chain.substrate.reveal_queue",
    "engine.chain.substrate.runtime", "engine.chain.substrate.schedule", "engine.chain.substrate.storage",
    "engine.judge.encoding", "engine.judge.worker", "engine.scoring", "engine.sybil",
)  # fmt: skip
"""Rooms that are themselves imported when they are first used, in a worker process; they may load what they need."""

SERVERS = {"aiosqlite", "cryptography", "httpx", "sqlite3", "starlette", "uvicorn"}
LIGHT = ("console.cli", "console.headless", "console.launch")
OPTIONS = {"console.options", "engine.settings", "importlib.metadata", "msgspec"}
"""What reads a command's options: the list of commands waits for none of it."""

WATCH = """
import importlib, json, sys
watched, loaded_by = set(json.loads(sys.argv[1])), {}
for module in json.loads(sys.argv[2]):
    importlib.import_module(module)
    for name in watched.intersection(sys.modules) - loaded_by.keys():
        loaded_by[name] = module
print(json.dumps(loaded_by))
"""


def modules(package: str) -> list[str]:
    """Every module of a package from the files that there are, without those that are there for Textual."""
    paths = sorted((ROOT / package).rglob("*.py"))
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return [name for name in names if not PAINTED.match(name) and not name.endswith("__main__")]


def loaded(watched: Iterable[str], names: list[str]) -> dict[str, str]:
    """Which of the watched modules importing `names` in turn loads, and which of them was the first to do so."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, json.dumps(sorted(watched)), json.dumps(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("package", ["engine", "miner_server", "console"])
def test_nothing_but_the_screens_loads_textual(package: str) -> None:
    assert loaded(SCREEN, modules(package)) == {}


@pytest.mark.parametrize("package", ["engine", "miner_server", "console"])
def test_nothing_heavy_is_loaded_before_it_is_used(package: str) -> None:
    assert loaded(HEAVY, [name for name in modules(package) if not name.startswith(AT_LEISURE)]) == {}


def test_the_engine_loads_neither_the_miner_server_nor_the_console() -> None:
    assert loaded({"console", "miner_server"}, modules("engine")) == {}


@pytest.mark.parametrize("module", LIGHT)
def test_what_a_shell_waits_for_loads_little(module: str) -> None:
    assert loaded(SCREEN | HEAVY | SERVERS, [module]) == {}


def test_the_list_of_commands_is_printed_without_their_options() -> None:
    assert loaded(OPTIONS, ["console.cli", "console.overview"]) == {}


def test_a_miner_loads_nothing_of_what_asks_and_judges() -> None:
    asking = {
        "console.demo",
        "console.roles.demo",
        "console.roles.validator",
        "console.export",
        "engine.answers",
        "engine.challenges",
        "httpx",
        "rich",
    }
    assert loaded(asking, ["console.roles.run", "console.roles.miner"]) == {}
