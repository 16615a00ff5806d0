"""A validator as a node: rounds, weights and scores, from one run to the next."""

import asyncio
import csv
import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.commands import (
    Acknowledge,
    AutoWeights,
    BlockCaller,
    CommitWeights,
    Export,
    HoldPenalty,
    Pause,
    Register,
    RestartService,
    Resume,
    RevealWeights,
    Serve,
    SetWeights,
    Stop,
)
from engine.node import heartbeat as heartbeat_module
from engine.node import record_watch
from engine.node.heartbeat import STATUS_FILE
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.store.record import open_record
from engine.store.schema import FILE_NAME
from engine.transport.dialect import Availability
from engine.validator import paying_half
from engine.validator.asking_half import VALIDATOR, selection_of
from engine.validator.paying_half import PayingHalf
from engine.validator.scores import is_scored
from engine.validator.selection import Sweeper
from engine.values import Neuron, Outcome
from tests.unit.chain_helpers import NETUID, key, metagraph_on, weights_on
from tests.unit.engine_helpers import Obliging, named, until
from tests.unit.node_helpers import a_bench, a_validator, restarts, running
from tests.unit.store_helpers import a_reply, a_round, recorded


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "BEAT_S", 0.01)


SAME_WORDS = "I have added both of the numbers up twice, and in the end the answer is 42 each time that I do it."


async def test_a_validator_works_to_its_end_and_leaves_a_true_status(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a", "b"):
        async with asyncio.timeout(60):
            await bench.node.run(VALIDATOR)
        snapshot = bench.feed.snapshot
        assert [view.id for view in snapshot.rounds] == ["a", "b"]
        assert {one.name: one.state for one in snapshot.services}[VALIDATOR] == "stopped"
        assert [miner.answered for miner in snapshot.miners] == [2, 2]
        assert sum(miner.planned for miner in snapshot.miners) == pytest.approx(1.0)
        assert snapshot.chain.uid == 0
        assert msgspec.json.decode((tmp_path / STATUS_FILE).read_bytes(), type=Snapshot) == snapshot


async def test_what_was_stored_is_there_in_the_next_run(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        async with a_validator(bench, "a"):
            await bench.node.run(VALIDATOR)
        await bench.store.log_command(1.0, "pause", "", "ok", "")
        again = bench.next_run()
        async with a_validator(again, "b") as validating:
            assert [view.id for view in validating.asker.rounds.shown] == ["a"]
            assert validating.payer.scores.tally(key("miner1").ss58_address).answered == 1
            await again.node.run(VALIDATOR)
        assert [view.id for view in bench.feed.snapshot.rounds] == ["a", "b"]
        assert (bench.feed.snapshot.rounds_done, bench.feed.snapshot.rounds_recorded) == (1, 2)
        assert [line.name for line in bench.feed.snapshot.commands] == ["pause"]
        assert bench.feed.attention == ()


async def test_a_store_that_is_overwritten_just_before_the_end_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 3600.0)
    path = tmp_path / FILE_NAME

    def checkpointed() -> bytes:
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(FULL)")
        return path.read_bytes()

    async with a_bench(tmp_path) as bench, a_validator(bench, "a", interval=3600.0):
        async with running(bench, VALIDATOR):
            await until(lambda: bench.feed.snapshot.rounds)
            older = checkpointed()
            await bench.store.record(a_round(1), netuid=NETUID, history=None, cursor=None)
            checkpointed()
            path.write_bytes(older)
        assert bench.feed.snapshot.record_gone == f"{path} was emptied or overwritten while it was in use"
        assert bench.feed.attention[-1].subject == FILE_NAME


async def test_who_had_stopped_answering_is_told_by_the_next_run(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        failed = a_reply(2, hotkey=key("miner2").ss58_address, status="timeout")
        answers = [a_reply(uid, hotkey=key(f"miner{uid}").ss58_address) for uid in (1, 2)]
        for number in range(7):
            asked = a_round(number, answers if number == 0 else [answers[0], failed])
            await bench.store.record(asked, netuid=NETUID, history=None, cursor=None)
        async with a_validator(bench, "a"):
            await bench.node.run(VALIDATOR)
            told = [(one.level, one.text) for one in bench.feed.attention]
        assert told == [("info", "uid 2 had stopped answering in the last run")]


async def test_a_last_run_from_the_future_says_nothing_of_who_had_stopped(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        answers = [a_reply(1, hotkey=key("miner1").ss58_address)]
        for number, at in ((0, time.time() - 60), (1, 4e9)):
            asked = a_round(number, answers if number == 0 else [replace(answers[0], status="cancelled")], at=at)
            await bench.store.record(asked, netuid=NETUID, history=None, cursor=None)
        async with a_validator(bench, "a"):
            await bench.node.run(VALIDATOR)
        assert bench.feed.attention == ()


async def test_a_switch_of_profiles_leaves_the_weights_on_chain_until_it_has_scored_enough(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        async with a_validator(bench, "a", "b", "c") as validating:
            await bench.node.run(VALIDATOR)
            plan = validating.upcoming
        assert plan.profile == "robust"
        assert len(plan.rows) == 2
        await bench.store.journal.settle(await bench.store.journal.intend(plan), Outcome(status="ok"))
        again = bench.next_run()
        async with a_validator(again, scoring="loosh") as validating:
            await again.look()
            why = "keeping the weights made by robust until loosh has scored 6 replies"
            assert (validating.upcoming.rows, validating.upcoming.skipped) == ((), why)
        back = bench.next_run()
        async with a_validator(back) as validating:
            await back.look()
            assert [row.uid for row in validating.upcoming.rows] == [row.uid for row in plan.rows]


async def test_what_earlier_rounds_taught_is_told_to_be_damaged(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        await bench.store.record(a_round(0, [a_reply(1)]), netuid=NETUID, history=b"this is no history", cursor=None)
        async with a_validator(bench):
            assert [line.subject for line in bench.feed.attention] == ["scoring"]


async def test_a_plan_is_made_of_what_is_stored_without_judge_or_rounds(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        async with a_validator(bench, "a", "b") as validating:
            await bench.node.run(VALIDATOR)
            planned = validating.upcoming
        later = bench.next_run()
        settings = Settings(role="validator", netuid=NETUID, data_dir=tmp_path)
        alone = PayingHalf(
            settings, feed=later.feed, store=later.store, chain=later.client, wallet=later.wallet,
            selection=selection_of(settings, later.client.hotkey),
        )  # fmt: skip
        await alone.load()
        assert alone.planner.plan(await later.client.look()).rows == planned.rows
        assert planned.rows


async def test_scoring_with_dropout_is_a_setting_and_continues_in_the_next_run(tmp_path: Path) -> None:
    dropout: dict[str, Any] = {
        "dropout": True,
        "scored_per_period": 2,
        "unscored_share": 0.0,
        "aggregation": "windowed",
    }
    async with a_bench(tmp_path) as bench:
        async with a_validator(bench, "a", "b", "c", **dropout) as validating:
            await bench.node.run(VALIDATOR)
            before = validating.payer.scores.ema_history(key("miner1").ss58_address)
        again = bench.next_run()
        async with a_validator(again, "d", **dropout) as validating:
            await again.node.run(VALIDATOR)
            assert validating.payer.scores.ema_history(key("miner1").ss58_address) == before
            assert validating.payer.scores.tally(key("miner1").ss58_address).answered == 4
        counted = []
        for name in "abcd":
            judged = await recorded(bench.store, name)
            assert judged is not None
            counted += [{judged.counted(reply) for reply in judged.replies}]
        assert counted == [{"yes"}, {"yes"}, {"cap"}, {"cap"}]
        assert before == pytest.approx((0.1, 0.2), abs=0.02)


async def test_a_sybil_group_is_shown_held_and_penalised_across_runs(tmp_path: Path) -> None:
    pair = {key(name).ss58_address for name in ("miner1", "miner2")}
    first = min(pair)

    async with a_bench(tmp_path) as bench:

        def states() -> dict[str, str]:
            view = bench.feed.snapshot.sybil
            return {penalty.hotkey: penalty.state for penalty in view.penalties} if view else {}

        async with a_validator(bench, *map(str, range(14)), says=SAME_WORDS, sybil_penalty="apply"):
            await bench.node.run(VALIDATOR)
        again = bench.next_run()
        ids = [f"again {number}" for number in range(200)]
        async with (
            a_validator(
                again, *ids, says=SAME_WORDS, interval=0.05, sybil_penalty="apply", sybil_share=1.0
            ) as validating,
            running(again, VALIDATOR),
        ):
            await until(lambda: set(states()) == pair)
            assert await again.answer(HoldPenalty(first, held=True)) == ("ok", "")
            for _ in range((await bench.chain.look(NETUID)).rules.tempo):
                await bench.chain.tick()
            await until(lambda: sorted(states().values()) == ["applied", "held"])
            taken = {row.hotkey: row.penalty for row in validating.upcoming.rows}
            assert taken == {first: 0.0, max(pair): pytest.approx(0.8)}
            assert [one.text for one in bench.feed.attention] == ["uids 1, 2 form a sybil group: evidence under Miners"]
    with open_record(tmp_path / FILE_NAME) as record:
        assert record.standings.of(NETUID)[first].held


async def test_the_share_of_rounds_that_are_not_scored_is_a_setting(tmp_path: Path) -> None:
    ids = tuple(map(str, range(12)))
    async with a_bench(tmp_path) as bench, a_validator(bench, *ids, dropout=True, scored_per_period=100):
        await bench.node.run(VALIDATOR)
        lots = [is_scored(position, seed=1, unscored_share=0.5) for position in range(1, 13)]
        assert [view.scored for view in bench.feed.snapshot.rounds] == lots
        assert {True, False} == set(lots)


async def test_the_miners_are_not_counted_again_for_every_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a") as validating:
        await bench.look()
        first = validating.view().miners
        assert [miner.available for miner in first] == [None, None]
        await Sweeper(validating.selection, Obliging()).sweep()
        assert validating.view().miners is first
        monkeypatch.setattr(paying_half, "MINERS_FRESH_S", 0.0)
        await bench.chain.tick()
        await bench.look()
        assert [miner.available for miner in validating.view().miners] == [True, True]
        validating.selection.note(first[0].hotkey, Availability(False, "busy"))
        assert [miner.available for miner in validating.view().miners] == [False, True]


async def test_a_pause_between_two_rounds_leaves_no_time_for_the_next_one(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a", "b", interval=60.0), running(bench, VALIDATOR):
        await until(lambda: bench.feed.snapshot.next_round_at)
        await bench.answer(Pause())
        await until(lambda: bench.feed.snapshot.paused)
        assert bench.feed.snapshot.next_round_at is None


async def test_every_command_of_a_validator_works_through_the_feed(tmp_path: Path) -> None:
    ids = tuple(f"q{number}" for number in range(200))
    async with a_bench(tmp_path) as bench, a_validator(bench, *ids, interval=0.02) as validating:
        async with running(bench, VALIDATOR) as run:
            await until(lambda: bench.feed.snapshot.rounds_done >= 2)
            assert await bench.answer(Pause()) == ("ok", "")
            await until(lambda: bench.feed.snapshot.paused)
            await until(lambda: bench.feed.snapshot.progress is None)
            done = validating.asker.rounds.done
            assert await bench.answer(Resume()) == ("ok", "")
            await until(lambda: validating.asker.rounds.done > done)

            assert await bench.answer(AutoWeights(on=False)) == ("ok", "")
            await until(lambda: not bench.feed.snapshot.auto_weights)
            assert await bench.answer(SetWeights()) == ("ok", "")
            sent = named(bench.feed, "weights")[0]
            assert list(sent) == ["block", "mode", "uids", "weights_u16", "outcome", "reason"]
            assert (sent["outcome"], sent["uids"]) == ("ok", (1, 2))
            outcome, reason = await bench.answer(SetWeights())
            assert (outcome, reason.partition(":")[0]) == ("rejected", "SettingWeightsTooFast")
            assert await bench.answer(AutoWeights(on=True)) == ("ok", "")

            outcome, reason = await bench.answer(Register())
            assert (outcome, reason) == ("rejected", "HotKeyAlreadyRegisteredInSubNet")
            assert await bench.answer(Serve("127.0.0.1", 8091)) == ("ok", "")
            served = (await metagraph_on(bench.chain)).by_hotkey(key("validator").ss58_address)
            assert isinstance(served, Neuron)
            assert (served.ip, served.port) == ("127.0.0.1", 8091)

            outcome, reason = await bench.answer(CommitWeights())
            assert (outcome, reason.partition(":")[0]) == ("rejected", "CommitRevealDisabled")
            outcome, reason = await bench.answer(RevealWeights())
            assert (outcome, reason.partition(":")[0]) == ("rejected", "NoWeightsCommitFound")
            assert await bench.answer(RestartService("weights")) == ("ok", "")
            await until(lambda: restarts(bench, "weights") == 1)
            assert await bench.answer(RestartService("nobody")) == ("rejected", "no service nobody runs")
            assert (await bench.answer(RestartService("operator")))[0] == "rejected"
            assert await bench.answer(BlockCaller("5F")) == ("rejected", "not for this role")

            out = tmp_path / "rounds.csv"
            assert await bench.answer(Export("rounds", str(out))) == ("ok", "")
            assert len(list(csv.DictReader(out.open(newline="")))) >= 2
            assert (await bench.answer(Export("rounds", "-")))[0] == "rejected"
            outcome, reason = await bench.answer(Export("rounds", str(tmp_path / "no" / "such" / "folder.csv")))
            assert (outcome, "cannot be written" in reason) == ("rejected", True)

            bench.feed.raise_attention("warning", "test", "look")
            assert await bench.answer(Acknowledge()) == ("ok", "")
            assert (await bench.answer(Acknowledge()))[0] == "rejected"
            assert all(line.acknowledged for line in bench.feed.attention)

            assert await bench.answer(Stop()) == ("ok", "")
            await asyncio.wait_for(run, 30)
        kept = [line.name for line in await bench.store.recent_commands(50)]
        assert kept[0] == "stop"
        assert len(kept) == len(named(bench.feed, "command")) == len(bench.feed.snapshot.commands)


async def test_a_read_only_run_sends_nothing_and_says_why(tmp_path: Path) -> None:
    async with (
        a_bench(tmp_path, read_only=True) as bench,
        a_validator(bench, *map(str, range(100)), interval=0.02, read_only=True),
        running(bench, VALIDATOR),
    ):
        for command in (
            SetWeights(),
            CommitWeights(),
            RevealWeights(),
            AutoWeights(on=True),
            HoldPenalty(key("miner1").ss58_address, held=True),
            Register(),
            Serve("127.0.0.1", 8091),
            RestartService("housekeeping"),
        ):
            assert await bench.answer(command) == ("rejected", "not while --read-only is on")
        assert await bench.answer(Pause()) == ("ok", "")
        assert "weights" not in {one.name for one in bench.feed.snapshot.services}
        assert not bench.feed.snapshot.auto_weights
        assert await weights_on(bench.chain) == ()


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, -0.5])
async def test_a_score_that_cannot_be_a_weight_is_reported_with_its_hotkey(
    tmp_path: Path, broken: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a") as validating:
        await bench.node.run(VALIDATOR)
        before, scores = validating.upcoming, validating.payer.scores
        spoilt, *others = before.rows
        ema = scores.ema
        with monkeypatch.context() as patched:
            patched.setattr(scores, "ema", lambda who, now: broken if who == spoilt.hotkey else ema(who, now))
            assert [row.hotkey for row in validating.upcoming.rows] == [row.hotkey for row in others]
            [told] = [one for one in bench.feed.attention if one.subject == "scores"]
        assert told.level == "error"
        assert told.text.startswith(f"no weight for {spoilt.hotkey} ({broken:g}): ")
        assert told.text.endswith("look at their rounds on Miners")
        assert validating.upcoming.rows == before.rows
        assert "scores" not in {one.subject for one in bench.feed.attention}


@pytest.mark.parametrize("paused", [False, True])
async def test_a_validator_without_its_uid_asks_nothing_until_it_has_one_again(tmp_path: Path, paused: bool) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a") as validating:
        loop, ours = validating.asker.loop, await metagraph_on(bench.chain)
        if paused:
            await validating.asker.part.handlers[Pause](Pause())
        for metagraph, rests in ((ours, paused), (replace(ours, neurons=ours.neurons[1:]), True), (ours, paused)):
            for hear in validating.asker.part.on_metagraph:
                hear(metagraph)
            assert loop.paused == rests


async def test_a_plan_whose_outcome_comes_later_stays_one_row(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a") as validating:
        await Sweeper(validating.selection, Obliging()).sweep()
        await bench.look()
        plan = validating.upcoming
        for outcome in (Outcome(status="unknown", reason="no answer"), Outcome(status="ok", block=plan.block + 2)):
            validating.payer.planner.note(plan, outcome)
        shown = validating.view().plans
        assert [(row.outcome, row.block) for row in shown] == [("ok", plan.block)]
        assert [fields["outcome"] for fields in named(bench.feed, "weights")] == ["unknown", "ok"]


async def test_a_commit_that_is_revealed_stays_one_row(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench, a_validator(bench, "a") as validating:
        await Sweeper(validating.selection, Obliging()).sweep()
        await bench.look()
        plan = validating.upcoming
        later = replace(plan, block=plan.block + 5)
        validating.payer.planner.note(plan, Outcome(status="committed"))
        validating.payer.planner.note(later, Outcome(status="committed"))
        validating.payer.planner.note(plan, Outcome(status="applied"))
        shown = validating.view().plans
        assert [(row.outcome, row.block) for row in shown] == [("committed", later.block), ("applied", plan.block)]
