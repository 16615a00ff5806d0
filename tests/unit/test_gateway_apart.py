"""Gateways and asking workers beside one judging validator, over streams in memory and over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.gateway import relay as relay_room
from engine.gateway.desk import Broken, NobodyWilling, OrganicError, RoutedRequest, Unanswerable
from engine.store.store import Store
from engine.streams import interface, memory, on_redis
from engine.streams.interface import Streams
from engine.streams.memory import MemoryStreams
from engine.streams.on_redis import RedisStreams
from engine.transport.errors import WireError
from engine.values import GatewayMode, Request
from tests.redis_server import a_redis, a_redis_url
from tests.unit.apart_helpers import apart
from tests.unit.engine_helpers import until
from tests.unit.test_gateway_organic import ASKED
from tests.unit.test_validator import MINERS, store

__all__ = ["store"]

MODES: tuple[GatewayMode, ...] = ("fast", "race", "consensus")


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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dead are noticed soon."""
    for module in (interface, memory, on_redis):
        monkeypatch.setattr(module, "DEAD_AFTER_S", 1.5)
    monkeypatch.setattr(on_redis, "CLAIM_EVERY_S", 0.1)


@pytest.mark.parametrize("mode", MODES)
async def test_a_request_is_answered_elsewhere_and_is_one_round_of_the_validator(
    store: Store, streams: Streams, mode: GatewayMode
) -> None:
    async with apart(store, streams) as parts:
        parts.caller.pieces = {hotkey: ["It ", "is ", "42."] for hotkey in MINERS}
        await parts.worker("one")
        gateway = await parts.gateway()
        errand, heard = RoutedRequest(mode), list[str]()
        reply = await gateway.answer(errand, ASKED, heard.append)
        assert reply.text == "It is 42."
        assert errand.uid == reply.uid
        assert "".join(heard) == ("" if mode == "consensus" else "It is 42.")
        await until(lambda: parts.bench.told)
        assert parts.bench.told == await parts.bench.stored() == [errand.round]
        assert len(parts.caller.asked) == (1 if mode == "fast" else 3)
        assert parts.dialects.chosen == dict.fromkeys(MINERS, "btauth"), "asked as the validator asks them"


async def test_why_there_is_no_answer_is_told_as_it_would_be_in_one_process(store: Store, streams: Streams) -> None:
    async with apart(store, streams) as parts:
        parts.caller.answers = dict.fromkeys(MINERS, WireError("unreachable", "connection refused"))
        await parts.worker("one")
        gateway = await parts.gateway()
        with pytest.raises(OrganicError, match="connection refused"):
            await gateway.answer(RoutedRequest("race"), ASKED)
        with pytest.raises(Unanswerable):
            await gateway.answer(RoutedRequest("fast"), Request())


async def test_two_workers_share_the_work_and_every_answer_reaches_its_own_gateway(
    store: Store, streams: Streams
) -> None:
    async with apart(store, streams) as parts:
        for name in ("one", "two"):
            await parts.worker(name)
        gateways = [await parts.gateway("first"), await parts.gateway("second")]
        errands = [RoutedRequest("fast") for _ in range(24)]
        asking = [gateways[place % 2].answer(errand, ASKED) for place, errand in enumerate(errands)]
        assert {reply.text for reply in await asyncio.gather(*asking)} == {"42"}
        await until(lambda: len(parts.bench.told) == len(errands))
        assert sorted(parts.bench.told) == sorted(errand.round for errand in errands)


@pytest.mark.usefixtures("quick")
async def test_what_a_dead_worker_had_is_answered_by_another_once(store: Store, streams: Streams) -> None:
    async with apart(store, streams) as parts:
        parts.caller.gate.clear()
        await parts.worker("dead")
        gateway = await parts.gateway()
        answering = asyncio.create_task(gateway.answer(RoutedRequest("consensus"), ASKED))
        await until(lambda: len(parts.caller.asked) == 3)
        await parts.kill("dead")
        parts.caller.gate.set()
        await parts.worker("alive")
        assert (await answering).text == "42"
        assert len(parts.caller.asked) == 6
        await until(lambda: parts.bench.told)
        assert len(await parts.bench.stored()) == 1


@pytest.mark.usefixtures("quick")
async def test_an_answer_whose_worker_dies_in_the_middle_is_refused_and_not_begun_anew(
    store: Store, streams: Streams
) -> None:
    async with apart(store, streams) as parts:
        parts.caller.pieces = {hotkey: ["It is ", "42."] for hotkey in MINERS}
        parts.caller.gate.clear()
        await parts.worker("dead")
        gateway, heard = await parts.gateway(), list[str]()
        answering = asyncio.create_task(gateway.answer(RoutedRequest("fast"), ASKED, heard.append))
        await until(lambda: heard)
        await parts.kill("dead")
        await parts.worker("alive")
        with pytest.raises(Broken):
            await answering
        assert heard == ["It is "]


async def test_a_user_who_leaves_frees_the_miner(store: Store, streams: Streams) -> None:
    async with apart(store, streams) as parts:
        parts.caller.gate.clear()
        await parts.worker("one")
        gateway = await parts.gateway()
        answering = asyncio.create_task(gateway.answer(RoutedRequest("fast"), ASKED))
        await until(lambda: parts.caller.asked)
        answering.cancel()
        await until(lambda: parts.caller.left)
        parts.caller.gate.set()
        assert (await gateway.answer(RoutedRequest("fast"), ASKED)).text == "42", "and another one is answered"
        assert len(parts.caller.asked) == 2


async def test_without_a_worker_a_request_is_refused_and_asked_of_nobody_later(
    store: Store, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_room, "TAKEN_WITHIN_S", 0.1)
    async with apart(store, streams) as parts:
        gateway = await parts.gateway()
        with pytest.raises(NobodyWilling, match=r"no worker has taken the request within 0\.1 s"):
            await gateway.answer(RoutedRequest("fast"), ASKED)
        await gateway.close()
        await parts.worker("late")
        assert await streams.stream("requests").take("another", 1, 0.1) == []
        assert parts.caller.asked == []


@pytest.mark.usefixtures("quick")
async def test_a_round_whose_validator_starts_anew_counts_once(store: Store, streams: Streams) -> None:
    async with apart(store, streams) as parts:
        await parts.kill("validator")
        await parts.worker("one")
        gateway = await parts.gateway()
        await gateway.answer(RoutedRequest("race"), ASKED)
        (entry,) = await streams.stream("asked").take("dead validator", 1, 10.0)
        await parts.judge("first")
        await until(lambda: parts.bench.told)
        await streams.stream("asked").add(entry.body)
        await gateway.answer(RoutedRequest("race"), ASKED)
        await until(lambda: len(parts.bench.told) == 2)
        assert len(await parts.bench.stored()) == 2, "a round that is handed in twice is known"
        assert parts.bench.scores.tally(MINERS[0]).rounds == 2


async def test_while_redis_is_away_requests_are_refused_and_those_that_waited_are_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_room, "AWAY_S", 0.5)
    with a_redis() as server:
        streams = RedisStreams(server.url, "test")
        async with apart(store, streams) as parts:
            parts.caller.gate.clear()
            await parts.worker("one")
            gateway = await parts.gateway()
            waiting = asyncio.create_task(gateway.answer(RoutedRequest("fast"), ASKED))
            await until(lambda: parts.caller.asked)
            server.stop()
            with pytest.raises(NobodyWilling, match="Redis"):
                await waiting
            await until(lambda: gateway.unwilling)
            with pytest.raises(NobodyWilling, match="Redis"):
                await gateway.answer(RoutedRequest("fast"), ASKED)
            server.start()
            parts.caller.gate.set()
            await until(lambda: not gateway.unwilling)
            assert (await gateway.answer(RoutedRequest("fast"), ASKED)).text == "42"
        await streams.close()
