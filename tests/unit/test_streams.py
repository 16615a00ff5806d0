"""Streams, boxes and pinned values: the same behaviour in memory and over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.streams import interface, memory, on_redis
from engine.streams.interface import StreamFull, Streams, StreamsGone
from engine.streams.memory import MemoryStreams
from engine.streams.on_redis import RedisStreams
from tests.redis_server import a_redis, a_redis_url

WAIT_S = 5.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_redis_url() as url:
        yield url


@pytest.fixture(params=["memory", "redis"])
async def streams(request: pytest.FixtureRequest) -> AsyncIterator[Streams]:
    if request.param == "memory":
        yield MemoryStreams()
        return
    over_redis = RedisStreams(request.getfixturevalue("url"), f"test:{request.node.name}")
    yield over_redis
    await over_redis.close()


async def test_each_entry_is_done_by_one_worker_and_its_message_goes_out_with_it(streams: Streams) -> None:
    work = streams.stream("work")
    ids = [await work.add(b"%d" % number) for number in range(10)]
    first, second = await work.take("one", 4, WAIT_S), await work.take("two", 100, WAIT_S)
    assert [entry.body for entry in (*first, *second)] == [b"%d" % number for number in range(10)]
    assert {entry.times for entry in (*first, *second)} == {1}
    assert await work.finish("one", first[0].id, "caller", b"done")
    assert not await work.finish("one", first[0].id, "caller", b"done again"), "it is done"
    assert not await work.finish("two", first[1].id, "caller", b"another's"), "it is the other worker's"
    assert await streams.receive("caller", WAIT_S) == (b"done",)
    assert ids[0] == first[0].id
    assert await work.take("three", 1, 0.01) == []


async def test_what_a_dead_worker_had_goes_to_another_and_its_late_answer_counts_no_more(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (interface, memory, on_redis):
        monkeypatch.setattr(module, "DEAD_AFTER_S", 2.0)
    monkeypatch.setattr(on_redis, "CLAIM_EVERY_S", 0.05)
    work = streams.stream("work")
    held, left = await work.add(b"held"), await work.add(b"left")
    assert len(await work.take("dead", 2, WAIT_S)) == 2
    taken: list[interface.Entry] = []
    while not taken:
        await work.hold("dead", [held])
        taken.extend(await work.take("alive", 10, 0.05))
    assert [(entry.id, entry.body, entry.times) for entry in taken] == [(left, b"left", 2)]
    assert not await work.finish("dead", left, "caller", b"too late")
    assert await work.finish("alive", left, "caller", b"in its place")
    assert await streams.receive("caller", WAIT_S) == (b"in its place",)
    assert await work.finish("dead", held), "whoever gives signs of life keeps its work"


async def test_what_is_taken_back_is_done_by_nobody(streams: Streams) -> None:
    work = streams.stream("work")
    waiting, begun = await work.add(b"waiting"), await work.add(b"begun")
    await work.remove(waiting)
    (entry,) = await work.take("one", 10, WAIT_S)
    assert entry.body == b"begun"
    await work.remove(begun)
    assert not await work.finish("one", begun, "caller", b"nobody waits for this")
    assert await streams.receive("caller", 0.01) == ()


async def test_a_box_keeps_order_and_wakes_its_reader(streams: Streams) -> None:
    reading = asyncio.create_task(_read(streams, 300))
    for start in range(0, 300, 100):
        await streams.post("box", [b"%d" % number for number in range(start, start + 100)])
    assert await reading == [b"%d" % number for number in range(300)]


async def _read(streams: Streams, count: int) -> list[bytes]:
    got: list[bytes] = []
    while len(got) < count:
        got.extend(await streams.receive("box", WAIT_S))
    return got


async def test_a_pinned_value_is_seen_until_it_ends(streams: Streams) -> None:
    assert await streams.look("miners") is None
    await streams.pin("miners", b"some", 60)
    assert await streams.look("miners") == b"some"
    await streams.pin("miners", b"others", 0.05)
    await asyncio.sleep(0.2)
    assert await streams.look("miners") is None


async def test_a_stream_takes_no_more_than_it_may_hold(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_redis, "MOST_WAITING", 2)
    if isinstance(streams, MemoryStreams):
        streams = MemoryStreams(most=2)
    work = streams.stream("work")
    await work.add(b"one")
    last = await work.add(b"two")
    with pytest.raises(StreamFull):
        await work.add(b"three")
    await work.remove(last)
    await work.add(b"in its place")


async def test_a_redis_that_is_away_is_told_and_used_again_when_it_is_back() -> None:
    with a_redis() as server:
        streams = RedisStreams(server.url, "test")
        try:
            work = streams.stream("work")
            await work.add(b"lost with its Redis")
            assert len(await work.take("one", 1, WAIT_S)) == 1
            server.stop()
            for asking in (work.add(b"never"), work.take("one", 1, 0.1), streams.receive("box", 0.1)):
                with pytest.raises(StreamsGone, match="Redis"):
                    await asking
            server.start()
            await work.add(b"again")
            assert [entry.body for entry in await work.take("one", 1, WAIT_S)] == [b"again"]
        finally:
            await streams.close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--requirepass", "secret-of-redis"), "[Aa]uth"),
        (("--maxmemory", "1", "--maxmemory-policy", "noeviction"), "OOM|memory"),
    ],
)
async def test_a_redis_that_asks_a_password_or_is_full_is_told_in_its_words(options: tuple[str, ...], why: str) -> None:
    with a_redis(*options) as server:
        streams = RedisStreams(server.url, "test")
        with pytest.raises(StreamsGone, match=why) as refused:
            await streams.stream("work").add(b"one")
        assert "secret-of-redis" not in str(refused.value)
        await streams.close()


async def test_a_password_in_the_address_opens_redis_and_is_told_to_nobody() -> None:
    with a_redis("--requirepass", "secret-of-redis") as server:
        wrong = RedisStreams(server.url.replace("//", "//:not-this-secret@"), "test")
        with pytest.raises(StreamsGone) as refused:
            await wrong.stream("work").add(b"one")
        assert "not-this-secret" not in str(refused.value)
        right = RedisStreams(server.url.replace("//", "//:secret-of-redis@"), "test")
        await right.stream("work").add(b"one")
        await wrong.close()
        await right.close()
