"""Several rounds in flight at once: judged, counted and recorded in the order in which they began."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.challenges.sources.queue import QueueSource
from engine.challenges.sources.source import Cursor
from engine.judge import memory
from engine.store.store import Store
from engine.transport.errors import WireError
from engine.values import Reply, Round
from tests.unit.engine_helpers import NETUID, Questions, a_question, until
from tests.unit.store_helpers import recorded
from tests.unit.test_validator import MINERS, Bench, a_bench, store

__all__ = ["store"]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    made = await Store.open(path, retention_days=7)
    try:
        yield made
    finally:
        await made.close()


def beginning(bench: Bench, id: str, position: int) -> Coroutine[None, None, Round | None]:
    """The round of the question at this position of a file."""
    miners = bench.selection.pick(position)
    return bench.rounds.run(a_question(id), miners, cursor=Cursor("file:test", position))


@asynccontextmanager
async def in_flight(bench: Bench, *ids: str) -> AsyncIterator[list["asyncio.Task[Round | None]"]]:
    """Rounds whose miners were asked and do not answer yet; those that are left are cancelled."""
    bench.caller.hold(*ids)
    running = [asyncio.create_task(beginning(bench, id, place)) for place, id in enumerate(ids, 1)]
    try:
        await until(lambda: len(bench.caller.asked) == len(MINERS) * len(ids))
        yield running
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_rounds_are_judged_in_the_order_in_which_they_began_whoever_answers_first(
    store: Store, tmp_path: Path
) -> None:
    async with a_bench(store) as bench:
        bench.caller.answers["hk2"] = "41"
        async with in_flight(bench, *"abc") as running:
            for id in "cb":
                bench.caller.gates[id].set()
            await until(lambda: list(bench.rounds._asking) == ["a"])
            assert bench.told == []
            bench.caller.gates["a"].set()
            await asyncio.gather(*running)
        assert bench.told == await bench.stored() == ["a", "b", "c"]
    async with opened(tmp_path / "alone.sqlite3") as other, a_bench(other) as alone:
        alone.caller.answers["hk2"] = "41"
        for place, id in enumerate("abc", 1):
            await beginning(alone, id, place)
        assert memory.decode(await store.history(NETUID, "robust")) == memory.decode(
            await other.history(NETUID, "robust")
        )
        for id in "abc":
            at_once, by_itself = await recorded(store, id), await recorded(other, id)
            assert at_once and by_itself
            assert at_once.judgement == by_itself.judgement


async def test_a_round_that_is_given_up_or_cannot_be_judged_delays_no_other(store: Store) -> None:
    async with a_bench(store) as bench:
        judge = bench.judge.judge

        async def fails_at_b(challenge, replies, history):  # type: ignore[no-untyped-def]
            return await judge(challenge, replies, b"no history" if challenge.id == "b" else history)

        bench.judge.judge = fails_at_b  # type: ignore[method-assign]
        async with in_flight(bench, "a", "b", "c") as (first, second, third):
            for id in "bc":
                bench.caller.gates[id].set()
            await until(lambda: list(bench.rounds._asking) == ["a"])
            first.cancel()
            assert await second is None
            judged = await third
        assert judged is not None
        assert bench.told == await bench.stored() == ["c"]


async def test_a_round_that_is_cancelled_while_it_is_stored_is_announced_and_waits_for_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing = asyncio.Event()

    async def hangs(*_arguments: object, **_named: object) -> None:
        storing.set()
        await asyncio.Event().wait()

    async with a_bench(store) as bench:
        monkeypatch.setattr(store, "record", hangs)
        running = asyncio.create_task(beginning(bench, "a", 1))
        await asyncio.wait_for(storing.wait(), 30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (bench.told, bench.rounds.done) == (["a"], 1)
        monkeypatch.undo()
        await bench.rounds.catch_up()
        assert await bench.stored() == ["a"]


async def test_the_cursor_stands_behind_the_last_round_before_which_none_is_missing(store: Store) -> None:
    """A crash while the first of three is in flight asks all three again; with the first recorded, none of them."""
    async with a_bench(store) as bench:
        async with in_flight(bench, "a", "b", "c") as running:
            bench.caller.gates["c"].set()
            await until(lambda: "c" not in bench.rounds._asking)
            assert (await bench.stored(), await bench.cursor()) == ([], None)
            bench.caller.gates["a"].set()
            await running[0]
            assert (await bench.stored(), await bench.cursor()) == (["a"], 1)
            bench.caller.gates["b"].set()
            await asyncio.gather(*running)
        assert (await bench.stored(), await bench.cursor()) == (["a", "b", "c"], 3)


async def test_a_stop_loses_nothing_but_the_rounds_in_flight(store: Store) -> None:
    async with a_bench(store, "a", "b", "c", "d") as bench:
        bench.caller.hold("b", "pushed")
        looping = asyncio.create_task(bench.run())
        await until(lambda: bench.told == ["a"] and bench.rounds._asking)
        pushed = asyncio.create_task(bench.rounds.run(a_question("pushed"), bench.selection.pick(9)))
        await until(lambda: len(bench.rounds._asking) == 2)
        bench.caller.gates["pushed"].set()
        await until(lambda: list(bench.rounds._asking) == ["b"])
        for task in (looping, pushed):
            task.cancel()
        await asyncio.gather(looping, pushed, return_exceptions=True)
        assert (await bench.stored(), await bench.cursor()) == (["a"], 1)
    async with a_bench(store, "a", "b", "c", "d") as again:
        again.source.resume(await again.cursor() or 0)
        await again.run()
        assert await again.stored() == ["a", "b", "c", "d"]


async def test_the_round_that_began_first_is_the_one_whose_progress_is_shown(store: Store) -> None:
    async with a_bench(store) as bench:
        async with in_flight(bench, "a", "b") as running:
            for id in "ab":
                shown = bench.rounds.progress
                assert shown is not None
                assert (shown.id, shown.asked, shown.answered, shown.failed) == (id, 3, 0, 0)
                bench.caller.gates[id].set()
                await running["ab".index(id)]
        assert bench.rounds.progress is None


async def other_id(bench: Bench) -> str:
    """The id under which a second round of the same question is asked."""
    task = asyncio.create_task(bench.rounds.run(a_question("a"), bench.selection.pick(2)))
    try:
        await until(lambda: len(bench.rounds._asking) == 2)
        return list(bench.rounds._asking)[-1]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_replies_are_heard_as_they_come_and_rounds_in_flight_share_no_id(store: Store) -> None:
    async with a_bench(store) as bench:
        heard: list[str] = []
        counted: list[tuple[int, int]] = []

        def hear(reply: Reply) -> None:
            shown = bench.rounds.progress
            assert shown is not None
            heard.append(reply.hotkey)
            counted.append((shown.answered, shown.failed))

        bench.caller.hold("a", "a#2")
        bench.caller.answers["hk3"] = WireError("timeout", "too late")
        first = asyncio.create_task(bench.rounds.run(a_question("a"), bench.selection.pick(1), hear))
        await until(lambda: bench.rounds._asking)
        assert await other_id(bench) == "a#2"
        assert heard == []
        bench.caller.gates["a"].set()
        await first
        assert sorted(heard) == sorted(MINERS)
        assert [answered + failed for answered, failed in counted] == [1, 2, 3]
        assert counted[-1] == (2, 1)


async def test_a_pushed_challenge_is_asked_before_the_next_one_of_the_source(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        source = QueueSource(bench.source)
        assert source.push(a_question("first"))
        await bench.loop_over(source).run(lambda: None)
        assert bench.told == await bench.stored() == ["first", "a", "b"]
        assert await bench.cursor() == 0, "the file starts afresh"
        assert await store.cursor("queue") == 1


async def test_a_source_of_pushed_challenges_alone_waits_for_them_and_says_when_it_is_full(store: Store) -> None:
    async with a_bench(store) as bench:
        source = QueueSource(bound=2)
        looping = asyncio.create_task(bench.loop_over(source, rounds=3).run(lambda: None))
        await asyncio.sleep(0)
        bench.caller.hold("a")
        assert source.push(a_question("a"))
        await until(lambda: bench.caller.asked)
        assert [source.push(a_question(id)) for id in ("b", "c", "d")] == [True, True, False]
        bench.caller.gates["a"].set()
        await asyncio.wait_for(looping, 60)
        assert bench.told == ["a", "b", "c"]
        assert await store.cursor("queue") == 3


async def test_a_queue_continues_where_either_of_its_sources_stood() -> None:
    behind = Questions("a", "b", "c")
    source = QueueSource(behind)
    source.resume(1)
    assert source.cursor == Cursor("file:test", 1)
    source.push(a_question("pushed"))
    asked = [(challenge.id, source.cursor) async for challenge in source]
    assert asked == [("pushed", ("queue", 1)), ("b", ("file:test", 2)), ("c", ("file:test", 3))]
    alone = QueueSource()
    alone.resume(7)
    assert alone.cursor == ("queue", 7)
