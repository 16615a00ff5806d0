"""What the setter reports while it waits and after it sent, word for word, and when it looks at the chain."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.chain.embedded import EmbeddedChain
from engine.chain.interface import Look
from engine.errors import StoreError, StoreGone, StoreLocked
from engine.values import Outcome
from engine.weights.journal import JournalEntry
from engine.weights.window import Wait
from tests.unit.chain_helpers import RULES, key, running_subnet
from tests.unit.weights_helpers import Faults, FaultyChain, MemoryJournal, Recorder, scored, setter_on

VALIDATOR = key("validator")
HIDING = replace(RULES, commit_reveal=True)
UNSETTLED = Wait(21, "the chain", "waiting for an earlier submission to appear on chain")


class Looked(FaultyChain):
    """Remembers at which blocks it was looked at."""

    def __init__(self, inner: EmbeddedChain, faults: Faults | None = None) -> None:
        super().__init__(inner, faults)
        self.looked: list[int] = []

    async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
        self.looked.append(await self.inner.block())
        return await super().look(netuid, hotkey=hotkey, coldkey=coldkey)


class Refusing(FaultyChain):
    """Refuses the first weights that are sent, for this reason."""

    reason = ""

    async def set_weights(self, netuid: int, **call: Any) -> Outcome:
        if self.reason:
            refused, self.reason = Outcome(status="rejected", reason=self.reason), ""
            return refused
        return await super().set_weights(netuid, **call)


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[EmbeddedChain]:
    """A chain at block 20, right after the epoch that gave the validator its permit."""
    chain = await running_subnet(tmp_path)
    yield chain
    await chain.close()


async def to_block(chain: EmbeddedChain | FaultyChain, block: int) -> None:
    while await chain.block() < block:
        await chain.tick()


async def test_each_wait_says_for_what_until_when_and_why(chain: EmbeddedChain) -> None:
    setter = setter_on(chain, MemoryJournal())
    told = [setter.wait]
    for block in (20, 35, 36, 37):
        await to_block(chain, block)
        await setter.step()
        told.append(setter.wait)
    assert told == [
        Wait(0, "the chain", "starting"),
        Wait(35, "the window", "due from block 35"),
        Wait(36, "the next block", "set at block 35"),
        Wait(55, "the next window", "set at block 35; due again from block 55"),
        Wait(55, "the next window", "set at block 35; due again from block 55"),
    ]
    setter.pause()
    await setter.step()
    assert setter.wait == Wait(38, "you", "paused")


async def test_without_scores_they_are_waited_for(chain: EmbeddedChain) -> None:
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder(), scores=scored)
    for block in (35, 36, 55):
        await to_block(chain, block)
        await setter.step()
        why = "nothing to set: no serving miner has a score from the last 3 h"
        assert setter.wait == Wait(block + 1, "scores", why)
    assert [(plan.block, outcome) for plan, outcome in recorder.plans] == [(35, None), (55, None)]


@pytest.mark.parametrize("automatic", [True, False])
async def test_an_unknown_outcome_is_told_journalled_and_waited_for(chain: EmbeddedChain, automatic: bool) -> None:
    faults = Faults()
    faulty, journal = FaultyChain(chain, faults), MemoryJournal()
    setter = setter_on(faulty, journal, recorder := Recorder())
    if not automatic:
        setter.pause()
    faults.next = "cut before"
    unknown = Outcome(status="unknown", reason="connection cut")
    assert await setter.set_now() == unknown
    assert recorder.plans == [(journal.plans[0], unknown)]
    assert journal.outcomes == {0: unknown}
    why = "unclear whether the weights were set (connection cut): checking the chain before sending again"
    assert recorder.attention == [("warning", why)]
    await setter.step()
    assert setter.wait == UNSETTLED
    for _ in range(3):
        await faulty.tick()
    await setter.step()
    gone = Outcome(status="rejected", reason="NotIncluded: not found on chain by block 23")
    assert recorder.plans[1:] == [(journal.plans[0], gone)]
    assert journal.outcomes == {0: gone}
    assert recorder.attention[1:] == [("warning", "the weights did not land; sending them again")]


@pytest.mark.parametrize("fault", ["full at settling", "outage after"])
async def test_what_could_not_be_looked_up_or_written_down_is_reported(chain: EmbeddedChain, fault: str) -> None:
    faults = Faults()

    class CutOff(FaultyChain):
        async def set_weights(self, netuid: int, **call: Any) -> Outcome:
            outcome: Outcome = await super().set_weights(netuid, **call)
            faults.next = "outage" if fault == "outage after" else fault
            return outcome

    journal = MemoryJournal(faults)
    setter = setter_on(CutOff(chain, faults), journal, recorder := Recorder())
    why = {"full at settling": "disk full", "outage after": "no answer"}[fault]
    outcome = await setter.set_now()
    assert (outcome.status, outcome.reason, len(outcome.reference)) == ("unknown", why, 66)
    assert recorder.plans == [(journal.plans[0], outcome)]
    await setter.step()
    assert recorder.outcomes == ["unknown", "ok"]
    assert recorder.plans[1][1] == Outcome(status="ok", block=20, reference=outcome.reference)


async def test_a_refusal_holds_the_window_and_is_reported(chain: EmbeddedChain) -> None:
    refusing = Refusing(chain)
    refusing.reason = "IncorrectWeightVersionKey: 0, the subnet requires 7"
    setter = setter_on(refusing, MemoryJournal(), recorder := Recorder())
    await to_block(chain, 35)
    await setter.step()
    why = "IncorrectWeightVersionKey: 0, the subnet requires 7"
    assert setter.wait == Wait(36, "the next block", why)
    assert recorder.attention == [("error", f"weights were rejected: {why}")]
    await chain.tick()
    await setter.step()
    assert setter.wait == Wait(40, "the next window", "rejected in this window; next attempt after block 40")
    await to_block(chain, 55)
    await setter.step()
    assert recorder.outcomes == ["rejected", "ok"]


@pytest.mark.parametrize("error", ["SettingWeightsTooFast", "CommittingWeightsTooFast"])
async def test_too_fast_is_tried_again_in_the_next_block_and_needs_no_attention(
    chain: EmbeddedChain, error: str
) -> None:
    refusing = Refusing(chain)
    refusing.reason = f"{error}: 1 blocks left"
    setter = setter_on(refusing, MemoryJournal(), recorder := Recorder())
    await to_block(chain, 35)
    await setter.step()
    await chain.tick()
    await setter.step()
    assert recorder.outcomes == ["rejected", "ok"]
    assert recorder.attention == []


async def test_an_outage_is_left_to_the_chain_watch_to_tell_and_waited_out(chain: EmbeddedChain) -> None:
    faults = Faults()
    setter = setter_on(FaultyChain(chain, faults), MemoryJournal(), recorder := Recorder())
    faults.next = "outage"
    await setter.step()
    assert (setter.wait, recorder.attention) == (Wait(21, "the chain", "no answer"), [])
    faults.next = "outage"
    assert await setter.set_now() == Outcome(status="rejected", reason="nothing was sent: no answer")
    assert await setter.reveal_now() == Outcome(status="rejected", reason="NoWeightsCommitFound: nothing to reveal")


@pytest.mark.parametrize("error", [StoreGone("store.db was deleted"), StoreLocked("store.db is locked")])
async def test_a_store_that_is_reported_elsewhere_is_only_waited_for(chain: EmbeddedChain, error: StoreError) -> None:
    class Away(MemoryJournal):
        async def open_entries(self) -> tuple[JournalEntry, ...]:
            raise error

    setter = setter_on(chain, Away(), recorder := Recorder())
    await setter.step()
    assert (setter.wait, recorder.attention) == (Wait(21, "the store", str(error)), [])
    assert await setter.set_now() == Outcome(status="rejected", reason=f"nothing was sent: {error}")


async def test_the_chain_is_looked_at_when_something_is_due_and_every_25_blocks(tmp_path: Path) -> None:
    chain = Looked(await running_subnet(tmp_path, rules=replace(RULES, tempo=100)))
    setter = setter_on(chain, MemoryJournal())
    while await chain.block() < 200:
        await setter.step()
        await chain.tick()
    assert chain.looked == [100, 125, 150, 175, 175, 176]
    await chain.inner.close()


async def test_a_commands_turn_makes_the_next_block_looked_at(chain: EmbeddedChain) -> None:
    looked = Looked(chain)
    setter = setter_on(looked, MemoryJournal())
    await setter.step()
    for command in (setter.reveal_now, setter.set_now, setter.commit_now):
        await chain.tick()
        await setter.step()
        await command()
        await chain.tick()
        await setter.step()
    reveal, sent, commit = [21, 22], [23, 23, 24], [25, 26]
    assert looked.looked == [20, *reveal, *sent, *commit]


async def test_a_pause_and_its_end_are_taken_in_without_a_new_block(chain: EmbeddedChain) -> None:
    setter = setter_on(chain, MemoryJournal())
    await setter.step()
    before = setter.wait
    setter.pause()
    await setter.step()
    assert setter.wait == Wait(21, "you", "paused")
    setter.resume()
    await setter.step()
    assert setter.wait == before


async def test_commits_say_what_they_wait_for(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=HIDING)
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await to_block(chain, 35)
    await setter.step()
    assert setter.wait == Wait(36, "the next block", "to be revealed from block 40")
    await to_block(chain, 39)
    await setter.step()
    assert setter.wait == Wait(55, "the next window", "set at block 35; due again from block 55")
    await chain.tick()
    await setter.step()
    assert setter.wait == Wait(41, "the next block", "revealed")
    assert recorder.attention == []
    assert [(outcome.status, outcome.block, outcome.reason) for _, outcome in recorder.plans if outcome] == [
        ("committed", 35, "to be revealed from block 40"),
        ("applied", 40, ""),
    ]
    await chain.close()


@pytest.mark.parametrize(("block_time", "pause"), [(12.0, 6.0), (4.0, 2.0), (0.01, 0.005), (60.0, 6.0)])
async def test_the_blocks_are_asked_for_twice_each_and_at_least_every_six_seconds(
    chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch, block_time: float, pause: float
) -> None:
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 3:
            raise asyncio.CancelledError

    class Timed(FaultyChain):
        pass

    Timed.block_time = block_time
    started: list[bool] = []
    monkeypatch.setattr("engine.weights.setter.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await setter_on(Timed(chain), MemoryJournal()).run(lambda: started.append(True))
    assert (paused, started) == ([pause] * 3, [True])
