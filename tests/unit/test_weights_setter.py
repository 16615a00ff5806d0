"""The setter day by day: the window, waiting, the operator's command, rejections, strangers and restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.chain.embedded import EmbeddedChain
from engine.chain.interface import TIMELOCKED, CannotSeal, ChainUnavailable, Fate, Look, Sealed
from engine.values import Outcome
from engine.weights.commits import FINAL_WITHIN, UNCHANGED
from engine.weights.plan import Basis
from tests.unit.chain_helpers import NETUID, RULES, key, metagraph_on, running_subnet, weights_on
from tests.unit.weights_helpers import Faults, FaultyChain, MemoryJournal, Recorder, scored, setter_on

VALIDATOR = key("validator")


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[EmbeddedChain]:
    """A chain at block 20, right after the epoch that gave the validator its permit."""
    chain = await running_subnet(tmp_path)
    yield chain
    await chain.close()


async def to_block(chain: EmbeddedChain | FaultyChain, block: int) -> None:
    while await chain.block() < block:
        await chain.tick()


async def last_update(chain: EmbeddedChain) -> int:
    return (await metagraph_on(chain)).neurons[0].last_update


async def test_weights_are_set_once_in_the_last_quarter(chain: EmbeddedChain) -> None:
    journal, recorder = MemoryJournal(), Recorder()
    setter = setter_on(chain, journal, recorder)
    seen = []
    while await chain.block() < 80:
        await setter.step()
        seen.append(await last_update(chain))
        await chain.tick()
    assert sorted(set(seen)) == [1, 35, 55, 75]
    assert await weights_on(chain) == ((1, 65535), (2, 32768))
    assert recorder.outcomes == ["ok"] * 3
    assert [(plan.block, plan.window) for plan, _ in recorder.plans] == [(35, 40), (55, 60), (75, 80)]
    assert recorder.attention == []
    assert journal.outcomes[0].block == 35
    assert len(journal.outcomes[0].reference) == 66
    assert setter.wait.until == 95
    assert setter.wait.reason == "set at block 75; due again from block 95"


async def test_the_rate_limit_is_waited_for(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=replace(RULES, weights_rate_limit=38))
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await to_block(chain, 35)
    await setter.step()
    assert await last_update(chain) == 1
    assert (setter.wait.until, setter.wait.reason) == (39, "SettingWeightsTooFast: 4 blocks left")
    await to_block(chain, 39)
    await setter.step()
    assert await last_update(chain) == 39
    assert recorder.attention == []
    await chain.close()


async def test_a_validator_without_a_permit_waits(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, permit=False)
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await to_block(chain, 16)
    await setter.step()
    assert setter.wait.reason == "NeuronNoValidatorPermit: permits are next assigned at block 20"
    assert recorder.plans == []
    await chain.close()


async def test_nothing_to_set_is_said_once_in_a_window_and_scores_may_still_come(chain: EmbeddedChain) -> None:
    scores = scored()
    setter = setter_on(chain, journal := MemoryJournal(), recorder := Recorder(), scores=lambda: scores)
    for block in (35, 36, 37):
        await to_block(chain, block)
        await setter.step()
    assert recorder.outcomes == ["skipped"]
    assert journal.skipped == [recorder.plans[0][0]]
    assert recorder.plans[0][0].skipped == "no serving miner has a score from the last 3 h"
    assert setter.wait.reason == "nothing to set: no serving miner has a score from the last 3 h"
    scores = scored(1.0)
    await to_block(chain, 38)
    await setter.step()
    assert recorder.outcomes == ["skipped", "ok"]


async def test_after_a_switch_of_profiles_the_weights_on_chain_stand_until_the_new_one_has_scored_enough(
    tmp_path: Path,
) -> None:
    chain = await running_subnet(tmp_path, miners=2, rules=replace(RULES, activity_cutoff=30))
    known: dict[str, Any] = {"scores": scored(1.0, 0.5), "basis": Basis(profile="robust", scored=6)}
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder(), lambda: known["scores"], lambda: known["basis"])
    await to_block(chain, 35)
    await setter.step()
    by_robust = await weights_on(chain)
    assert by_robust == ((1, 65535), (2, 32768))

    why = "keeping the weights made by robust until loosh has scored 6 replies"
    for block, replies, scores in ((75, 0, scored()), (95, 5, scored(0.0, 1.0))):
        known = {"scores": scores, "basis": Basis(profile="loosh", on_chain_by="robust", scored=replies)}
        await to_block(chain, block)
        await setter.step()
        assert (await setter.set_now()).reason == why
        assert (recorder.plans[-1][0].mode, recorder.plans[-1][0].skipped) == ("emergency", why)
        assert setter.wait.reason == f"nothing to set: {why}"
        assert await weights_on(chain) == by_robust

    known["basis"] = Basis(profile="loosh", on_chain_by="robust", scored=6)
    assert (await setter.set_now()).ok
    assert await weights_on(chain) == ((2, 65535),)
    assert recorder.plans[-1][0].profile == "loosh"
    await chain.close()


async def test_the_operators_command_keeps_to_the_rate_limit_alone(chain: EmbeddedChain) -> None:
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    outcome = await setter.set_now()
    assert (outcome.status, outcome.block) == ("ok", 20)
    await to_block(chain, 26)
    outcome = await setter.set_now()
    assert (outcome.status, outcome.reason) == ("rejected", "SettingWeightsTooFast: 4 blocks left")
    await to_block(chain, 37)
    await setter.step()
    assert await last_update(chain) == 20
    assert recorder.outcomes == ["ok"]


async def test_the_command_says_why_nothing_is_set(chain: EmbeddedChain) -> None:
    outcome = await setter_on(chain, MemoryJournal(), scores=scored).set_now()
    assert (outcome.status, outcome.reason) == ("rejected", "no serving miner has a score from the last 3 h")


async def test_paused_only_the_command_sets(chain: EmbeddedChain) -> None:
    setter = setter_on(chain, MemoryJournal())
    setter.pause()
    await to_block(chain, 36)
    await setter.step()
    assert (await last_update(chain), setter.automatic, setter.wait.reason) == (1, False, "paused")
    setter.resume()
    await setter.step()
    assert (await last_update(chain), setter.automatic) == (36, True)


async def test_a_rejection_is_reported_and_retried_in_the_next_window(chain: EmbeddedChain) -> None:
    class OldRules(FaultyChain):
        async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
            seen = await super().look(netuid, hotkey=hotkey, coldkey=coldkey)
            return replace(seen, rules=replace(seen.rules, weights_version=0))

    await chain.close()
    path = Path(chain._path)
    chain = await EmbeddedChain.open(path, netuid=NETUID, hyperparameters=replace(RULES, weights_version=7))
    deceived = OldRules(chain)
    setter = setter_on(deceived, MemoryJournal(), recorder := Recorder())
    while await chain.block() < 60:
        await setter.step()
        await chain.tick()
    assert deceived.sent == 2
    assert [(plan.block, outcome and outcome.reason) for plan, outcome in recorder.plans] == [
        (35, "IncorrectWeightVersionKey: 0, the subnet requires 7"),
        (55, "IncorrectWeightVersionKey: 0, the subnet requires 7"),
    ]
    assert set(recorder.attention) == {
        ("error", "weights were rejected: IncorrectWeightVersionKey: 0, the subnet requires 7")
    }
    await chain.close()


async def test_the_version_key_is_the_subnets(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=replace(RULES, weights_version=7))
    assert (await setter_on(chain, MemoryJournal()).set_now()).ok
    await chain.close()


async def test_silence_is_unknown_until_the_chain_was_read(chain: EmbeddedChain) -> None:
    faults = Faults()
    faulty = FaultyChain(chain, faults)
    setter = setter_on(faulty, MemoryJournal(), recorder := Recorder())
    faults.next = "late by 2"
    outcome = await setter.set_now()
    assert (outcome.status, outcome.reason) == ("unknown", "faulty gave no answer in 60 s")
    again = await setter.set_now()
    assert (again.status, again.reason) == ("unknown", "an earlier submission is still pending")
    assert faulty.sent == 1
    await faulty.tick()
    await faulty.tick()
    await setter.step()
    assert recorder.outcomes == ["unknown", "ok"]
    assert recorder.plans[1][0] is recorder.plans[0][0]
    assert "checking the chain before sending again" in recorder.attention[0][1]


async def test_lost_weights_are_sent_again_in_the_same_window(chain: EmbeddedChain) -> None:
    faults = Faults()
    faulty = FaultyChain(chain, faults)
    setter = setter_on(faulty, MemoryJournal(), recorder := Recorder())
    await to_block(chain, 35)
    faults.next = "silence before"
    while await chain.block() < 40:
        await setter.step()
        await faulty.tick()
    assert recorder.outcomes == ["unknown", "rejected", "ok"]
    assert recorder.attention[-1] == ("warning", "the weights did not land; sending them again")
    assert await last_update(chain) == 38


async def test_a_full_journal_sends_nothing_and_reports_it(chain: EmbeddedChain) -> None:
    faults = Faults()
    faulty = FaultyChain(chain, faults)
    setter = setter_on(faulty, MemoryJournal(faults), recorder := Recorder())
    faults.next = "full at intent"
    assert (await setter.set_now()).reason == "nothing was sent: disk full"
    await to_block(chain, 35)
    faults.next = "full at intent"
    await setter.step()
    assert faulty.sent == 0
    assert recorder.attention == [("warning", "weights are delayed: disk full")]
    await setter.step()
    assert await last_update(chain) == 35


async def test_a_full_journal_is_told_to_whom_wants_to_reveal(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=HIDING)
    faults = Faults()
    setter = setter_on(chain, MemoryJournal(faults), Recorder())
    setter.pause()
    await setter.commit_now()
    await to_block(chain, 60)  # it is lost, which is to be written down first
    faults.next = "full at settling"
    outcome = await setter.reveal_now()
    assert (outcome.status, outcome.reason) == ("rejected", "disk full")
    await chain.close()


async def test_weights_of_a_stranger_with_our_hotkey_are_reported(chain: EmbeddedChain) -> None:
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await setter.set_now()
    await to_block(chain, 30)
    assert (await chain.set_weights(NETUID, hotkey=VALIDATOR, uids=[4], values=[1])).ok
    await setter.step()
    assert recorder.attention == [("error", "another process set weights with this hotkey at block 30: stop it")]


async def test_after_a_restart_the_window_that_was_served_stays_so(chain: EmbeddedChain) -> None:
    journal = MemoryJournal()
    await to_block(chain, 35)
    await setter_on(chain, journal).step()
    await to_block(chain, 37)
    restarted = setter_on(chain, journal, recorder := Recorder())
    await restarted.step()
    assert await last_update(chain) == 35
    assert (recorder.plans, recorder.attention) == ([], [])
    assert restarted.wait.until == 55


async def test_entries_of_other_hotkeys_are_left_alone(chain: EmbeddedChain) -> None:
    journal = MemoryJournal()
    await setter_on(chain, journal).set_now()
    theirs = replace(journal.plans[0], hotkey=key("other").ss58_address)
    entry = await journal.intend(theirs)
    await to_block(chain, 35)
    setter = setter_on(chain, journal)
    await setter.step()
    assert entry not in journal.outcomes
    assert setter.wait.reason.startswith("set at block 20")


async def test_the_service_sets_once_in_each_epoch_while_blocks_come_by_themselves(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path)
    await chain.close()
    chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID, block_time=0.01)
    recorder, up = Recorder(), asyncio.Event()
    setter = setter_on(chain, MemoryJournal(), recorder)
    services = [asyncio.create_task(chain.run(lambda: None)), asyncio.create_task(setter.run(up.set))]
    await asyncio.wait_for(up.wait(), 30)
    async with asyncio.timeout(20):
        while len(recorder.plans) < 3:  # noqa: ASYNC110  the service is watched from outside, as an operator would
            await asyncio.sleep(0.01)
    for service in services:
        service.cancel()
    await asyncio.gather(*services, return_exceptions=True)
    assert recorder.outcomes == ["ok"] * 3
    assert [plan.window for plan, _ in recorder.plans] == [40, 60, 80]
    await chain.close()


HIDING = replace(RULES, commit_reveal=True)


async def test_where_weights_are_hidden_they_are_committed_to_and_revealed_by_themselves(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=HIDING)
    journal = MemoryJournal()
    setter = setter_on(chain, journal, recorder := Recorder())
    shown = {}
    while await chain.block() < 60:
        await setter.step()
        shown[await chain.block()] = await weights_on(chain)
        await chain.tick()
    assert [block for block, weights in shown.items() if weights] == list(range(40, 60))
    assert shown[40] == ((1, 65535), (2, 32768))
    assert recorder.outcomes == ["committed", "applied", "committed"]
    assert [plan.block for plan, _ in recorder.plans] == [35, 35, 55]
    assert journal.plans[0].salt != journal.plans[1].salt
    assert recorder.attention == []
    await chain.close()


async def test_a_commit_is_revealed_after_a_restart(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=HIDING)
    journal = MemoryJournal()
    assert (await setter_on(chain, journal).commit_now()).status == "committed"
    restarted = setter_on(chain, journal, recorder := Recorder())
    await restarted.step()
    assert [(one.block, one.reveal_from, one.reveal_until) for one in restarted.commits] == [(20, 40, 59)]
    await to_block(chain, 40)
    await restarted.step()
    assert recorder.outcomes == ["applied"]
    assert restarted.commits == ()
    await chain.close()


async def test_the_operator_commits_and_reveals(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=HIDING)
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    setter.pause()
    assert (await setter.set_now()).reason.startswith("CommitRevealEnabled")
    assert (await setter.reveal_now()).reason == "NoWeightsCommitFound: nothing to reveal"
    outcome = await setter.commit_now()
    assert (outcome.status, outcome.ok, outcome.block) == ("committed", True, 20)
    assert (await setter.reveal_now()).reason == "RevealTooEarly: from block 40"
    await to_block(chain, 25)
    assert (await setter.commit_now()).reason == "CommittingWeightsTooFast: 5 blocks left"
    await to_block(chain, 40)
    await setter.step()
    assert recorder.attention == [("warning", "the commit of block 20 will be lost unless you reveal it by block 59")]
    assert (await setter.reveal_now()).ok
    assert await weights_on(chain) == ((1, 65535), (2, 32768))
    assert recorder.outcomes == ["committed", "applied"]
    await chain.close()


async def test_a_commit_that_nobody_revealed_in_time_is_lost_and_told(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=HIDING)
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    setter.pause()
    await setter.commit_now()
    await to_block(chain, 60)
    await setter.step()
    assert recorder.outcomes == ["committed", "lost"]
    assert recorder.attention[-1][1].startswith("the commit of block 20 is lost: ")
    assert await weights_on(chain) == ()
    await chain.close()


async def test_plain_weights_are_not_committed_to(chain: EmbeddedChain) -> None:
    outcome = await setter_on(chain, MemoryJournal()).commit_now()
    assert (outcome.status, outcome.reason.partition(":")[0]) == ("rejected", "CommitRevealDisabled")


async def test_a_reveal_that_the_chain_refuses_is_not_tried_each_block(tmp_path: Path) -> None:
    class Refusing(FaultyChain):
        reveals = 0

        async def reveal_weights(self, netuid: int, **_call: object) -> Outcome:
            self.reveals += 1
            return Outcome(status="rejected", reason=f"NotOn{netuid}")

    chain = Refusing(await running_subnet(tmp_path, rules=HIDING))
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await setter.commit_now()
    while await chain.block() < 50:
        await setter.step()
        await chain.tick()
    assert chain.reveals == 1
    assert recorder.attention == [("warning", "the commit of block 20 cannot be revealed: NotOn3")]
    assert (await setter.reveal_now()).reason == "NotOn3"
    await chain.inner.close()


async def test_a_reveal_that_comes_before_its_epoch_is_tried_again(tmp_path: Path) -> None:
    class Late(FaultyChain):
        """Its epoch begins a few blocks later than it foretold."""

        async def reveal_weights(self, netuid: int, **call: Any) -> Outcome:
            if await self.inner.block() < 43:
                return Outcome(status="rejected", reason="RevealTooEarly: not yet")
            return await self.inner.reveal_weights(netuid, **call)

    chain = Late(await running_subnet(tmp_path, rules=HIDING))
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await setter.commit_now()
    while await chain.block() < 50:
        await setter.step()
        await chain.tick()
    assert recorder.outcomes == ["committed", "applied"]
    assert recorder.attention == []
    assert await weights_on(chain.inner) == ((1, 65535), (2, 32768))
    await chain.inner.close()


SEALING = replace(HIDING, commit_reveal_version=TIMELOCKED)


async def test_sealed_weights_are_committed_to_once_a_window_and_applied_by_the_chain(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=SEALING)
    journal = MemoryJournal()
    setter = setter_on(chain, journal, recorder := Recorder())
    shown = {}
    while await chain.block() < 60:
        await setter.step()
        shown[await chain.block()] = await weights_on(chain)
        await chain.tick()
    assert [block for block, weights in shown.items() if weights] == list(range(40, 60))
    assert shown[40] == ((1, 65535), (2, 32768))
    assert recorder.outcomes == ["committed", "applied", "committed"]
    assert [(plan.salt, bool(plan.commit), plan.reveal_round) for plan in journal.plans] == [
        ((), True, 2),
        ((), True, 3),
    ]
    assert recorder.attention == []
    await chain.close()


async def test_a_sealed_commit_is_followed_after_a_restart(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=SEALING)
    journal = MemoryJournal()
    assert (await setter_on(chain, journal).commit_now()).status == "committed"
    restarted = setter_on(chain, journal, recorder := Recorder())
    restarted.pause()
    await restarted.step()
    assert [(one.timelocked, one.reveal_from) for one in restarted.commits] == [(True, 40)]
    assert (await restarted.reveal_now()).reason.endswith("the chain reveals timelocked commits by itself")
    await to_block(chain, 40)
    await restarted.step()
    assert (recorder.outcomes, recorder.attention) == (["applied"], [])
    await chain.close()


async def test_a_sealed_commit_that_the_chain_drops_is_lost_for_the_reason_that_it_shows(tmp_path: Path) -> None:
    """Weights are bound to the version key of the day on which they were sealed."""
    chain = await running_subnet(tmp_path, rules=SEALING)
    journal = MemoryJournal()
    assert (await setter_on(chain, journal).commit_now()).status == "committed"
    await chain.close()
    owner = await EmbeddedChain.open(
        tmp_path / "chain.db", netuid=3, hyperparameters=replace(SEALING, weights_version=9)
    )
    setter = setter_on(owner, journal, recorder := Recorder())
    setter.pause()
    await to_block(owner, 40)
    await setter.step()
    assert recorder.outcomes == ["lost"]
    [(level, text)] = recorder.attention
    assert level == "error"
    assert text.endswith("they were made for version key 0, and the subnet requires 9")
    await owner.close()


async def test_a_dropped_commit_is_lost_even_if_an_earlier_one_set_the_same_weights_meanwhile(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=replace(SEALING, reveal_period=2))
    journal = MemoryJournal()
    setter = setter_on(chain, journal, recorder := Recorder())
    assert (await setter.commit_now()).status == "committed"
    await to_block(chain, 40)
    assert (await setter.commit_now()).status == "committed"
    await to_block(chain, 60)
    await setter.step()
    assert recorder.outcomes[-1] == "applied"
    await chain.close()
    raised = replace(SEALING, reveal_period=2, weights_version=9)
    owner = await EmbeddedChain.open(tmp_path / "chain.db", netuid=3, hyperparameters=raised)
    setter = setter_on(owner, journal, recorder := Recorder())
    setter.pause()
    await to_block(owner, 80)
    await setter.step()
    assert recorder.outcomes == ["lost"]
    await owner.close()


async def test_a_commit_of_a_run_that_died_is_lost_if_the_chain_dropped_it_meanwhile(tmp_path: Path) -> None:
    """The next run finds the weights of an earlier commit, which are the same, and LastUpdate moved."""
    chain = await running_subnet(tmp_path, rules=SEALING)
    journal = MemoryJournal()
    setter = setter_on(chain, journal)
    assert (await setter.commit_now()).status == "committed"
    await to_block(chain, 40)
    await setter.step()
    assert (await setter.commit_now()).status == "committed"
    journal.outcomes.pop(1)  # it died before it could write that down
    await chain.close()
    raised = replace(SEALING, weights_version=9)
    owner = await EmbeddedChain.open(tmp_path / "chain.db", netuid=3, hyperparameters=raised)
    setter = setter_on(owner, journal, recorder := Recorder())
    setter.pause()
    await to_block(owner, 60)
    await setter.step()
    assert recorder.outcomes == ["committed", "lost"]
    await owner.close()


async def test_a_commit_to_the_weights_that_the_chain_has_is_told_from_one_that_it_dropped(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, rules=SEALING)
    journal = MemoryJournal()
    setter = setter_on(chain, journal, recorder := Recorder())
    for window in (40, 60):
        assert (await setter.commit_now()).status == "committed"
        await to_block(chain, window)
        await setter.step()
    assert (await setter.commit_now()).status == "committed"
    assert [plan.unchanged for plan in journal.plans] == [False, True, True]
    ends = [(journal.outcomes[entry].status, journal.outcomes[entry].block) for entry in (0, 1)]
    assert ends == [("applied", 40), ("applied", 60)]
    await chain.close()
    raised = replace(SEALING, weights_version=9)
    owner = await EmbeddedChain.open(tmp_path / "chain.db", netuid=3, hyperparameters=raised)
    setter = setter_on(owner, journal, recorder := Recorder())
    setter.pause()
    await to_block(owner, 80)
    await setter.step()
    assert (journal.outcomes[2].status, recorder.outcomes) == ("lost", ["lost"])
    dropped = "the chain dropped it in block 80 without setting its weights: they were made for version key 0"
    assert journal.outcomes[2].reason.startswith(dropped)
    await owner.close()


class Reticent(FaultyChain):
    """A chain that tells of a commit's fate what a test has it tell; "" for no answer."""

    told = "unknown"

    async def fate_of(self, netuid: int, **_call: object) -> Fate:
        if self.told == "":
            raise ChainUnavailable("no answer")
        return Fate(self.told)  # type: ignore[arg-type]


async def test_where_blocks_are_no_longer_kept_the_weights_on_chain_decide(tmp_path: Path) -> None:
    chain = Reticent(await running_subnet(tmp_path, rules=SEALING))
    journal = MemoryJournal()
    setter = setter_on(chain, journal, Recorder())
    for window in (40, 60):
        assert (await setter.commit_now()).status == "committed"
        await to_block(chain, window)
        await setter.step()
    assert [(journal.outcomes[entry].status, journal.outcomes[entry].reason) for entry in (0, 1)] == [
        ("applied", ""),
        ("applied", UNCHANGED),
    ]
    await chain.inner.close()


@pytest.mark.parametrize("told", ["waiting", ""])
async def test_a_commit_stays_committed_until_a_final_block_shows_its_end_and_not_for_ever(
    tmp_path: Path, told: str
) -> None:
    chain = Reticent(await running_subnet(tmp_path, rules=SEALING))
    chain.told = told
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    assert (await setter.commit_now()).status == "committed"
    setter.pause()
    await setter.step()
    for block in (40, 41, 40 + FINAL_WITHIN):
        await to_block(chain, block)
        await setter.step()
        assert (recorder.outcomes, len(setter.commits)) == (["committed"], 1)
    await to_block(chain, 41 + FINAL_WITHIN)
    await setter.step()
    assert (recorder.outcomes, setter.commits) == (["committed", "applied"], ())
    await chain.inner.close()


async def test_without_what_seals_nothing_is_sent_and_the_refusal_says_what_to_install(tmp_path: Path) -> None:
    class Unsealing(FaultyChain):
        async def seal_weights(self, netuid: int, **_call: object) -> Sealed:
            raise CannotSeal("CommitRevealEnabled: install it")

    chain = Unsealing(await running_subnet(tmp_path, rules=SEALING))
    journal = MemoryJournal()
    setter = setter_on(chain, journal, recorder := Recorder())
    assert (await setter.commit_now()).reason == "CommitRevealEnabled: install it"
    await to_block(chain.inner, 36)
    await setter.step()
    await setter.step()
    assert (chain.sent, journal.plans, len(journal.skipped)) == (0, [], 1)
    assert setter.wait.reason == "nothing to set: CommitRevealEnabled: install it"
    assert [one.text for one in recorder.feed.attention] == ["no weights are set: CommitRevealEnabled: install it"]
    await chain.inner.close()


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("SettingWeightsTooFast: 3 blocks left", "the rate limit"),
        ("AnotherInPool: Priority is too low", "the pool"),
        ("PoolFull: ", "the pool"),
        ("Stale: Transaction is outdated", "the next block"),
        ("EpochDeferred", "the next epoch"),
    ],
)
async def test_what_is_only_not_yet_is_not_a_failure_and_the_window_is_met(
    tmp_path: Path, reason: str, what: str
) -> None:
    class Refusing(FaultyChain):
        async def set_weights(self, netuid: int, **call: Any) -> Outcome:
            self.sent += 1
            return (
                Outcome(status="rejected", reason=reason)
                if self.sent == 1
                else await super().set_weights(netuid, **call)
            )

    chain = Refusing(await running_subnet(tmp_path))
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await to_block(chain.inner, 35)
    await setter.step()
    assert (setter.wait.what, recorder.attention) == (what, [])
    await chain.tick()
    await setter.step()
    assert recorder.outcomes == ["rejected", "ok"]
    await chain.inner.close()


async def test_what_the_pool_has_already_is_looked_for_and_not_sent_again(tmp_path: Path) -> None:
    class Pooled(FaultyChain):
        async def set_weights(self, netuid: int, **call: Any) -> Outcome:
            outcome = await super().set_weights(netuid, **call)
            return Outcome(status="rejected", reason="AlreadyInPool: imported") if outcome.ok else outcome

    chain = Pooled(await running_subnet(tmp_path))
    setter = setter_on(chain, MemoryJournal(), recorder := Recorder())
    await to_block(chain.inner, 35)
    await setter.step()
    await setter.step()
    assert (chain.sent, recorder.outcomes, recorder.attention) == (1, ["ok"], [])
    await chain.inner.close()
