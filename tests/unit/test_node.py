"""A node by itself: its commands, its record and its housekeeping."""

import asyncio
from pathlib import Path

import pytest

from engine.chain.wallets import Wallet
from engine.commands import (
    Pause,
    Register,
    Serve,
    Stop,
)
from engine.node import heartbeat as heartbeat_module
from engine.node.chain_watch import NotRegistered
from engine.node.part import Part
from engine.store.errors import StoreFull
from engine.store.record import open_record
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.values import Outcome
from tests.unit.chain_helpers import NETUID, key
from tests.unit.engine_helpers import until
from tests.unit.node_helpers import a_bench, running
from tests.unit.store_helpers import a_reply, a_round


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "BEAT_S", 0.01)


async def test_a_wallet_without_its_coldkey_cannot_register(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        bench.wallet = Wallet("w", key("validator"), key("cold").ss58_address)
        bench.build()
        async with running(bench, "chain watch"):
            outcome, reason = await bench.answer(Register())
            assert (outcome, "coldkey" in reason) == ("rejected", True)
            assert await bench.answer(Pause()) == ("rejected", "not for this role")


async def test_an_unregistered_hotkey_ends_the_run(tmp_path: Path) -> None:
    async with a_bench(tmp_path, name="stranger") as bench:
        with pytest.raises(NotRegistered):
            await asyncio.wait_for(bench.node.run("chain watch"), 30)
        assert bench.feed.snapshot.services[0].state == "failed"


async def test_neurons_are_noted_with_their_names_and_old_rounds_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned: list[float] = []
    async with a_bench(tmp_path) as bench:
        bench.build(Part(names={key("miner1").ss58_address: "strong-1"}))

        async def prune(now: float) -> int:
            pruned.append(now)
            return 0

        monkeypatch.setattr(bench.store, "prune", prune)
        async with running(bench, "chain watch"):
            await until(lambda: pruned and _names(tmp_path) == {"", "strong-1"})


def _names(folder: Path) -> set[str]:
    """What the neurons in the store of this folder are called."""
    with open_record(folder / FILE_NAME) as record:
        return {neuron.name for neuron in record.neurons.all()}


async def test_housekeeping_continues_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_bench(tmp_path) as bench:

        async def full(*_: object, **__: object) -> None:
            raise StoreFull("no space left for the store")

        monkeypatch.setattr(bench.store, "note_neurons", full)
        async with running(bench, "chain watch"):
            await until(lambda: bench.feed.attention)
            assert "no space left" in bench.feed.attention[0].text
            assert {one.state for one in bench.feed.snapshot.services} == {"running"}


async def test_a_chain_call_that_hangs_ends_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_bench(tmp_path, timeout_s=0.5) as bench:

        async def hangs(*_: object, **__: object) -> Outcome:
            await asyncio.Event().wait()
            return Outcome(status="ok")

        monkeypatch.setattr(bench.chain, "serve_axon", hangs)
        async with running(bench, "chain watch") as run:
            outcome, reason = await bench.answer(Serve("127.0.0.1", 8091))
            assert (outcome, "no answer" in reason) == ("unknown", True)
            assert await bench.answer(Stop()) == ("ok", "")
            await asyncio.wait_for(run, 30)


async def test_a_store_over_its_cap_is_shrunk_and_that_is_reported(tmp_path: Path) -> None:
    async with a_bench(tmp_path) as bench:
        for number in range(40):
            replies = [a_reply(uid, text="word " * 10_000) for uid in range(2)]
            await bench.store.record(a_round(number, replies), netuid=NETUID, history=None, cursor=None)
        capped = bench.store = Store(bench.store._database, retention_days=36_600, cap_mb=3)
        bench.build()
        async with running(bench, "chain watch"):
            await until(lambda: any(line.subject == "store size" for line in bench.feed.attention))
        [line] = [line for line in bench.feed.attention if line.subject == "store size"]
        assert line.text == "store_cap_mb is reached: the texts of 20 more of the oldest rounds were dropped"
        assert await capped.count_rounds(NETUID) == 40


async def test_what_is_not_stored_and_what_is_gone_stand_in_the_last_snapshot(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    async with a_bench(folder) as bench, running(bench, "chain watch"):
        (folder / FILE_NAME).rename(tmp_path / "away")
        await until(lambda: f"{FILE_NAME} was deleted" in bench.feed.snapshot.record_gone)
        (tmp_path / "away").rename(folder / FILE_NAME)
        await until(lambda: bench.feed.snapshot.record_gone == "")
