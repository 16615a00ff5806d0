"""Single rounds and hotkeys through the read-only record: what a screen needs that steps through time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.store.record import open_record
from engine.store.store import Store
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_reply, a_round, a_verdict, hotkey, recorded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path, retention_days=7)
    for number in range(5):
        await store.record(a_round(number), netuid=NETUID, history=None, cursor=None)
    await store.record(a_round(9, at=T0 + 90), netuid=NETUID + 1, history=None, cursor=None)
    yield store
    await store.close()


async def test_a_round_is_read_whole_with_its_place_in_its_subnet(store: Store, path: Path) -> None:
    with open_record(path) as record:
        found = record.rounds.found("round-2")
        assert record.rounds.found("round-7") is None
    assert found is not None
    assert found.round == await recorded(store, "round-2")
    assert (found.netuid, found.place, found.total) == (NETUID, 3, 5)


async def test_an_id_with_a_lone_surrogate_is_found_again(store: Store, path: Path) -> None:
    await store.record(a_round(6, id="odd \ud800"), netuid=NETUID, history=None, cursor=None)
    with open_record(path) as record:
        assert record.rounds.found("odd \ud800") is not None


@pytest.mark.parametrize(
    ("start", "steps", "reached"),
    [(2, 1, "round-3"), (2, -1, "round-1"), (1, 10, "round-4"), (3, -10, "round-0"), (4, 1, None), (0, -1, None)],
)
async def test_steps_stay_within_the_subnet_and_stop_at_the_ends(
    store: Store, path: Path, start: int, steps: int, reached: str | None
) -> None:
    with open_record(path) as record:
        assert record.rounds.beside(f"round-{start}", steps) == reached
        assert record.rounds.beside("no such round", steps) is None


async def test_the_rounds_of_one_hotkey(store: Store, path: Path) -> None:
    replies = [a_reply(1), a_reply(2, status="timeout", reason="no answer in 2 s", ms=0.0)]
    verdicts = [a_verdict(replies[0], emission=0.75), a_verdict(replies[1], reasons=())]
    await store.record(a_round(6, replies, verdicts), netuid=NETUID, history=None, cursor=None)
    with open_record(path) as record:
        newest, *older = record.replies.appearances(NETUID, hotkey(1), 3)
        [failed] = record.replies.appearances(NETUID, hotkey(2), 1)
        assert record.replies.appearances(NETUID, hotkey(8), 3) == []
    assert (newest.round_id, newest.at, newest.kind, newest.won) == ("round-6", T0 + 360, "chat", True)
    assert (newest.emission, newest.cluster, newest.reasons) == (0.75, "A", ("agrees with the others", "fast"))
    assert [one.round_id for one in older] == ["round-4", "round-3"]
    assert [one.won for one in older] == [False, False]
    assert (failed.status, failed.reason, failed.emission, failed.won) == ("timeout", "no answer in 2 s", 0.0, False)


async def test_samples_end_with_the_round_that_is_looked_at(store: Store, path: Path) -> None:
    cancelled = a_round(7, [a_reply(1, status="cancelled")])
    await store.record(cancelled, netuid=NETUID, history=None, cursor=None)
    with open_record(path) as record:
        assert record.replies.samples_until(NETUID, hotkey(1), PROFILE, 2, 10) == [(T0, 0.5), (T0 + 60, 0.5)]
        assert record.replies.samples_until(NETUID, hotkey(1), PROFILE, 9, 2) == [(T0 + 180, 0.5), (T0 + 240, 0.5)]
