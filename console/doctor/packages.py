"""Python and the packages that this program needs."""

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Iterator

from console.findings import Result, critical, ok, skipped

OLDEST = (3, 11)
"""The Python that pyproject.toml requires."""

PROJECT = "subnet-console"
DEVELOPERS = "dev"

_NAME = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"extra\s*==\s*[\"']([\w-]+)[\"']")


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Result:
    """Whether this Python is new enough."""
    found = ".".join(map(str, version))
    if version[:2] < OLDEST:
        return critical(
            "python",
            f"{found} is too old",
            why=f"This program needs Python {OLDEST[0]}.{OLDEST[1]} or later.",
            do="Install a newer Python and run scripts/setup with it.",
        )
    return ok("python", f"{found} ({platform.python_implementation()})")


def packages(requirements: Iterable[str] | None = None) -> Iterator[Result]:
    """Whether all requirements are installed, and which extras are."""
    if requirements is None:
        try:
            requirements = importlib.metadata.requires(PROJECT) or ()
        except importlib.metadata.PackageNotFoundError:
            yield skipped("packages", f"{PROJECT} is not installed as a package, so its requirements are unknown")
            return
    groups = by_extra(requirements)
    needed = groups.pop("", ())
    groups.pop(DEVELOPERS, None)
    missing = [name for name in needed if not _version(name)]
    if missing:
        yield critical(
            "packages",
            f"not installed: {', '.join(missing)}",
            why="Anything that needs them fails on first use.",
            do="Run scripts/setup, or reinstall subnet-console.",
        )
    else:
        yield ok("packages", f"all {len(needed)} are installed, textual {_version('textual')}")
    for extra, names in groups.items():
        absent = [name for name in names if not _version(name)]
        text = f"without {', '.join(absent)}(optional)" if absent else "installed"
        yield (skipped if absent else ok)(f"extra {extra}", text)


def by_extra(requirements: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The names of the requirements by extra; "" holds those that are always needed."""
    groups: dict[str, tuple[str, ...]] = {}
    for requirement in requirements:
        name = _NAME.match(requirement)
        extra = _EXTRA.search(requirement)
        if name:
            group = extra[1] if extra else ""
            groups[group] = (*groups.get(group, ()), name[0])
    return groups


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
