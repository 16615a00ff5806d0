"""A folder of an older version, or one copied while an engine wrote: read from a copy, and left as it is."""

import asyncio
import errno
import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from console.cli import main
from console.errors import ConsoleError, ExitCode
from console.record.folder import FolderRecord
from console.record.player import Player, playing
from console.record.private_copy import readable
from console.screens.keymap import Keymap
from console.tui.app import ConsoleApp
from engine.folders import state_home
from engine.locks import folder_lock
from engine.store.record import open_record
from engine.store.schema import FILE_NAME, LATEST
from engine.store.store import Store
from tests.unit.recorded_helpers import shows, until
from tests.unit.store_helpers import NETUID, a_round
from tests.unit.tui_helpers import WIDE

OLD = Path(__file__).parent.parent / "data" / "store-0004.sql"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder as an engine of schema 4 left it."""
    folder = tmp_path / "old"
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
        connection.execute("PRAGMA user_version = 4")
        connection.commit()
    return folder


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def copies() -> list[Path]:
    return list((state_home() / "copies").iterdir())


def rounds_in(folder: Path) -> int:
    with open_record(folder / FILE_NAME, brief=True) as record:
        return sum(1 for _ in record.rounds.since(0.0))


def nothing(_text: str) -> None:
    pass


def test_an_older_store_is_read_in_a_private_copy_that_goes_away(old: Path) -> None:
    before, told = content(old), list[str]()
    with readable(old, told.append) as data:
        assert rounds_in(data) == 1
        assert copies() == [data]
        assert data.stat().st_mode & 0o077 == 0
        assert FolderRecord(old, data).instants().total == 1
    assert (content(old), copies()) == (before, [])
    assert len(told) == 1
    assert f"{old / FILE_NAME} is of an older version" in told[0]


def test_what_can_be_read_or_is_not_there_is_not_copied(tmp_path: Path) -> None:
    with readable(tmp_path, nothing) as data:
        assert data == tmp_path
    with readable(tmp_path / "nowhere", nothing) as data:
        assert data == tmp_path / "nowhere"
    assert not (state_home() / "copies").exists()


async def test_a_folder_copied_while_an_engine_wrote_is_left_as_it_is(tmp_path: Path) -> None:
    running, copied = tmp_path / "running", tmp_path / "copied"
    running.mkdir()
    copied.mkdir()
    store = await Store.open(running / FILE_NAME, retention_days=7)
    await store.record(a_round(), netuid=NETUID, history=None, cursor=None)
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        shutil.copy(running / name, copied)
    await store.close()
    before = content(copied)

    def read() -> int:
        with readable(copied, nothing) as data:
            return rounds_in(data)

    assert await asyncio.to_thread(read) == 1
    assert content(copied) == before


def test_an_older_store_that_is_written_meanwhile_is_copied_as_it_is(old: Path) -> None:
    with closing(sqlite3.connect(old / FILE_NAME, isolation_level=None)) as engine:
        engine.execute("PRAGMA journal_mode = WAL")
        engine.execute("INSERT INTO cursors VALUES ('file', 41)")
        engine.execute("BEGIN IMMEDIATE")
        engine.execute("UPDATE cursors SET value = 42")
        with readable(old, nothing) as data, closing(sqlite3.connect(data / FILE_NAME)) as copy:
            assert rounds_in(data) == 1
            assert copy.execute("SELECT value FROM cursors WHERE name = 'file'").fetchall() == [(41,)]


def test_a_copy_goes_away_when_reading_it_fails_and_a_killed_ones_with_the_next(old: Path) -> None:
    with pytest.raises(RuntimeError), readable(old, nothing):
        raise RuntimeError
    assert copies() == []
    left, used = state_home() / "copies" / "left", state_home() / "copies" / "used"
    for one in (left, used):
        one.mkdir()
    with folder_lock(used), readable(old, nothing):
        assert left in copies()
    for one in (left, used):
        os.utime(one, (time.time() - 90, time.time() - 90))
    with folder_lock(used):
        os.utime(used, (time.time() - 90, time.time() - 90))
        with readable(old, nothing):
            assert left not in copies()
            assert used in copies()


def test_what_there_is_no_room_for_is_not_copied(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=1))
    with (
        pytest.raises(ConsoleError, match=r"a copy of .*store\.db needs .* MB in .*, 0 are free"),
        readable(old, nothing),
    ):
        pass
    assert copies() == []


@pytest.mark.parametrize("step", ["tempfile.mkdtemp", "os.pwrite", "shutil.copyfile"])
def test_a_full_disk_is_told_as_such(old: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(step, full)
    with (
        pytest.raises(ConsoleError, match=r"store\.db cannot be copied into .*: No space left"),
        readable(old, nothing),
    ):
        pass
    assert copies() == []


def test_a_newer_store_is_refused_with_its_own_name(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(old / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    assert main(["judge", str(old), "--embedder", "bow"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert f"{old / FILE_NAME} has schema {LATEST + 1}" in said
    assert "update subnet-console" in said


def test_a_damaged_older_store_is_named_and_leaves_no_copy(old: Path) -> None:
    with closing(sqlite3.connect(old / FILE_NAME)) as connection:
        connection.execute("DROP TABLE replies")
        connection.commit()
    with pytest.raises(ConsoleError, match=str(old / FILE_NAME)), readable(old, nothing):
        pass
    assert copies() == []


def test_a_replay_of_it_opens_rounds_and_names_the_folder_that_it_is_of(old: Path) -> None:
    async def story(player: Player) -> None:
        app = ConsoleApp(player, folder=old, keymap=Keymap(), terminal=1, past=player)
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, shows(app, f"record    {old}"[:30]))
            await pilot.press("2", "enter")
            await until(pilot, shows(app, "round 1 of 1"))
            await pilot.press("escape", "3", "enter")
            await until(pilot, shows(app, "Rounds  sort TIME ▼  1 "))

    before = content(old)
    with readable(old, nothing) as data, playing(Player(FolderRecord(old, data))) as player:
        asyncio.run(story(player))
    assert content(old) == before


@pytest.mark.parametrize(
    "command",
    [
        lambda folder: ["judge", folder, "--embedder", "bow"],
        lambda folder: ["export", "rounds", "--data-dir", folder, "--format", "jsonl"],
        lambda folder: ["export", "recorded", "--data-dir", folder],
    ],
)
def test_every_reader_takes_an_older_folder(
    old: Path, command: Callable[[str], list[str]], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = content(old)
    assert main(command(str(old))) == ExitCode.DONE
    sys.stdout.flush()
    out, err = capfdbinary.readouterr()
    assert len([json.loads(line) for line in out.splitlines()]) == 1
    assert b"is of an older version" in err
    assert (content(old), copies()) == (before, [])
