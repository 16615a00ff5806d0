"""The schema's versions: one SQL file each, applied in order, each in one transaction with its number."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from importlib.resources import files
from pathlib import Path
from sqlite3 import complete_statement

from engine.files import damage
from engine.sqlite import NEWER, RESCUE
from engine.store.errors import StoreDamaged, StoreTooNew

FILE_NAME = "store.db"
"""The database's name in a data folder."""

MIGRATIONS: tuple[str, ...] = tuple(
    script.read_text(encoding="utf-8")
    for script in sorted(files("engine.store").joinpath("migrations").iterdir(), key=lambda script: script.name)
    if script.name.endswith(".sql")
)
LATEST = len(MIGRATIONS)


TABLES = """
    SELECT name, (SELECT group_concat(name) FROM pragma_table_info(tables.name)) FROM sqlite_master AS tables
    WHERE type = 'table' AND name NOT LIKE 'sqlite%'
"""
"""A database's tables with the names of their columns, for `require_whole`."""


def refuse_newer(version: int, path: Path) -> None:
    """Raise StoreTooNew for a database that this program does not know."""
    if version > LATEST:
        raise StoreTooNew(
            f"{path} has schema {version}, this version supports up to {LATEST}: {NEWER}, or choose another data folder"
        )


def require_whole(version: int, found: Mapping[str, str], path: Path) -> None:
    """Raise StoreDamaged for a database whose tables, as `TABLES` finds them, are not those of its version."""
    if not 0 <= version <= LATEST:
        raise StoreDamaged(damage(path, f"schema {version} is not one that any version of this program wrote", RESCUE))
    known = _tables(version)
    for name, columns in known.items():
        if found.get(name) != columns:
            what = "has other columns" if name in found else "is missing"
            raise StoreDamaged(damage(path, f"table {name} of schema {version} {what}", RESCUE))
    require_none_later(version, found, path)


def require_none_later(version: int, found: Mapping[str, str], path: Path) -> None:
    """Raise StoreDamaged for a database that says that it is older than its tables are."""
    for name in sorted({*found} & {*_tables(LATEST)} - {*_tables(version)}):
        raise StoreDamaged(damage(path, f"table {name} is of a later schema than {version}", RESCUE))


@cache
def _tables(version: int) -> Mapping[str, str]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        return dict(connection.execute(TABLES).fetchall())


def statements(script: str) -> Iterator[str]:
    """The statements of a migration, each ending with its line."""
    lines: list[str] = []
    for line in script.splitlines(keepends=True):
        lines.append(line)
        if complete_statement(statement := "".join(lines)):
            yield statement
            lines.clear()
