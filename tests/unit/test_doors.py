"""The doors of an engine over a wire: only data passes, and screens do not notice the difference."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from console.record.folder import FolderRecord
from console.record.player import Player, playing
from console.screens.keymap import Keymap
from console.tui.app import ConsoleApp
from engine.commands import AnyCommand, Pause
from engine.doors import Engine, EngineState, Instants, Log, MinerRecord, RecordedRound, RecordReader
from engine.feed import Feed
from engine.logs import LogRing
from engine.snapshot import Batch, LogLine, LogTail, Snapshot
from tests.unit.engine_helpers import idle_engine
from tests.unit.recorded_helpers import folder_with, rounds_split, shows, snapshot_of, until
from tests.unit.tui_helpers import WIDE, Orders, screen_text, toasts

Value = TypeVar("Value")


def sent(value: Value, type_: Any) -> Value:
    """What arrives of a value at the other end of a wire."""
    arrived: Value = msgspec.json.decode(msgspec.json.encode(value), type=type_)
    return arrived


class RemoteLog:
    def __init__(self, far: Log) -> None:
        self._far = far

    @property
    def added(self) -> int:
        return self._far.added

    def tail(self) -> LogTail:
        return sent(self._far.tail(), LogTail)


class RemoteInstants:
    def __init__(self, far: Instants) -> None:
        self._far = far

    @property
    def total(self) -> int:
        return self._far.total

    def time(self, place: int) -> float:
        return self._far.time(place)

    def place_at(self, at: float) -> int:
        return self._far.place_at(at)

    def refresh(self) -> int:
        return self._far.refresh()

    def snapshot(self, place: int, at: float) -> Snapshot:
        return sent(self._far.snapshot(place, at), Snapshot)


class RemoteRecord:
    def __init__(self, far: RecordReader) -> None:
        self._far = far

    def round(self, id: str, steps: int = 0) -> RecordedRound:
        return sent(self._far.round(id, steps), RecordedRound)

    def miner(self, netuid: int, hotkey: str, until: float = inf) -> MinerRecord:
        return sent(self._far.miner(netuid, hotkey, until), MinerRecord)

    def log(self, until: float) -> Sequence[LogLine]:
        return sent(tuple(self._far.log(until)), tuple[LogLine, ...])

    def instants(self) -> Instants:
        return RemoteInstants(self._far.instants())


class RemoteEngine:
    """An `Engine` of which only JSON is ever seen here."""

    def __init__(self, far: Engine) -> None:
        self._far = far
        self.logs = RemoteLog(far.logs)
        self.record = RemoteRecord(far.record)

    @property
    def state(self) -> EngineState:
        return self._far.state

    @property
    def snapshot(self) -> Snapshot:
        return sent(self._far.snapshot, Snapshot)

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        return sent(self._far.events_after(seq, timeout=timeout), Batch)

    def submit(self, command: AnyCommand, id: str) -> bool:
        return self._far.submit(sent(command, AnyCommand), id)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return await folder_with(tmp_path, rounds_split(5))


async def test_screens_look_at_an_engine_behind_a_wire_and_operate_it(folder: Path) -> None:
    feed = Feed(snapshot_of(folder, rounds_split(5)))
    near = idle_engine(feed, folder)
    orders = Orders(feed)
    assert isinstance(near.logs, LogRing)
    near.logs.add(LogLine(1.0, "INFO", "engine", "said far away"))
    app = ConsoleApp(RemoteEngine(near), folder=folder, keymap=Keymap(), terminal=1)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *"pause challenges", "enter")
        assert orders.taken == [Pause()]
        orders.answer(command="pause", detail="", outcome="ok", reason="")
        app.pull()
        await pilot.pause()
        assert toasts(app) == ["pause: ok"]
        await pilot.press("6")
        await until(pilot, shows(app, "said far away"))
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "scored  round 5 of 5"))
        await pilot.press("escape", "3", "enter")
        await until(pilot, shows(app, "Rounds  sort TIME ▼  5 "))
        await pilot.press("[")
        await until(pilot, shows(app, "PAST"))
        await until(pilot, shows(app, "round 4 of 5"))
        await pilot.press(":", *"live", "enter")
        await until(pilot, lambda: "PAST" not in screen_text(app))


async def test_screens_look_at_a_replay_behind_a_wire(folder: Path) -> None:
    with playing(Player(RemoteRecord(FolderRecord(folder)))) as player:
        app = ConsoleApp(RemoteEngine(player), folder=folder, keymap=Keymap(), terminal=1, past=player)
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, shows(app, "round 5 of 5"))
            await pilot.press("(", "2", "enter")
            await until(pilot, shows(app, "scored  round 1 of 5"))
            assert "REPLAY" in screen_text(app)
