"""The schema's versions: one SQL file each, applied in order, each in one transaction with its number."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from sqlite3 import complete_statement

from engine.store.errors import StoreTooNew

FILE_NAME = "store.db"
"""The database's name in a data folder."""

MIGRATIONS: tuple[str, ...] = tuple(
    script.read_text(encoding="utf-8")
    for script in sorted(files("engine.store").joinpath("migrations").iterdir(), key=lambda script: script.name)
    if script.name.endswith(".sql")
)
LATEST = len(MIGRATIONS)


def refuse_newer(version: int, path: Path) -> None:
    """Raise StoreTooNew for a database that this program does not know."""
    if version > LATEST:
        raise StoreTooNew(
            f"{path} has schema {version}, this program knows schemas up to {LATEST}: "
            "update subnet-console, or choose another data folder"
        )


def statements(script: str) -> Iterator[str]:
    """The statements of a migration, each ending with its line."""
    lines: list[str] = []
    for line in script.splitlines(keepends=True):
        lines.append(line)
        if complete_statement(statement := "".join(lines)):
            yield statement
            lines.clear()
