"""Moving through a recording: steps, jumps, playback, and both ends."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from console.record.folder import FolderRecord
from console.record.player import Player, playing
from engine.snapshot import ReplayView
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from tests.unit.recorded_helpers import folder_with
from tests.unit.store_helpers import NETUID, T0, a_round

ROUNDS = 30
PATIENCE_S = 30.0


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return await folder_with(tmp_path, [a_round(number, at=T0 + number / 50) for number in range(ROUNDS)])


@pytest.fixture
def player(folder: Path) -> Iterator[Player]:
    with playing(Player(FolderRecord(folder))) as started:
        yield started


def where(player: Player) -> ReplayView:
    replay = player.snapshot.replay
    assert replay is not None
    return replay


def wait_for(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.005)


def paced(player: Player, pace: str) -> bool:
    return where(player).pace == pace


def told(player: Player, *texts: str) -> None:
    """Wait until the player has said this, and nothing else."""

    def said() -> list[str]:
        return [event.fields["text"] for event in player.events_after(0).events]

    wait_for(lambda: len(said()) >= len(texts))
    assert said() == [*texts]


def at(player: Player, place: int) -> None:
    wait_for(lambda: where(player).place == place)


def test_it_begins_at_the_last_round_and_steps(player: Player) -> None:
    at(player, ROUNDS)
    for steps, place in ((-1, 29), (-10, 19), (1, 20), (10, 30)):
        player.step(steps)
        at(player, place)
    player.first()
    at(player, 1)
    player.last()
    at(player, ROUNDS)
    player.go_to_round(7)
    at(player, 7)
    assert player.snapshot.rounds[-1].id == "round-6"


def test_the_ends_are_reported_and_not_passed(player: Player) -> None:
    player.step(5)
    told(player, "this is the last recorded round")
    player.step(-100)
    told(player, "this is the last recorded round", "this is the first recorded round")
    at(player, 1)


def test_an_instant_may_lie_between_two_rounds_and_not_outside_of_the_record(player: Player) -> None:
    player.go_to(T0 + 0.05)
    at(player, 3)
    assert player.snapshot.at == T0 + 0.05
    player.go_to(T0 - 60)
    told(player, "the record begins here")
    at(player, 1)
    player.go_to(T0 + 60)
    told(player, "the record begins here", "the record ends here")
    at(player, ROUNDS)


def test_it_plays_to_the_end_and_stops_there(player: Player) -> None:
    player.first()
    player.play_or_pause()
    wait_for(lambda: where(player).playing)
    player.play_or_pause()
    wait_for(lambda: not where(player).playing)
    stopped = where(player).place
    for expected in ("4x", "16x", "max"):
        player.change_pace()
        wait_for(partial(paced, player, expected))
    assert where(player).place == stopped
    player.play_or_pause()
    told(player, "this is the last recorded round")
    wait_for(lambda: where(player).place == ROUNDS and not where(player).playing)


@pytest.mark.parametrize(("changes", "least"), [(0, 0.5), (1, 0.12)])
def test_its_pace_is_that_of_the_rounds(folder: Path, changes: int, least: float) -> None:
    with playing(Player(FolderRecord(folder), at=T0)) as player:
        for _ in range(changes):
            player.change_pace()
        began = time.monotonic()
        player.play_or_pause()
        at(player, ROUNDS)
        assert time.monotonic() - began >= least


async def test_rounds_that_are_recorded_meanwhile_are_there(folder: Path, player: Player) -> None:
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    await store.record(a_round(99, at=T0 + 5), netuid=NETUID, history=None, cursor=None)
    try:
        player.step(1)
        at(player, ROUNDS + 1)
        assert where(player).last_at == T0 + 5
    finally:
        await store.close()


def test_a_store_that_is_gone_is_reported_and_the_picture_stays(folder: Path, player: Player) -> None:
    at(player, ROUNDS)
    (folder / FILE_NAME).unlink()
    player.step(-1)
    notices = player.events_after(0, timeout=PATIENCE_S).events
    assert {notice.name for notice in notices} == {"notice"}
    assert all("nothing has been stored yet" in notice.fields["text"] for notice in notices)
    assert where(player).place == ROUNDS


async def test_where_the_round_on_the_screen_was_deleted_meanwhile_the_first_that_is_left_is_shown(
    folder: Path, player: Player
) -> None:
    player.go_to_round(7)
    at(player, 7)
    store = await Store.open(folder / FILE_NAME, retention_days=1)
    try:
        assert await store.prune(T0 + 86400 + 9.5 / 50) == 10
        player.change_pace()
        at(player, 1)
        assert player.snapshot.rounds[-1].id == "round-10"
    finally:
        await store.close()
