"""`subnet-console replay` as a shell sees it when there is nothing to show."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from console.cli import main
from console.errors import ExitCode
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from tests.unit.recorded_helpers import folder_with
from tests.unit.store_helpers import a_round


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return await folder_with(tmp_path, [a_round()])


@pytest.fixture
def in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.replay.check_terminal", lambda *_environ, **_hint: None)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What is said with exit code 2."""
    assert main(["replay", *map(str, words)]) == ExitCode.USAGE
    told, said = capsys.readouterr()
    assert told == ""
    assert said.startswith("subnet-console: ")
    assert said.count("\n") == 1
    return said


def test_without_a_terminal_it_says_what_else_there_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, folder)
    assert "stdout is not a terminal: replay needs a screen; 'subnet-console export'" in said


@pytest.mark.usefixtures("in_a_terminal")
async def test_what_cannot_be_replayed_is_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert "does not exist" in refused(capsys, empty / "gone")
    assert f"{empty / FILE_NAME} does not exist: nothing has been stored yet" in refused(capsys, empty)
    await (await Store.open(empty / FILE_NAME, retention_days=7)).close()
    assert "holds no round" in refused(capsys, empty)
    assert "--at: 'soon' is not a time: use 14:05" in refused(capsys, folder, "--at", "soon")
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 9000")
    assert "has schema 9000, this version supports up to" in refused(capsys, folder)
    (folder / FILE_NAME).write_bytes(b"no database" * 1000)
    assert "is damaged" in refused(capsys, folder)
