"""What only Linux has is never used without a fallback: neither a call nor a file under /proc or /sys."""

import ast
import re
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import mypy
import pytest

ROOT = Path(__file__).parents[2]
STUBS = Path(mypy.__file__).parent / "typeshed" / "stdlib"
MODULES = {
    "os": "os/__init__.pyi", "socket": "socket.pyi", "signal": "signal.pyi", "select": "select.pyi",
    "resource": "resource.pyi", "fcntl": "fcntl.pyi", "time": "time.pyi", "mmap": "mmap.pyi",
}  # fmt: skip
MISSING = {"AttributeError", "ImportError", "OSError", "Exception"}
"""What is raised where a name or a file is not there; catching one of these is a fallback."""

ASKS = {"hasattr", "getattr", "platform"}
"""Looking first is one, too."""


def names_on(platform: str, stub: Path) -> set[str]:
    """The names that typeshed says a module has on a platform."""
    fake = types.SimpleNamespace(platform=platform, version_info=(3, 11))

    def walk(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            match node:
                case ast.If(test=test):
                    met = eval(compile(ast.Expression(test), str(stub), "eval"), {"sys": fake})  # noqa: S307 typeshed's
                    yield from walk(node.body if met else node.orelse)
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    yield name
                case ast.AnnAssign(target=ast.Name(id=name)):
                    yield name
                case ast.ImportFrom(names=names):
                    yield from (alias.asname or alias.name for alias in names)

    return set(walk(ast.parse(stub.read_text()).body))


@cache
def linux_only() -> frozenset[str]:
    """`module.name` of all that Linux has and macOS lacks."""
    return frozenset(
        f"{module}.{name}"
        for module, file in MODULES.items()
        for name in names_on("linux", STUBS / file) - names_on("darwin", STUBS / file)
    )


def unguarded(source: str) -> list[str]:
    """The uses without a fallback, with their lines."""
    found: list[str] = []

    def visit(node: ast.AST, guarded: bool) -> None:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in linux_only() and not guarded:
                found.append(f"{node.lineno}: {name}")
        if isinstance(node, ast.ImportFrom) and not guarded:
            found.extend(f"{node.lineno}: {node.module}.{alias.name}" for alias in node.names
                         if f"{node.module}.{alias.name}" in linux_only())  # fmt: skip
        is_path = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_path and node.value.startswith(("/proc/", "/sys/")) and not guarded:  # type: ignore[attr-defined]
            found.append(f"{node.lineno}: {node.value}")  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            visit(child, guarded or falls_back(node, child, careful))

    if not suspicious().search(source):
        return []
    tree = ast.parse(source)
    careful = careful_functions(tree)
    visit(tree, guarded=False)
    return found


@cache
def suspicious() -> re.Pattern[str]:
    """What a source needs to hold to be worth parsing."""
    return re.compile(
        r"/proc/|/sys/|\b(" + "|".join(sorted({name.partition(".")[2] for name in linux_only()})) + r")\b"
    )


def careful_functions(tree: ast.Module) -> set[str]:
    """The functions that catch the absence of what they are given, or give it to one that does."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    careful = {one.name for one in functions if any(isinstance(part, ast.Try) and catches(part) for part in one.body)}
    return careful | {one.name for one in functions if careful & called(one)}


def called(function: ast.FunctionDef) -> set[str]:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {func.id for func in calls if isinstance(func, ast.Name)}


def falls_back(node: ast.AST, child: ast.AST, careful: set[str]) -> bool:
    """Whether `node` has something else to do where its `child` cannot be had.

    A file may also be named to a function of the module that catches its absence, one of the `careful`.
    """
    match node:
        case ast.Try():
            return child in node.body and catches(node)
        case ast.If() | ast.IfExp():
            asked = {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node.test)}
            return bool(asked & ASKS)
        case ast.Call(func=ast.Name(id=name)):
            return name in careful
        case _:
            return False


def catches(node: ast.Try) -> bool:
    caught = {getattr(part, "id", "") for handler in node.handlers if handler.type for part in ast.walk(handler.type)}
    return bool(caught & MISSING)


@pytest.mark.parametrize("package", ["engine", "miner_server", "console"])
def test_nothing_that_only_linux_has_is_used_without_a_fallback(package: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{use}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for use in unguarded(path.read_text())
    }
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.sched_getaffinity(0)",
        "from os import pidfd_open",
        "import signal\nsignal.SIGRTMIN",
        "import select\npoll = select.epoll()",
        "text = open('/proc/self/status').read()",
        "import os\ntry:\n    os.memfd_create('x')\nexcept ValueError:\n    pass",
        "import os\ntry:\n    pass\nexcept OSError:\n    os.memfd_create('x')",
        "import os, sys\nif sys.argv:\n    os.posix_fadvise(1, 0, 0, 0)",
        "import socket\ndef f(s):\n    return s.getsockopt(6, socket.TCP_USER_TIMEOUT)",
    ],
)
def test_a_planted_use_is_found(source: str) -> None:
    assert unguarded(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\ncores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1",
        "import os\ntry:\n    os.memfd_create('x')\nexcept (AttributeError, OSError):\n    pass",
        "import os, sys\nif sys.platform == 'linux':\n    os.pidfd_open(1)",
        "def size(path):\n    try:\n        return path.stat()\n    except OSError:\n        pass\nsize('/proc/x')",
        "import os\nos.getpid()",
    ],
)
def test_a_use_with_a_fallback_is_none(source: str) -> None:
    assert not unguarded(source)
