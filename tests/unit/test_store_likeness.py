"""A round's likeness is stored, read and dropped with it."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from engine.errors import StoreUnusable
from engine.scoring.likeness import compare
from engine.store.errors import StoreOld
from engine.store.record import open_record
from engine.store.store import Store
from engine.values import Round
from tests.unit.store_helpers import NETUID, T0, a_round, recorded

DAY = 86400.0
OLD = Path(__file__).parent.parent / "data" / "store-0004.sql"


def compared_round(number: int) -> Round:
    judged = a_round(number)
    texts = {place: reply.text for place, reply in enumerate(judged.replies)}
    rows = np.eye(len(texts), 5, dtype=np.float32)
    return replace(judged, likeness=compare(texts, dict(zip(texts.values(), rows, strict=True))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path, retention_days=1)
    yield store
    await store.close()


async def test_it_comes_back_with_its_round_and_only_there(store: Store, path: Path) -> None:
    judged, without = compared_round(0), a_round(1)
    for one in (judged, without):
        await store.record(one, netuid=NETUID, history=None, cursor=None)
    assert await recorded(store, "round-0") == judged
    assert await recorded(store, "round-1") == without
    with open_record(path) as record:
        found = [record.rounds.found(id) for id in ("round-0", "round-1")]
    assert [one and one.round for one in found] == [judged, without]
    assert [one.likeness for one in await store.recent_rounds(NETUID, 5)] == [None, None]


async def test_it_may_come_after_its_round_but_only_once(store: Store) -> None:
    first, other = compared_round(0), compared_round(1)
    assert first.likeness is not None and other.likeness is not None
    await store.record(replace(first, likeness=None), netuid=NETUID, history=None, cursor=None)
    await store.add_likeness("round-0", NETUID, first.likeness)
    await store.add_likeness("round-0", NETUID, replace(other.likeness, kept=0.5))
    await store.add_likeness("round-9", NETUID, other.likeness)
    assert await recorded(store, "round-0") == first


async def test_it_goes_when_its_round_is_too_old(store: Store, path: Path) -> None:
    for number in range(3):
        await store.record(compared_round(number), netuid=NETUID, history=None, cursor=None)
    assert await store.prune(T0 + DAY + 90) == 2
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM likenesses").fetchone() == (1,)


async def test_rounds_of_an_earlier_version_have_none(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    with pytest.raises(StoreOld, match="launch it once to migrate"), open_record(path):
        pass
    store = await Store.open(path, retention_days=7)
    await store.record(compared_round(1), netuid=NETUID, history=None, cursor=None)
    await store.close()
    with open_record(path) as record:
        old, new = record.rounds.found("round-0"), record.rounds.found("round-1")
    assert old is not None
    assert new is not None
    assert len(old.round.replies) == 7
    assert old.round.likeness is None
    assert new.round == compared_round(1)


@pytest.mark.parametrize(
    "likeness",
    [
        {"members": [0, 1], "pairs": b"", "points": [(0.0, 0.0), (1.0, 0.0)]},
        {"members": [0, 1], "pairs": b"x", "points": [(0.0, 0.0)]},
        {"members": [0, 99], "pairs": b"x", "points": [(0.0, 0.0), (1.0, 0.0)]},
        {"members": "many"},
    ],
    ids=["pairs", "points", "members", "type"],
)
async def test_a_row_that_is_not_ours_is_reported_as_such(
    store: Store, path: Path, likeness: dict[str, object]
) -> None:
    await store.record(compared_round(0), netuid=NETUID, history=None, cursor=None)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE likenesses SET value = ?", (msgspec.msgpack.encode(likeness),))
    with pytest.raises(StoreUnusable, match="a row in it was not written by this program"), open_record(path) as record:
        record.rounds.found("round-0")
