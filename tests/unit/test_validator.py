"""The validator's loop with a real store, dispatch, selection and judging: what is asked, stored and reported."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.interface import Chain
from engine.challenges import ChallengeError
from engine.challenges.sources.source import Source
from engine.errors import StoreError
from engine.feed import Feed
from engine.judge import memory
from engine.judge.client import Judge
from engine.store.errors import StoreFull
from engine.store.store import Store
from engine.sybil.service import SybilService
from engine.transport.dialect import Availability
from engine.transport.errors import WireError
from engine.transport.wire import challenge_json
from engine.validator import backlog
from engine.validator import loop as loop_module
from engine.validator.dispatch import Dispatch
from engine.validator.loop import ValidatorLoop
from engine.validator.round_runner import RoundRunner
from engine.validator.scores import Scores
from engine.validator.selection import Selection, Sweeper
from engine.values import Metagraph, Neuron, Round
from engine.weights.averages import Exponential
from tests.unit.engine_helpers import NETUID, Obliging, Questions, a_feed, named, until
from tests.unit.store_helpers import recorded

MINERS = ("hk1", "hk2", "hk3")


class FlakyStore:
    """A store of which some methods fail as long as `full` names them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full: set[str] = set()

    def __getattr__(self, name: str) -> object:
        method = getattr(self._store, name)
        if name not in self.full:
            return method

        async def fails(*_: object, **__: object) -> None:
            raise StoreFull("no space left")

        return fails


class Still:
    """A chain at one block."""

    async def block(self) -> int:
        return 77


class Bench:
    """A validator and everything around it."""

    def __init__(self, store: Store, source: Questions, *, rounds: int | None, interval: float) -> None:
        self.store = FlakyStore(store)
        self.source = source
        self.caller = Obliging()
        self.feed: Feed = a_feed()
        self.unscored: set[int] = set()
        self.scores = Scores(Exponential(alpha=0.3, window_s=86_400.0))
        self.selection = Selection(own_hotkey="hk0", sample=8, seed=1, allow_private=True)
        self.selection.see(
            Metagraph(
                netuid=NETUID,
                block=1,
                neurons=tuple(
                    Neuron(uid=uid, hotkey=f"hk{uid}", coldkey=f"ck{uid}", ip=f"127.0.0.{uid + 1}", port=8000)
                    for uid in range(len(MINERS) + 1)
                ),
            )
        )
        self.judge = Judge("robust", "hashing")
        self.chain = ChainClient(cast(Chain, Still()), netuid=NETUID, hotkey="hk0")
        self.rounds = RoundRunner(
            self.chain,
            dispatch=Dispatch(self.caller, timeout=20.0, round_timeout=25.0),
            judge=self.judge,
            store=self.store,  # type: ignore[arg-type]
            scores=self.scores,
            sybil=SybilService(self.chain, rule="off", share=0.3, table=store.penalties, feed=self.feed),
            feed=self.feed,
        )
        self.loop = self.loop_over(source, rounds=rounds, interval=interval)

    def loop_over(self, source: Source, *, rounds: int | None = None, interval: float = 0.0) -> ValidatorLoop:
        return ValidatorLoop(
            source=source,
            selection=self.selection,
            rounds=self.rounds,
            store=self.store,  # type: ignore[arg-type]
            feed=self.feed,
            interval=interval,
            limit=rounds,
            is_scored=lambda position: position not in self.unscored,
        )

    async def run(self) -> None:
        async with asyncio.timeout(60):
            await self.loop.run(lambda: None)

    @property
    def told(self) -> list[str]:
        return [fields["id"] for fields in named(self.feed, "round")]

    async def stored(self) -> list[str]:
        rounds: tuple[Round, ...] = await self.store.recent_rounds(NETUID, 100)  # type: ignore[operator]
        return [judged.challenge.id for judged in rounds][::-1]

    async def cursor(self) -> int | None:
        position: int | None = await self.store.cursor("file:test")  # type: ignore[operator]
        return position


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.sqlite3", retention_days=7)
    yield opened
    await opened.close()


@asynccontextmanager
async def a_bench(
    store: Store, *ids: str, rounds: int | None = None, interval: float = 0.0, probed: bool = True
) -> AsyncIterator[Bench]:
    bench = Bench(store, Questions(*ids), rounds=rounds, interval=interval)
    if probed:
        await Sweeper(bench.selection, bench.caller).sweep()
    try:
        await bench.judge.start()
        await bench.chain.read_head()
        yield bench
    finally:
        await bench.judge.close()


@asynccontextmanager
async def going(bench: Bench) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(bench.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def paused_after_a_round(bench: Bench) -> AsyncIterator["asyncio.Task[None]"]:
    """The validator runs, has told its first round and is paused."""
    bench.caller.gate.clear()
    async with going(bench) as run:
        await until(lambda: bench.caller.asked)
        bench.loop.pause()
        bench.caller.gate.set()
        await until(lambda: bench.told)
        yield run


async def test_each_question_is_asked_judged_stored_and_told_once(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        bench.caller.answers |= {"hk2": "41", "hk3": WireError("timeout", "too late")}
        await bench.run()
        assert bench.told == await bench.stored() == ["a", "b"]
        assert sorted(hotkey for hotkey, _ in bench.caller.asked) == sorted(MINERS * 2)
        assert not any(b"42" in challenge_json(asked) for _, asked in bench.caller.asked), "the truth stays here"
        first = named(bench.feed, "round")[0]
        assert list(first) == [
            "id", "kind", "source", "asked", "answered", "winner_uid", "winner_hotkey", "agreement", "clusters",
            "duration_ms", "recorded", "scored",
        ]  # fmt: skip
        assert (first["asked"], first["answered"], first["winner_uid"], first["recorded"]) == (3, 2, 1, True)
        assert first["clusters"][0] == [1]
        judged = await recorded(store, "a")
        assert judged is not None
        assert judged.block == 77
        assert judged.replies[2].reason == "too late"
        assert bench.scores.tally("hk3").failed == 2
        assert [view.id for view in bench.rounds.shown] == ["a", "b"]
        assert bench.rounds.done == 2


async def test_a_round_that_is_not_scored_is_asked_judged_and_stored_and_moves_nobody(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        bench.unscored = {2}
        bench.caller.answers["hk2"] = "41"
        await bench.run()
        first, second = named(bench.feed, "round")
        assert (first["scored"], second["scored"]) == (True, False)
        assert (second["answered"], second["winner_uid"]) == (3, 3)
        judged = await recorded(store, "b")
        assert judged is not None
        assert {judged.counted(reply) for reply in judged.replies} == {"dropout"}
        assert [len(bench.scores.ema_history(hotkey)) for hotkey in MINERS] == [1, 1, 1]
        assert [bench.scores.tally(hotkey).answered for hotkey in MINERS] == [2, 2, 2]
        bodies = {challenge_json(asked).replace(b'"a"', b'"b"') for _, asked in bench.caller.asked}
        assert len(bodies) == 1, "what is sent is the same"


async def test_the_end_of_the_questions_is_the_beginning_of_the_next_run_under_new_ids(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        await bench.run()
        assert await bench.cursor() == 0
    async with a_bench(store, "a", "b") as again:
        await again.run()
        assert again.told == ["a#2", "b#2"]
        assert await again.stored() == ["a", "b", "a#2", "b#2"]


async def test_the_number_of_rounds_ends_the_run_and_the_cursor_says_where_to_continue(store: Store) -> None:
    async with a_bench(store, "a", "b", "c", rounds=2, interval=0.05) as bench:
        began = time.monotonic()
        await bench.run()
        assert bench.told == ["a", "b"]
        assert await bench.cursor() == 2
        assert time.monotonic() - began >= 0.05
        assert bench.loop.next_round_at is None


async def test_the_history_of_the_last_round_goes_into_the_next_run(store: Store) -> None:
    async with a_bench(store, "a") as bench:
        await bench.run()
    kept = await store.history(NETUID, "robust")
    assert kept
    async with a_bench(store, "b") as bench:
        given: list[bytes | None] = []
        judged = bench.judge.judge

        async def spy(challenge, replies, history):  # type: ignore[no-untyped-def]
            given.append(history)
            return await judged(challenge, replies, history)

        bench.judge.judge = spy  # type: ignore[method-assign]
        await bench.run()
        assert given == [kept]


async def test_an_unreadable_history_is_learnt_again(store: Store) -> None:
    async with a_bench(store, "a", rounds=1) as bench:
        await bench.run()
        [judged] = await store.recent_rounds(NETUID, 1)
        other = replace(judged, challenge=replace(judged.challenge, id="b"), started_at=judged.started_at + 1)
        await store.record(other, netuid=NETUID, history=b"this is no history", cursor=None)
    async with a_bench(store, "c", rounds=1) as bench:
        await bench.run()
        assert bench.told == ["c"]
    assert memory.decode(await store.history(NETUID, "robust")).rounds == 1


async def test_a_full_disk_keeps_rounds_in_memory_and_stores_them_in_order_when_there_is_room(store: Store) -> None:
    async with a_bench(store, "a", "b", "c") as bench:
        bench.store.full = {"record"}
        async with paused_after_a_round(bench) as run:
            assert await bench.stored() == []
            assert [row.recorded for row in bench.rounds.shown] == [False]
            bench.store.full = set()
            bench.loop.resume()
            await run
        assert [fields["recorded"] for fields in named(bench.feed, "round")] == [False, True, True]
        assert [row.recorded for row in bench.rounds.shown] == [True, True, True], (
            "what is stored late is shown as stored"
        )
        assert await bench.stored() == ["a", "b", "c"]
        told = [line["text"] for line in named(bench.feed, "attention") if line["subject"] == "rounds"]
        assert "1 waiting in memory" in told[0] and "no space left" in told[0]
        assert told[-1] == "rounds are being stored again"


async def test_a_store_that_cannot_be_read_stops_no_round(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        bench.store.full = {"has_round", "set_cursor"}
        await bench.run()
        assert [id.split("#")[0] for id in bench.told] == ["a", "b"]
        assert len(set(bench.told)) == 2
        assert "a" not in bench.told, "an id that may be taken is not used"
        assert {line.subject for line in bench.feed.attention} == {"store"}


async def test_rounds_that_waited_are_stored_before_the_questions_start_afresh(store: Store) -> None:
    async with a_bench(store, "a") as bench:
        bench.store.full = {"record"}
        async with paused_after_a_round(bench) as run:
            bench.store.full = set()
            bench.loop.resume()
            await run
        assert await bench.stored() == ["a"]
        assert await bench.cursor() == 0


@pytest.mark.parametrize(("bound", "most", "kept"), [("MOST_ROUNDS", 2, ["c", "d"]), ("MOST_BYTES", 1, ["d"])])
async def test_memory_for_rounds_that_cannot_be_stored_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, kept: list[str]
) -> None:
    monkeypatch.setattr(backlog, bound, most)
    async with a_bench(store, "a", "b", "c", "d") as bench:
        bench.store.full = {"record"}
        async with going(bench) as run:
            await run
        assert bench.told == ["a", "b", "c", "d"]
        waiting = bench.rounds.backlog
        assert (len(waiting), waiting.lost, waiting.unstored) == (len(kept), 4 - len(kept), 4)
        bench.store.full = set()
        await bench.run()
        assert await bench.stored() == kept
        assert [row.id for row in bench.rounds.shown if row.recorded] == kept, "what was dropped is not shown as stored"


async def test_a_restarted_service_continues_with_what_is_not_stored_yet(store: Store) -> None:
    async with a_bench(store, "a", "b", "c") as bench:
        bench.store.full = {"record"}
        async with paused_after_a_round(bench) as run:
            bench.source.failure = ChallengeError("the file is gone")
            bench.loop.resume()
            with pytest.raises(ChallengeError):
                await run
        assert bench.told == ["a"]
        bench.store.full = set()
        await bench.run()
        assert bench.told == await bench.stored() == ["a", "b", "c"]
        seen = memory.decode(await store.history(NETUID, "robust"))
        assert seen.rounds == 3, "what the round that waited taught is not lost"


async def test_a_round_that_cannot_be_judged_is_reported_and_the_next_one_is(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        judged = bench.judge.judge

        async def first_fails(challenge, replies, history):  # type: ignore[no-untyped-def]
            return await judged(challenge, replies, b"no history" if challenge.id == "a" else history)

        bench.judge.judge = first_fails  # type: ignore[method-assign]
        await bench.run()
        assert bench.told == ["b"]
        assert bench.feed.attention[0].subject == "judging"
        assert "round not scored" in bench.feed.attention[0].text


async def test_a_pause_lets_the_round_in_flight_end_and_asks_nothing_more(store: Store) -> None:
    async with a_bench(store, "a", "b") as bench:
        bench.caller.gate.clear()
        async with going(bench) as run:
            await until(lambda: bench.caller.asked)
            assert bench.rounds.progress is not None
            assert bench.rounds.progress.asked == 3
            bench.loop.pause()
            bench.caller.gate.set()
            await until(lambda: bench.told)
            await asyncio.sleep(0.05)
            assert (bench.told, bench.loop.paused) == (["a"], True)
            bench.loop.resume()
            await run
        assert bench.told == ["a", "b"]


async def test_a_pause_holds_while_it_waits_for_miners(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "NOBODY_PAUSE_S", 0.01)
    async with a_bench(store, "a", probed=False) as bench:
        async with going(bench) as run:
            await until(lambda: bench.source.cursor.position == 1)
            bench.loop.pause()
            await Sweeper(bench.selection, bench.caller).sweep()
            await asyncio.sleep(0.05)
            assert bench.caller.asked == []
            bench.loop.resume()
            await run
        assert bench.told == ["a"]


async def test_after_a_pause_the_interval_starts_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_bench(store, "a", "b", interval=0.01) as bench:
        pace, begun = bench.loop._pace, list[float]()

        async def noted(began: float) -> None:
            begun.append(began)
            await pace(began)

        monkeypatch.setattr(bench.loop, "_pace", noted)
        async with paused_after_a_round(bench) as run:
            await until(lambda: begun and bench.loop.next_round_at is None)
            await asyncio.sleep(0.05)
            resumed = time.monotonic()
            bench.loop.resume()
            await run
        assert begun[0] < resumed <= begun[1], "it counts from the round after the pause, not from before it"


async def test_it_says_why_nobody_can_be_asked_and_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "NOBODY_PAUSE_S", 0.01)
    monkeypatch.setattr(loop_module, "NOBODY_TOLD_S", 0.03)
    async with a_bench(store, "a") as bench:
        bench.selection.note("hk1", Availability(False, "unreachable: no connection"))
        for hotkey in MINERS[1:]:
            bench.selection.note(hotkey, Availability(False, "503: loading"))
        async with going(bench) as run:
            await until(lambda: bench.feed.attention)
            [line] = bench.feed.attention
            why = "2 × 503: loading (uid 2, uid 3), 1 × unreachable: no connection (uid 1)"
            assert (line.level, line.text) == ("warning", f"none of 3 miners can be asked now: {why}")
            bench.selection.note("hk2", Availability(True))
            await run
        assert named(bench.feed, "round")[0]["asked"] == 1
        assert bench.feed.attention == ()


async def test_it_reports_that_no_miner_serves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "NOBODY_TOLD_S", 0.03)
    async with a_bench(store, "a") as bench:
        bench.selection.see(Metagraph(netuid=NETUID, block=2))
        async with going(bench):
            await until(lambda: bench.feed.attention)
            assert bench.feed.attention[0].text == "no miner can be asked: none is serving on this subnet"


async def test_that_nobody_answers_is_told_with_the_reason_each_gave_until_somebody_does(store: Store) -> None:
    async with a_bench(store, "a", "b", "c", "d") as bench:
        told: list[tuple[str, int]] = []
        say = bench.feed.emit

        def listen(name: str, /, **fields: object) -> None:
            if name == "round":
                told.extend((line.text, line.count) for line in bench.feed.attention)
                bench.caller.answers = {} if len(bench.told) == 2 else bench.caller.answers
            say(name, **fields)

        bench.feed.emit = listen  # type: ignore[method-assign]
        bench.caller.answers = {
            "hk1": WireError("timeout", "no complete answer within 60 s"),
            "hk2": WireError("refused", "challenge: 503: loading"),
            "hk3": WireError("timeout", "no complete answer within 60 s"),
        }
        await bench.run()
        text = (
            "none of 3 miners answered: 2 × timeout: no complete answer within 60 s (uid 1, uid 3), "
            "1 × refused: challenge: 503: loading (uid 2)"
        )
        assert told == [(text, 1), (text, 2), (text, 3)]
        assert [fields["text"] for fields in named(bench.feed, "attention")] == [text, "miners are answering again"]
        assert bench.feed.attention == ()


@pytest.fixture
def jumping_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Moves the machine's clock, which only stamps come from."""
    shift = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])
    yield lambda seconds: shift.__setitem__(0, shift[0] + seconds)


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
async def test_a_clock_that_jumps_changes_no_duration_and_no_pace(
    store: Store, jumping_clock: Callable[[float], None], jump: float
) -> None:
    async with a_bench(store, "a", "b", interval=0.05) as bench:
        bench.caller.gate.clear()
        async with going(bench) as run:
            await until(lambda: bench.caller.asked)
            jumping_clock(jump)
            bench.caller.gate.set()
            await until(lambda: bench.told)
            jumping_clock(-jump)
            await run
        assert bench.told == await bench.stored() == ["a", "b"]
        assert all(0 < fields["duration_ms"] < abs(jump) * 1000 for fields in named(bench.feed, "round"))
        assert all(bench.scores.ema(hotkey, time.time()) > 0 for hotkey in MINERS)


async def test_the_store_failing_at_the_start_is_the_supervisors(store: Store) -> None:
    async with a_bench(store, "a") as bench:
        bench.store.full = {"history"}
        with pytest.raises(StoreError):
            await bench.run()
        assert bench.caller.asked == []


# IMPORT recorded
