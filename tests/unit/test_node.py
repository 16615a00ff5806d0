"""A whole validator in one process: a real store, chain and judge under one supervisor, driven through the feed."""

import asyncio
import csv
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from console.roles.session import exporter
from engine.chain.embedded import EmbeddedChain
from engine.chain.wallets import Wallet
from engine.commands import (
    Acknowledge,
    AnyCommand,
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
from engine.feed import Feed
from engine.judge.client import Judge
from engine.node import heartbeat as heartbeat_module
from engine.node import record_watch
from engine.node.chain_watch import ChainWatch, NotRegistered
from engine.node.node import STATUS_FILE, Node
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.store.errors import StoreFull
from engine.store.record import open_record
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.transport.dialect import Availability
from engine.validator import payer as payer_module
from engine.validator.asker import VALIDATOR, Asker, selection_of
from engine.validator.payer import Payer
from engine.validator.scores import is_scored
from engine.validator.selection import Selection, Sweeper
from engine.values import Neuron, Outcome
from engine.weights.plan import WeightPlan
from tests.unit.chain_helpers import NETUID, client_of, key, metagraph_on, running_subnet, weights_on
from tests.unit.engine_helpers import Obliging, Questions, a_feed, named, until
from tests.unit.store_helpers import a_reply, a_round, recorded

SAME_WORDS = "I have added both of the numbers up twice, and in the end the answer is 42 each time that I do it."


class House:
    """What nodes are made of, the node of this run, and the answers to its commands."""

    def __init__(
        self,
        feed: Feed,
        store: Store,
        chain: EmbeddedChain,
        wallet: Wallet,
        folder: Path,
        *,
        read_only: bool = False,
        timeout_s: float = 60.0,
    ) -> None:
        self.feed = feed
        self.store = store
        self.chain = chain
        self.wallet = wallet
        self.folder = folder
        self.read_only = read_only
        self.client = client_of(chain, wallet.name, timeout_s=timeout_s)
        self.parts: tuple[Part, ...] = (Part(handlers={Export: exporter(folder)}),)
        self.node = self.build()

    def build(self, *parts: Part) -> Node:
        """The node with these parts beside those that it has."""
        self.parts += parts
        self.node = Node(
            self.parts, feed=self.feed, store=self.store, chain=self.client, wallet=self.wallet,
            folder=self.folder, read_only=self.read_only,
        )  # fmt: skip
        return self.node

    async def look(self) -> None:
        """See the chain once, as the watch does."""
        await ChainWatch(self.client, self.feed, [hear for part in self.parts for hear in part.on_metagraph]).refresh()

    def next_run(self) -> "House":
        """The same folder, later."""
        return House(self.feed, self.store, self.chain, self.wallet, self.folder)

    async def answer(self, command: AnyCommand) -> tuple[str, str]:
        """Outcome and reason of a command, given through the feed."""
        before = len(named(self.feed, "command"))
        assert self.feed.submit(command, "asked")
        await until(lambda: len(named(self.feed, "command")) > before)
        said = named(self.feed, "command")[before]
        assert (said["command"], said["id"]) == (command.name, "asked")
        return said["outcome"], said["reason"]


@asynccontextmanager
async def a_house(
    folder: Path, *, name: str = "validator", read_only: bool = False, timeout_s: float = 60.0
) -> AsyncIterator[House]:
    chain = await running_subnet(folder, miners=2)
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    feed, cold = a_feed(), key("cold")
    wallet = Wallet(name, key(name), cold.ss58_address, cold)
    try:
        yield House(feed, store, chain, wallet, folder, read_only=read_only, timeout_s=timeout_s)
    finally:
        await store.close()
        await chain.close()


@asynccontextmanager
async def running(house: House, until_done: str) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(house.node.run(until_done))
    try:
        await until(lambda: task.done() or {one.state for one in house.feed.snapshot.services} == {"running"})
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Halves(NamedTuple):
    """A validator in its house."""

    house: House
    selection: Selection
    asker: Asker
    payer: Payer

    @property
    def upcoming(self) -> WeightPlan:
        return self.payer.planner.plan(self.house.client.seen)

    def view(self) -> Snapshot:
        return self.payer._view(self.house.feed.snapshot)


@asynccontextmanager
async def a_validator(
    house: House, *ids: str, interval: float = 0.0, read_only: bool = False, says: str = "42", **changed: Any
) -> AsyncIterator[Halves]:
    usual = Settings(
        role="validator",
        netuid=NETUID,
        interval=interval,
        allow_private=True,
        data_dir=house.folder,
        seed=1,
        read_only=read_only,
    )
    settings = replace(usual, **changed)
    judge, caller = Judge("robust", "hashing"), Obliging(says)
    await judge.start()
    selection = selection_of(settings, house.client.hotkey)
    payer = Payer(
        settings, feed=house.feed, store=house.store, chain=house.client, wallet=house.wallet, selection=selection
    )
    asker = Asker(
        settings, feed=house.feed, store=house.store, chain=house.client, source=Questions(*ids), caller=caller,
        judge=judge, selection=selection, scores=payer.scores, sybil=payer.sybil,
    )  # fmt: skip
    await payer.load()
    await asker.load()
    house.build(asker.part, payer.part)
    try:
        yield Halves(house, selection, asker, payer)
    finally:
        await judge.close()


def restarts(house: House, service: str) -> int:
    return next(one.restarts for one in house.feed.snapshot.services if one.name == service)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "BEAT_S", 0.01)


async def test_a_validator_works_to_its_end_and_leaves_a_true_status(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_validator(house, "a", "b"):
        async with asyncio.timeout(60):
            await house.node.run(VALIDATOR)
        snapshot = house.feed.snapshot
        assert [view.id for view in snapshot.rounds] == ["a", "b"]
        assert {one.name: one.state for one in snapshot.services}[VALIDATOR] == "stopped"
        assert [miner.answered for miner in snapshot.miners] == [2, 2]
        assert sum(miner.planned for miner in snapshot.miners) == pytest.approx(1.0)
        assert snapshot.chain.uid == 0
        assert msgspec.json.decode((tmp_path / STATUS_FILE).read_bytes(), type=Snapshot) == snapshot


async def test_what_was_stored_is_there_in_the_next_run(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        async with a_validator(house, "a"):
            await house.node.run(VALIDATOR)
        await house.store.log_command(1.0, "pause", "", "ok", "")
        again = house.next_run()
        async with a_validator(again, "b") as validating:
            assert [view.id for view in validating.asker.rounds.shown] == ["a"]
            assert validating.payer.scores.tally(key("miner1").ss58_address).answered == 1
            await again.node.run(VALIDATOR)
        assert [view.id for view in house.feed.snapshot.rounds] == ["a", "b"]
        assert (house.feed.snapshot.rounds_done, house.feed.snapshot.rounds_recorded) == (1, 2)
        assert [line.name for line in house.feed.snapshot.commands] == ["pause"]
        assert house.feed.attention == ()


async def test_a_store_that_is_overwritten_just_before_the_end_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 3600.0)
    path = tmp_path / FILE_NAME

    def checkpointed() -> bytes:
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(FULL)")
        return path.read_bytes()

    async with a_house(tmp_path) as house, a_validator(house, "a", interval=3600.0):
        async with running(house, VALIDATOR):
            await until(lambda: house.feed.snapshot.rounds)
            older = checkpointed()
            await house.store.record(a_round(1), netuid=NETUID, history=None, cursor=None)
            checkpointed()
            path.write_bytes(older)
        assert house.feed.snapshot.record_gone == f"{path} was emptied or overwritten while it was in use"
        assert house.feed.attention[-1].subject == FILE_NAME


async def test_who_had_stopped_answering_is_told_by_the_next_run(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        failed = a_reply(2, hotkey=key("miner2").ss58_address, status="timeout")
        answers = [a_reply(uid, hotkey=key(f"miner{uid}").ss58_address) for uid in (1, 2)]
        for number in range(7):
            asked = a_round(number, answers if number == 0 else [answers[0], failed])
            await house.store.record(asked, netuid=NETUID, history=None, cursor=None)
        async with a_validator(house, "a"):
            await house.node.run(VALIDATOR)
            told = [(one.level, one.text) for one in house.feed.attention]
        assert told == [("info", "uid 2 had stopped answering in the last run")]


async def test_a_last_run_from_the_future_says_nothing_of_who_had_stopped(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        answers = [a_reply(1, hotkey=key("miner1").ss58_address)]
        for number, at in ((0, time.time() - 60), (1, 4e9)):
            asked = a_round(number, answers if number == 0 else [replace(answers[0], status="cancelled")], at=at)
            await house.store.record(asked, netuid=NETUID, history=None, cursor=None)
        async with a_validator(house, "a"):
            await house.node.run(VALIDATOR)
        assert house.feed.attention == ()


async def test_a_switch_of_profiles_leaves_the_weights_on_chain_until_it_has_scored_enough(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        async with a_validator(house, "a", "b", "c") as validating:
            await house.node.run(VALIDATOR)
            plan = validating.upcoming
        assert plan.profile == "robust"
        assert len(plan.rows) == 2
        await house.store.journal.settle(await house.store.journal.intend(plan), Outcome(status="ok"))
        again = house.next_run()
        async with a_validator(again, scoring="loosh") as validating:
            await again.look()
            why = "keeping the weights made by robust until loosh has scored 6 replies"
            assert (validating.upcoming.rows, validating.upcoming.skipped) == ((), why)
        back = house.next_run()
        async with a_validator(back) as validating:
            await back.look()
            assert [row.uid for row in validating.upcoming.rows] == [row.uid for row in plan.rows]


async def test_what_earlier_rounds_taught_is_told_to_be_damaged(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.store.record(a_round(0, [a_reply(1)]), netuid=NETUID, history=b"this is no history", cursor=None)
        async with a_validator(house):
            assert [line.subject for line in house.feed.attention] == ["scoring"]


async def test_a_plan_is_made_of_what_is_stored_without_judge_or_rounds(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        async with a_validator(house, "a", "b") as validating:
            await house.node.run(VALIDATOR)
            planned = validating.upcoming
        later = house.next_run()
        settings = Settings(role="validator", netuid=NETUID, data_dir=tmp_path)
        alone = Payer(
            settings, feed=later.feed, store=later.store, chain=later.client, wallet=later.wallet,
            selection=selection_of(settings, later.client.hotkey),
        )  # fmt: skip
        await alone.load()
        assert alone.planner.plan(await later.client.look()).rows == planned.rows
        assert planned.rows


async def test_scoring_with_dropout_is_a_setting_and_goes_on_in_the_next_run(tmp_path: Path) -> None:
    dropout: dict[str, Any] = {
        "dropout": True,
        "scored_per_period": 2,
        "unscored_share": 0.0,
        "aggregation": "windowed",
    }
    async with a_house(tmp_path) as house:
        async with a_validator(house, "a", "b", "c", **dropout) as validating:
            await house.node.run(VALIDATOR)
            before = validating.payer.scores.ema_history(key("miner1").ss58_address)
        again = house.next_run()
        async with a_validator(again, "d", **dropout) as validating:
            await again.node.run(VALIDATOR)
            assert validating.payer.scores.ema_history(key("miner1").ss58_address) == before
            assert validating.payer.scores.tally(key("miner1").ss58_address).answered == 4
        counted = []
        for name in "abcd":
            judged = await recorded(house.store, name)
            assert judged is not None
            counted += [{judged.counted(reply) for reply in judged.replies}]
        assert counted == [{"yes"}, {"yes"}, {"cap"}, {"cap"}]
        assert before == pytest.approx((0.1, 0.2), abs=0.02)


async def test_a_sybil_group_is_shown_held_and_penalised_across_runs(tmp_path: Path) -> None:
    pair = {key(name).ss58_address for name in ("miner1", "miner2")}
    first = min(pair)

    async with a_house(tmp_path) as house:

        def states() -> dict[str, str]:
            view = house.feed.snapshot.sybil
            return {penalty.hotkey: penalty.state for penalty in view.penalties} if view else {}

        async with a_validator(house, *map(str, range(14)), says=SAME_WORDS, sybil_penalty="apply"):
            await house.node.run(VALIDATOR)
        again = house.next_run()
        ids = [f"again {number}" for number in range(200)]
        async with (
            a_validator(
                again, *ids, says=SAME_WORDS, interval=0.05, sybil_penalty="apply", sybil_share=1.0
            ) as validating,
            running(again, VALIDATOR),
        ):
            await until(lambda: set(states()) == pair)
            assert await again.answer(HoldPenalty(first, held=True)) == ("ok", "")
            for _ in range((await house.chain.look(NETUID)).rules.tempo):
                await house.chain.tick()
            await until(lambda: sorted(states().values()) == ["applied", "held"])
            taken = {row.hotkey: row.penalty for row in validating.upcoming.rows}
            assert taken == {first: 0.0, max(pair): pytest.approx(0.8)}
            assert [one.text for one in house.feed.attention] == ["uids 1, 2 form a sybil group: evidence under Miners"]
    with open_record(tmp_path / FILE_NAME) as record:
        assert record.standings.of(NETUID)[first].held


async def test_the_share_of_rounds_that_are_not_scored_is_a_setting(tmp_path: Path) -> None:
    ids = tuple(map(str, range(12)))
    async with a_house(tmp_path) as house, a_validator(house, *ids, dropout=True, scored_per_period=100):
        await house.node.run(VALIDATOR)
        lots = [is_scored(position, seed=1, unscored_share=0.5) for position in range(1, 13)]
        assert [view.scored for view in house.feed.snapshot.rounds] == lots
        assert {True, False} == set(lots)


async def test_the_miners_are_not_counted_anew_for_every_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_house(tmp_path) as house, a_validator(house, "a") as validating:
        await house.look()
        first = validating.view().miners
        assert [miner.available for miner in first] == [None, None]
        await Sweeper(validating.selection, Obliging()).sweep()
        assert validating.view().miners is first
        monkeypatch.setattr(payer_module, "MINERS_FRESH_S", 0.0)
        await house.chain.tick()
        await house.look()
        assert [miner.available for miner in validating.view().miners] == [True, True]
        validating.selection.note(first[0].hotkey, Availability(False, "busy"))
        assert [miner.available for miner in validating.view().miners] == [False, True]


async def test_a_pause_between_two_rounds_leaves_no_time_for_the_next_one(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_validator(house, "a", "b", interval=60.0), running(house, VALIDATOR):
        await until(lambda: house.feed.snapshot.next_round_at)
        await house.answer(Pause())
        await until(lambda: house.feed.snapshot.paused)
        assert house.feed.snapshot.next_round_at is None


async def test_every_command_of_a_validator_works_through_the_feed(tmp_path: Path) -> None:
    ids = tuple(f"q{number}" for number in range(200))
    async with a_house(tmp_path) as house, a_validator(house, *ids, interval=0.02) as validating:
        async with running(house, VALIDATOR) as run:
            await until(lambda: house.feed.snapshot.rounds_done >= 2)
            assert await house.answer(Pause()) == ("ok", "")
            await until(lambda: house.feed.snapshot.paused)
            await until(lambda: house.feed.snapshot.progress is None)
            done = validating.asker.rounds.done
            assert await house.answer(Resume()) == ("ok", "")
            await until(lambda: validating.asker.rounds.done > done)

            assert await house.answer(AutoWeights(on=False)) == ("ok", "")
            await until(lambda: not house.feed.snapshot.auto_weights)
            assert await house.answer(SetWeights()) == ("ok", "")
            sent = named(house.feed, "weights")[0]
            assert list(sent) == ["block", "mode", "uids", "weights_u16", "outcome", "reason"]
            assert (sent["outcome"], sent["uids"]) == ("ok", (1, 2))
            outcome, reason = await house.answer(SetWeights())
            assert (outcome, reason.partition(":")[0]) == ("rejected", "SettingWeightsTooFast")
            assert await house.answer(AutoWeights(on=True)) == ("ok", "")

            outcome, reason = await house.answer(Register())
            assert (outcome, reason) == ("rejected", "HotKeyAlreadyRegisteredInSubNet")
            assert await house.answer(Serve("127.0.0.1", 8091)) == ("ok", "")
            served = (await metagraph_on(house.chain)).by_hotkey(key("validator").ss58_address)
            assert isinstance(served, Neuron)
            assert (served.ip, served.port) == ("127.0.0.1", 8091)

            outcome, reason = await house.answer(CommitWeights())
            assert (outcome, reason.partition(":")[0]) == ("rejected", "CommitRevealDisabled")
            outcome, reason = await house.answer(RevealWeights())
            assert (outcome, reason.partition(":")[0]) == ("rejected", "NoWeightsCommitFound")
            assert await house.answer(RestartService("weights")) == ("ok", "")
            await until(lambda: restarts(house, "weights") == 1)
            assert await house.answer(RestartService("nobody")) == ("rejected", "no service nobody runs")
            assert (await house.answer(RestartService("operator")))[0] == "rejected"
            assert await house.answer(BlockCaller("5F")) == ("rejected", "not for this role")

            out = tmp_path / "rounds.csv"
            assert await house.answer(Export("rounds", str(out))) == ("ok", "")
            assert len(list(csv.DictReader(out.open(newline="")))) >= 2
            assert (await house.answer(Export("rounds", "-")))[0] == "rejected"
            outcome, reason = await house.answer(Export("rounds", str(tmp_path / "no" / "such" / "folder.csv")))
            assert (outcome, "cannot be written" in reason) == ("rejected", True)

            house.feed.raise_attention("warning", "test", "look")
            assert await house.answer(Acknowledge()) == ("ok", "")
            assert (await house.answer(Acknowledge()))[0] == "rejected"
            assert all(line.acknowledged for line in house.feed.attention)

            assert await house.answer(Stop()) == ("ok", "")
            await asyncio.wait_for(run, 30)
        kept = [line.name for line in await house.store.recent_commands(50)]
        assert kept[0] == "stop"
        assert len(kept) == len(named(house.feed, "command")) == len(house.feed.snapshot.commands)


async def test_a_read_only_run_sends_nothing_and_says_why(tmp_path: Path) -> None:
    async with (
        a_house(tmp_path, read_only=True) as house,
        a_validator(house, *map(str, range(100)), interval=0.02, read_only=True),
        running(house, VALIDATOR),
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
            assert await house.answer(command) == ("rejected", "not while --read-only is on")
        assert await house.answer(Pause()) == ("ok", "")
        assert "weights" not in {one.name for one in house.feed.snapshot.services}
        assert not house.feed.snapshot.auto_weights
        assert await weights_on(house.chain) == ()


async def test_a_wallet_without_its_coldkey_cannot_register(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.wallet = Wallet("w", key("validator"), key("cold").ss58_address)
        house.build()
        async with running(house, "chain watch"):
            outcome, reason = await house.answer(Register())
            assert (outcome, "coldkey" in reason) == ("rejected", True)
            assert await house.answer(Pause()) == ("rejected", "not for this role")


async def test_an_unregistered_hotkey_ends_the_run(tmp_path: Path) -> None:
    async with a_house(tmp_path, name="stranger") as house:
        with pytest.raises(NotRegistered):
            await asyncio.wait_for(house.node.run("chain watch"), 30)
        assert house.feed.snapshot.services[0].state == "failed"


async def test_neurons_are_noted_with_their_names_and_old_rounds_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned: list[float] = []
    async with a_house(tmp_path) as house:
        house.build(Part(names={key("miner1").ss58_address: "strong-1"}))

        async def prune(now: float) -> int:
            pruned.append(now)
            return 0

        monkeypatch.setattr(house.store, "prune", prune)
        async with running(house, "chain watch"):
            await until(lambda: pruned)
    with open_record(tmp_path / FILE_NAME) as record:
        names = {neuron.name for neuron in record.neurons.all()}
    assert names == {"", "strong-1"}


async def test_housekeeping_goes_on_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_house(tmp_path) as house:

        async def full(*_: object, **__: object) -> None:
            raise StoreFull("no space left for the store")

        monkeypatch.setattr(house.store, "note_neurons", full)
        async with running(house, "chain watch"):
            assert "no space left" in house.feed.attention[0].text
            assert {one.state for one in house.feed.snapshot.services} == {"running"}


async def test_a_plan_whose_outcome_comes_later_stays_one_row(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_validator(house, "a") as validating:
        await Sweeper(validating.selection, Obliging()).sweep()
        await house.look()
        plan = validating.upcoming
        for outcome in (Outcome(status="unknown", reason="no answer"), Outcome(status="ok", block=plan.block + 2)):
            validating.payer.planner.note(plan, outcome)
        shown = validating.view().plans
        assert [(row.outcome, row.block) for row in shown] == [("ok", plan.block)]
        assert [fields["outcome"] for fields in named(house.feed, "weights")] == ["unknown", "ok"]


async def test_a_commit_that_is_revealed_stays_one_row(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house, a_validator(house, "a") as validating:
        await Sweeper(validating.selection, Obliging()).sweep()
        await house.look()
        plan = validating.upcoming
        later = replace(plan, block=plan.block + 5)
        validating.payer.planner.note(plan, Outcome(status="committed"))
        validating.payer.planner.note(later, Outcome(status="committed"))
        validating.payer.planner.note(plan, Outcome(status="applied"))
        shown = validating.view().plans
        assert [(row.outcome, row.block) for row in shown] == [("committed", later.block), ("applied", plan.block)]


async def test_a_chain_call_that_hangs_holds_up_the_other_commands_no_longer_than_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_house(tmp_path, timeout_s=0.5) as house:

        async def hangs(*_: object, **__: object) -> Outcome:
            await asyncio.Event().wait()
            return Outcome(status="ok")

        monkeypatch.setattr(house.chain, "serve_axon", hangs)
        async with running(house, "chain watch") as run:
            outcome, reason = await house.answer(Serve("127.0.0.1", 8091))
            assert (outcome, "no answer" in reason) == ("unknown", True)
            assert await house.answer(Stop()) == ("ok", "")
            await asyncio.wait_for(run, 30)


async def test_a_store_over_its_cap_is_shrunk_and_that_is_told(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        for number in range(40):
            replies = [a_reply(uid, text="word " * 10_000) for uid in range(2)]
            await house.store.record(a_round(number, replies), netuid=NETUID, history=None, cursor=None)
        capped = house.store = Store(house.store._database, retention_days=36_600, cap_mb=3)
        house.build()
        async with running(house, "chain watch"):
            await until(lambda: any(line.subject == "store size" for line in house.feed.attention))
        [line] = [line for line in house.feed.attention if line.subject == "store size"]
        assert line.text == "store_cap_mb is reached: the texts of 20 more of the oldest rounds were dropped"
        assert await capped.count_rounds(NETUID) == 40


async def test_what_is_not_stored_and_what_is_gone_stand_in_the_last_snapshot(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    async with a_house(folder) as house, running(house, "chain watch"):
        (folder / FILE_NAME).rename(tmp_path / "away")
        await until(lambda: f"{FILE_NAME} was deleted" in house.feed.snapshot.record_gone)
        (tmp_path / "away").rename(folder / FILE_NAME)
        await until(lambda: house.feed.snapshot.record_gone == "")
