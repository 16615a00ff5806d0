"""Hundreds of epochs, almost all with a fault: weights land in every window exactly once."""

import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.chain.interface import TIMELOCKED
from engine.weights.setter import WeightSetter
from tests.unit.chain_helpers import NETUID, RULES, key, metagraph_on, running_subnet, weights_on
from tests.unit.weights_helpers import FAULTS, Crash, Faults, FaultyChain, MemoryJournal, Recorder, scored, setter_on

TEMPO = 20


async def windows_with_faults(folder: Path, faults_by_window: list[str], **subnet: int) -> FaultyChain:
    """Run one window for each fault; every crash is followed by a new setter in the next block. `subnet` are rules."""
    faults = Faults()
    chain = FaultyChain(await running_subnet(folder, rules=replace(RULES, tempo=TEMPO, **subnet)), faults)
    journal = MemoryJournal(faults)
    chance = random.Random(1)
    scores = scored(1.0, 0.5)

    def start() -> WeightSetter:
        return setter_on(chain, journal, scores=lambda: scores)

    setter = start()
    for fault in faults_by_window:
        faults.next = fault
        if chance.random() < 0.5:
            scores = scored(1.0, chance.random())
        for _ in range(TEMPO):
            try:
                await setter.step()
            except Crash:
                setter = start()
            await chain.tick()
        assert faults.next == "", f"{fault} never happened"
    await setter.step()
    await setter.step()
    assert await journal.open_entries() == ()
    assert await journal.committed_entries() == ()
    kept = [journal.plans[entry].window for entry, outcome in journal.outcomes.items() if outcome.ok]
    assert kept == sorted(chain.landed)
    await chain.inner.close()
    return chain


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_by_itself(tmp_path: Path, fault: str) -> None:
    chain = await windows_with_faults(tmp_path, ["", fault, ""])
    assert chain.landed == {40: 1, 60: 1, 80: 1}


@pytest.mark.parametrize("version", [0, TIMELOCKED])
@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_by_itself_on_a_subnet_that_takes_commits(tmp_path: Path, fault: str, version: int) -> None:
    """One commit lands in every window, and each is revealed in the next."""
    chain = await windows_with_faults(tmp_path, ["", fault, ""], commit_reveal=True, commit_reveal_version=version)
    assert chain.landed == {40: 1, 60: 1, 80: 1}


async def test_hundreds_of_windows(tmp_path: Path) -> None:
    chance = random.Random(11)
    chain = await windows_with_faults(tmp_path, [chance.choice(("", *FAULTS)) for _ in range(300)])
    assert chain.landed == {40 + TEMPO * window: 1 for window in range(300)}


async def test_a_hundred_windows_of_commits(tmp_path: Path) -> None:
    chance = random.Random(12)
    faults = [chance.choice(("", *FAULTS)) for _ in range(100)]
    chain = await windows_with_faults(tmp_path, faults, commit_reveal=True)
    assert chain.landed == {40 + TEMPO * window: 1 for window in range(100)}


async def test_a_crash_in_every_block_of_the_window_but_one(tmp_path: Path) -> None:
    """Each restart waits until what may have been sent can no longer land, so the window's last blocks still count."""
    faults = Faults()
    chain = FaultyChain(await running_subnet(tmp_path), faults)
    chain.mortality = 0
    journal, recorder = MemoryJournal(faults), Recorder()
    setter = setter_on(chain, journal, recorder)
    for _ in range(20):
        block = await chain.block()
        faults.next = "crash after intent" if block < 38 else ""
        try:
            await setter.step()
        except Crash:
            setter = setter_on(chain, journal, recorder)
        await chain.tick()
    assert chain.landed == {40: 1}
    assert await weights_on(chain) == ((1, 65535), (2, 32768))
    assert (await metagraph_on(chain)).neurons[0].last_update == 38
    await chain.inner.close()


async def test_a_later_run_knows_from_the_journal_when_nothing_can_land_any_more(tmp_path: Path) -> None:
    faults = Faults()
    chain = FaultyChain(await running_subnet(tmp_path), faults)
    chain.mortality = 3
    journal, recorder = MemoryJournal(faults), Recorder()
    while await chain.block() < 35:
        await chain.tick()
    faults.next = "crash after intent"
    with pytest.raises(Crash):
        await setter_on(chain, journal, recorder).step()
    for _ in range(chain.mortality):  # nobody runs
        await chain.tick()
    assert await chain.block() == 38
    while await chain.block() < 40:
        await setter_on(chain, journal, recorder).step()
        await chain.tick()
    assert chain.landed == {40: 1}
    assert (await metagraph_on(chain)).neurons[0].last_update == 39
    await chain.inner.close()


async def test_weights_that_are_late_for_their_era_are_signed_anew(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path)
    while await chain.block() < 35:
        await chain.tick()
    late = await chain.set_weights(NETUID, hotkey=key("validator"), uids=[1, 2], values=[1, 2], born=30)
    assert (late.status, late.reason) == ("rejected", "Stale: signed for block 30")
    setter = setter_on(chain, MemoryJournal())
    await setter.step()
    assert await weights_on(chain) == ((1, 65535), (2, 32768))
    await chain.close()
