"""What an operator kept from before version 0.2.0 (2026-12-01) opens as before: its record, settings, keys and names.

`tests/data/before-0.2` was written by that version: the store of a demo of three rounds, every setting, and the names.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from console.cli import main
from console.keymap_file import FIXED, keymap_path, read_keymap
from engine.commands import AnyCommand
from engine.folders import config_home
from engine.settings import configure
from engine.store.record import open_record
from engine.store.schema import FILE_NAME, LATEST
from engine.store.store import Store
from tests.unit.store_helpers import NETUID, a_round

BEFORE = Path(__file__).parents[1] / "data" / "before-0.2"
NAMES = json.loads((BEFORE / "names.json").read_text())
SCHEMA, DEMO = 8, 1


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((BEFORE / "store.sql").read_text())
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.commit()
    return path


async def test_its_record_is_continued(store: Path) -> None:
    opened = await Store.open(store, retention_days=10**4)
    earlier = await opened.recent_rounds(DEMO, 9)
    tallies = await opened.tallies(DEMO)
    await opened.record(a_round(), netuid=NETUID, history=None, cursor=None)
    await opened.close()
    assert [one.judgement.profile for one in earlier] == ["robust"] * 3
    assert sorted(one.answered for one in tallies.values()) == [3] * 4
    with open_record(store) as record, closing(sqlite3.connect(store)) as connection:
        assert len(list(record.rounds.since(0.0))) == 4
        assert connection.execute("PRAGMA user_version").fetchone() == (LATEST,)


def test_it_is_exported_without_being_changed(store: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = store.read_bytes()
    assert main(["export", "rounds", "--data-dir", str(store.parent)]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 1 + 3
    assert store.read_bytes() == before


def test_every_setting_is_still_read() -> None:
    text = (BEFORE / "config.toml").read_text()
    config_home().mkdir(parents=True, exist_ok=True)
    (config_home() / "config.toml").write_text(text)
    found = configure({}, environ={})
    assert sum("config.toml" in source for source in found.sources.values()) == text.count(" = ")


def test_every_action_can_still_be_given_keys() -> None:
    keymap_path().parent.mkdir(parents=True, exist_ok=True)
    keymap_path().write_text("".join(f'"{name}" = []\n' for name in NAMES["actions"] if name not in FIXED))
    assert read_keymap(keymap_path()).changed.keys() == set(NAMES["actions"]) - FIXED


def test_commands_keep_their_names() -> None:
    assert set(NAMES["commands"]) <= {one.__struct_config__.tag for one in get_args(AnyCommand)}
