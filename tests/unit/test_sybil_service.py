"""The penalty service: what is shown, reported and stored, and what the operator waives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.interface import Look
from engine.commands import HoldPenalty
from engine.errors import StoreError, StoreGone, StoreLocked
from engine.feed import Feed
from engine.snapshot import PenaltyRule
from engine.store.errors import StoreFull
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.sybil.service import SybilService
from engine.sybil.suspects import Suspects, Suspicions
from engine.values import Metagraph, Neuron
from engine.weights.plan import HotkeyScore
from tests.unit.engine_helpers import a_feed, named

MINERS = "abcdefgh"
SCORES = tuple(HotkeyScore(hotkey=name, score=1.0) for name in MINERS)
PAIR = Suspects(suspected=("a", "b"), copied=("c",), suspicion=0.9, evidence=("same wording in 9 of 9 texts",))
FOUND = Suspicions(rounds=20, groups=(PAIR,), pairs=(PAIR,), by_hotkey={"a": 0.9, "b": 0.9, "d": 0.4})


class World:
    """What the services see of the chain and of the last round, and what they say."""

    netuid = 1
    hotkey = "own"

    def __init__(self, store: Store) -> None:
        self.store = store
        self.feeds: list[Feed] = []
        self.services: list[SybilService] = []
        self.window = 100
        neurons = (Neuron(uid=uid, hotkey=name, coldkey="", ip="192.0.2.1", port=1) for uid, name in enumerate(MINERS))
        self.metagraph = Metagraph(netuid=1, block=50, neurons=tuple(neurons))
        self.found = Suspicions(rounds=1)

    @property
    def seen(self) -> Look:
        return Look(hotkey=self.hotkey, metagraph=self.metagraph, next_epoch=self.window)

    @property
    def found(self) -> Suspicions:
        return self._found

    @found.setter
    def found(self, found: Suspicions) -> None:
        self._found = found
        for service in self.services:
            service.see(found)

    @property
    def said(self) -> list[str]:
        return [line["text"] for feed in self.feeds for line in named(feed, "attention")]

    async def service(self, rule: PenaltyRule = "apply") -> SybilService:
        """That of the next run."""
        self.feeds.append(a_feed())
        made = SybilService(
            cast(ChainClient, self), rule=rule, share=0.33, table=self.store.penalties, feed=self.feeds[-1]
        )
        await made.load()
        made.see(self.found)
        self.services.append(made)
        return made


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[World]:
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    try:
        yield World(store)
    finally:
        await store.close()


def taken(service: SybilService) -> dict[str, float]:
    return {entry.hotkey: entry.penalty for entry in service.penalised(SCORES) if entry.penalty}


def states(service: SybilService) -> dict[str, str]:
    return {penalty.hotkey: penalty.state for penalty in service.view(SCORES).penalties}


async def test_a_penalty_is_shown_first_and_applied_in_the_next_window_also_after_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = FOUND
        assert taken(service) == {}
        await service.step()
        assert states(service) == {"a": "planned", "b": "planned"}
        assert taken(service) == {}
        again = await world.service()
        world.window = 200
        assert taken(again) == pytest.approx({"a": 0.8, "b": 0.8})
        await again.step()
        assert states(again) == {"a": "applied", "b": "applied"}


async def test_the_start_of_a_run_does_not_make_suspects_new(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.found = FOUND
        await (await world.service()).step()
        world.found, world.window = Suspicions(), 200
        again = await world.service()
        await again.step()
        world.found = FOUND
        assert taken(again)
        world.window = 0
        await again.step()
        assert len(world.said) == 1


async def test_hints_alone_are_shown_and_never_penalised(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = replace(FOUND, groups=(), by_hotkey={"a": 0.59, "b": 0.59})
        for world.window in (100, 200, 300):
            await service.step()
        assert taken(service) == {}
        assert service.view(SCORES).suspicion == {"a": 0.59, "b": 0.59}
        assert service.view(SCORES).penalties == ()


async def test_the_view_names_uids_and_leaves_out_who_is_gone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service("show")
        world.found = FOUND
        view = service.view(SCORES)
        assert (view.groups[0].uids, view.groups[0].copied_uids) == ((0, 1), (2,))
        assert view.pairs[0].evidence == ("same wording in 9 of 9 texts",)
        world.metagraph = replace(world.metagraph, neurons=world.metagraph.neurons[1:])
        view = service.view(SCORES)
        assert (view.groups[0].uids, view.pairs, set(view.suspicion)) == ((1,), (), {"b", "d"})
        assert [penalty.hotkey for penalty in view.penalties] == ["b"]


async def test_a_waived_penalty_is_kept_until_it_is_reinstated(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = FOUND
        await service.step()
        assert (await service.hold(HoldPenalty("a", held=True))).ok
        world.window = 200
        assert set(taken(service)) == {"b"}
        assert states(service) == {"a": "held", "b": "applied"}
        again = await world.service()
        await again.step()
        assert set(taken(again)) == {"b"}
        assert (await again.hold(HoldPenalty("a", held=False))).ok
        assert set(taken(again)) == {"a", "b"}


async def test_a_waiver_that_changes_nothing_says_why(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = FOUND
        await service.hold(HoldPenalty("a", held=True))
        for command, why in (
            (HoldPenalty("a", held=True), "the penalty of a is already waived"),
            (HoldPenalty("b", held=False), "the penalty of b is not waived"),
            (HoldPenalty("d", held=True), "d is not a suspect"),
        ):
            outcome = await service.hold(command)
            assert (outcome.status, outcome.reason) == ("rejected", why)


async def test_a_group_is_told_once_in_each_run(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        await service.step()
        world.found = FOUND
        await service.step()
        await service.step()
        assert world.said == ["uids 0, 1 repeat uid 2: evidence under Miners"]
        world.found = replace(FOUND, groups=(replace(PAIR, suspected=("a", "b", "e"), copied=()),))
        await service.step()
        assert world.said[1:] == ["uids 0, 1, 4 form a sybil group: evidence under Miners"]
        again = await world.service()
        await again.step()
        await again.step()
        assert world.said[2:] == ["uids 0, 1, 4 form a sybil group: evidence under Miners"]
        world.metagraph = replace(world.metagraph, neurons=world.metagraph.neurons[5:])
        await (await world.service()).step()
        assert len(world.said) == 3


async def test_what_an_earlier_run_waived_is_told_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = FOUND
        await service.hold(HoldPenalty("b", held=True))
        world.found = replace(FOUND, groups=(), by_hotkey={})
        await service.step()
        assert world.said == []
        again = await world.service()
        await again.step()
        await again.step()
        assert world.said == ["penalties for uid 1 are still waived; reinstate them under Miners"]
        assert states(again) == {"b": "held"}
        assert (await again.hold(HoldPenalty("b", held=False))).ok
        assert states(again) == {}


async def test_a_suspicion_that_hovers_around_the_verdict_keeps_its_window(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        for world.window, suspicion in ((100, 0.61), (200, 0.58), (300, 0.61)):
            world.found = replace(FOUND, by_hotkey={"a": suspicion})
            await service.step()
        assert states(service) == {"a": "applied"}
        world.found = replace(FOUND, by_hotkey={"a": 0.49})
        await service.step()
        world.found = replace(FOUND, by_hotkey={"a": 0.61})
        await service.step()
        assert states(service) == {"a": "planned"}


async def test_a_full_disk_is_reported_and_penalties_continue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        await service.step()
        world.found = FOUND

        async def full(*_: object) -> None:
            raise StoreFull("no space left for the store")

        with monkeypatch.context() as patched:
            patched.setattr(world.store.penalties, "save", full)
            await service.step()
            assert "no space left" in world.said[-1]
            with pytest.raises(StoreFull):
                await service.hold(HoldPenalty("a", held=True))
        world.window = 200
        assert set(taken(service)) == {"a", "b"}
        await service.step()
        assert set(await world.store.penalties.load(1)) == {"a", "b"}


@pytest.mark.parametrize("error", [StoreGone("store.db was deleted"), StoreLocked("store.db is locked")])
async def test_a_store_that_is_reported_elsewhere_gets_no_line_here_and_what_waits_is_stored_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = FOUND

        async def away(*_: object) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(world.store.penalties, "save", away)
            await service.step()
        assert not any(str(error) in said for said in world.said)
        await service.step()
        assert set(await world.store.penalties.load(1)) >= {"a", "b"}


async def test_a_hold_given_while_suspicions_are_stored_is_not_lost(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        service = await world.service()
        world.found = FOUND
        outcome, _ = await asyncio.gather(service.hold(HoldPenalty("a", held=True)), service.step())
        assert outcome.ok
        stored = await world.store.penalties.load(1)
        assert (stored["a"].held, stored["b"].shown) == (True, 100)
        assert states(service)["a"] == "held"
