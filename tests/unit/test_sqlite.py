"""SQLite's failures are told apart: only real damage is called so, and nobody is told to move a sound file away."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.chain.embedded.state_file import ChainDamaged, ChainDataError, StateFile, told
from engine.errors import StoreError, StoreLocked, StoreUnusable
from engine.files import Damaged
from engine.sqlite import failure_of
from engine.store.errors import StoreDamaged, StoreFull, store_error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "chain.sqlite3"
    StateFile(path).close()
    return path


def full(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE more (text TEXT)")
        for _ in range(100):
            connection.execute("INSERT INTO more VALUES (?)", ("x" * 4000,))


def locked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path, timeout=0)) as other:
        one.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


def read_only(path: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("DELETE FROM head")


def not_there(path: Path) -> None:
    sqlite3.connect(path.parent / "nowhere" / path.name)


def no_database(path: Path) -> None:
    path.write_bytes(b"this was a database once" * 1000)
    _read(path)


def other_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE head")
    _read(path)


def no_text(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO head VALUES (1, CAST(x'ff41' AS TEXT))")
    _read(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    _read(path)


def _read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT value FROM head").fetchall()


SOUND: list[tuple[Callable[[Path], None], type[StoreError], str]] = [
    (full, StoreFull, "no space left for .*: free some"),
    (locked, StoreLocked, "is locked by another process: stop that"),
    (read_only, StoreUnusable, "cannot be opened or written .*: check that its folder is there and yours"),
    (not_there, StoreUnusable, "cannot be opened or written .*: check that its folder is there and yours"),
]


@pytest.mark.parametrize(("spoil", "kind", "words"), SOUND)
def test_what_leaves_the_file_sound_is_not_called_damage(
    path: Path, spoil: Callable[[Path], None], kind: type[StoreError], words: str
) -> None:
    with pytest.raises(sqlite3.Error) as raised:
        spoil(path)
    of_store = store_error(raised.value, path)
    assert type(of_store) is kind
    with pytest.raises(ChainDataError, match=words) as of_chain, told(path):
        raise raised.value
    assert str(of_chain.value) == str(of_store)
    assert not isinstance(of_chain.value, Damaged) and "move it away" not in str(of_store)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM nowhere",
        "SELECT absent FROM head",
        "INSERT INTO head (absent) VALUES (1)",
        "SELECT * FROM head INDEXED BY absent",
    ],
)
def test_sqlite_still_reports_foreign_tables(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.Error) as raised:
        connection.execute(statement)
    assert failure_of(raised.value, path).kind == "damaged"


@pytest.mark.parametrize("spoil", [no_database, other_tables, no_text, folder])
def test_what_is_damaged_is_called_so_and_may_be_moved_away(path: Path, spoil: Callable[[Path], None]) -> None:
    with pytest.raises(sqlite3.Error) as raised:
        spoil(path)
    assert failure_of(raised.value, path).kind == "damaged"
    assert isinstance(store_error(raised.value, path), StoreDamaged)
    with pytest.raises(ChainDamaged, match=f"{path} is damaged: .*: move it away to start afresh"), told(path):
        raise raised.value
