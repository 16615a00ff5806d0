"""When weights are due, what the chain would refuse, and how submitted weights are found again."""

import pytest
from msgspec.structs import replace

from engine.chain.interface import Look
from engine.values import Hyperparameters, Metagraph, Neuron, Outcome, WeightCommit
from engine.weights.plan import WeightPlan, WeightRow
from engine.weights.submission import outcome_of, reads_back
from engine.weights.window import Wait, Windows, wait_for_rules, wait_for_window
from tests.unit.chain_helpers import key

RULES = Hyperparameters(tempo=20, weights_rate_limit=10)


def look(
    block: int,
    *,
    last_update: int = 5,
    permit: bool = True,
    weights: tuple[tuple[int, int], ...] = (),
    next_epoch: int = 40,
    rules: Hyperparameters = RULES,
    commits: tuple[WeightCommit, ...] = (),
) -> Look:
    own = Neuron(uid=0, hotkey="v", coldkey="c", validator_permit=permit, last_update=last_update, registered_at=2)
    miners = tuple(Neuron(uid=uid, hotkey=hotkey, coldkey="c") for uid, hotkey in ((1, "a"), (2, "b")))
    graph = Metagraph(netuid=3, block=block, neurons=(own, *miners))
    return Look(
        hotkey="v",
        metagraph=graph,
        rules=rules,
        last_epoch=next_epoch - rules.tempo,
        next_epoch=next_epoch,
        rows={0: weights},
        commits=commits,
    )


def unregistered(block: int) -> Look:
    return replace(look(block), hotkey="x")


@pytest.mark.parametrize(
    ("block", "until"),
    [(20, 35), (34, 35), (35, None), (39, None)],
)
def test_the_window_opens_in_its_last_quarter(block: int, until: int | None) -> None:
    wait = wait_for_window(look(block))
    assert (wait.until if wait else None) == until


def test_a_window_is_served_once() -> None:
    mine = ((1, 65535),)
    wait = wait_for_window(look(36, last_update=35, weights=mine))
    assert wait is not None
    assert (wait.until, wait.reason) == (55, "set at block 35; due again from block 55")
    assert wait_for_window(look(36, last_update=20, weights=mine)) is not None
    assert wait_for_window(look(36, last_update=19, weights=mine)) is None


def test_a_registration_in_the_window_is_not_a_submission() -> None:
    assert wait_for_window(look(36, last_update=25, weights=())) is None


@pytest.mark.parametrize("tempo", [1, 2, 3, 4, 360])
def test_every_tempo_has_a_block_to_set_in(tempo: int) -> None:
    rules = replace(RULES, tempo=tempo)
    due = [
        block
        for block in range(1000, 1000 + tempo)
        if wait_for_window(look(block, next_epoch=1000 + tempo, rules=rules)) is None
    ]
    assert due
    assert due[-1] == 1000 + tempo - 1


def test_what_the_chain_would_refuse() -> None:
    wait = wait_for_rules(look(14))
    assert wait is not None
    assert (wait.until, wait.reason) == (15, "SettingWeightsTooFast: 1 blocks left")
    assert wait_for_rules(look(15)) is None
    assert wait_for_rules(look(1, last_update=0)) is None
    wait = wait_for_rules(look(15, permit=False))
    assert wait is not None
    assert wait.until == 40
    assert wait.reason.startswith("NeuronNoValidatorPermit")
    wait = wait_for_rules(unregistered(15))
    assert wait is not None
    assert wait.reason.startswith("HotKeyNotRegisteredInSubNet")


COMMIT = WeightCommit(hash="0xab", block=36, reveal_from=40, reveal_until=59)
HIDING = replace(RULES, commit_reveal=True)


def test_a_commit_serves_a_window_as_weights_do() -> None:
    wait = wait_for_window(look(36, last_update=35, commits=(COMMIT,)))
    assert wait == Wait(55, "the next window", "set at block 35; due again from block 55")


@pytest.mark.parametrize(
    ("at", "wait"),
    [
        (unregistered(15), Wait(16, "a uid", "HotKeyNotRegisteredInSubNet: this hotkey has no uid")),
        (look(13), Wait(15, "the rate limit", "SettingWeightsTooFast: 2 blocks left")),
        (look(13, rules=HIDING), Wait(15, "the rate limit", "CommittingWeightsTooFast: 2 blocks left")),
        (look(13, permit=False), Wait(15, "the rate limit", "SettingWeightsTooFast: 2 blocks left")),
        (
            look(15, permit=False),
            Wait(40, "a validator permit", "NeuronNoValidatorPermit: permits are next assigned at block 40"),
        ),
    ],
)
def test_what_the_chain_would_refuse_is_waited_for_by_its_name(at: Look, wait: Wait) -> None:
    assert wait_for_rules(at) == wait


def test_before_the_window_its_first_block_is_waited_for() -> None:
    assert wait_for_window(look(34)) == Wait(35, "the window", "due from block 35")


def plan(*rows: tuple[int, str, int], block: int = 35, last_update: int = 5) -> WeightPlan:
    return WeightPlan(
        netuid=3,
        hotkey="v",
        block=block,
        window=40,
        last_update=last_update,
        rows=tuple(WeightRow(uid=uid, hotkey=hotkey, weight=0.5, u16=u16) for uid, hotkey, u16 in rows),
    )


PLAN = plan((1, "a", 65535), (2, "b", 7))
READ_BACK = ((1, 65535), (2, 7))


def test_found_again() -> None:
    outcome = outcome_of(PLAN, look(37, last_update=36, weights=READ_BACK), lost_after=50)
    assert outcome is not None
    assert (outcome.status, outcome.block) == ("ok", 36)


def test_equal_weights_from_before_are_not_it() -> None:
    assert outcome_of(PLAN, look(37, last_update=5, weights=READ_BACK), lost_after=50) is None


def test_zeros_need_not_be_there() -> None:
    with_zero = plan((1, "a", 65535), (2, "b", 0))
    outcome = outcome_of(with_zero, look(37, last_update=36, weights=((1, 65535),)), lost_after=50)
    assert outcome is not None
    assert outcome.ok


def test_a_uid_that_changed_hands_since_does_not_hide_it() -> None:
    taken = plan((1, "a", 65535), (2, "gone", 7))
    outcome = outcome_of(taken, look(37, last_update=36, weights=((1, 65535), (2, 0))), lost_after=50)
    assert outcome is not None
    assert outcome.ok


def test_other_weights_are_somebody_elses() -> None:
    outcome = outcome_of(PLAN, look(37, last_update=36, weights=((1, 65535), (2, 8))), lost_after=50)
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("rejected", "Overwritten: other weights were set at block 36")


def test_lost_only_when_it_can_no_longer_land() -> None:
    assert outcome_of(PLAN, look(50), lost_after=50) is None
    outcome = outcome_of(PLAN, look(51), lost_after=50)
    assert outcome is not None
    assert outcome.reason == "NotIncluded: not found on chain by block 51"


def test_a_new_registration_is_not_it() -> None:
    assert outcome_of(PLAN, look(37, last_update=36, weights=()), lost_after=50) is None


def test_a_lost_uid_ends_the_wait() -> None:
    outcome = outcome_of(PLAN, unregistered(37), lost_after=50)
    assert outcome is not None
    assert outcome.status == "rejected"


HIDDEN = replace(PLAN, hotkey=key("v").ss58_address, salt=(1, 2))
OTHER_SALT = replace(HIDDEN, salt=(1, 3))
THEIR_COMMIT = replace(COMMIT, hash=HIDDEN.commit_hash)
LOST_UID = Outcome(status="rejected", reason="HotKeyNotRegisteredInSubNet: this hotkey lost its uid")
NO_TRACE = Outcome(status="rejected", reason="NotIncluded: not found on chain by block 51")
COMMITTED = Outcome(status="committed", block=36, reason="to be revealed from block 40")
OTHERS = ((1, 65535), (2, 8))


@pytest.mark.parametrize(
    ("sent", "at", "outcome"),
    [
        (PLAN, unregistered(37), LOST_UID),
        (PLAN, look(37, last_update=36, weights=READ_BACK), Outcome(status="ok", block=36)),
        (PLAN, look(37, last_update=35, weights=READ_BACK), Outcome(status="ok", block=35)),
        (PLAN, look(51, last_update=5, weights=OTHERS), NO_TRACE),
        (HIDDEN, look(37, commits=(THEIR_COMMIT,)), COMMITTED),
        (OTHER_SALT, look(37, commits=(THEIR_COMMIT,)), None),
        (OTHER_SALT, look(37, last_update=36, weights=OTHERS), None),
        (OTHER_SALT, look(51, last_update=36, weights=OTHERS), NO_TRACE),
        (OTHER_SALT, look(60, last_update=36, weights=READ_BACK), Outcome(status="ok", block=36)),
    ],
)
def test_what_became_of_a_plan(sent: WeightPlan, at: Look, outcome: Outcome | None) -> None:
    assert outcome_of(sent, at, lost_after=50) == outcome


def test_weights_read_back_when_they_are_all_there_and_no_others() -> None:
    assert reads_back(PLAN, look(37, weights=READ_BACK))
    assert not reads_back(PLAN, look(37, weights=READ_BACK[:1]))
    assert not reads_back(PLAN, look(37, weights=(*READ_BACK, (0, 1))))
    assert not reads_back(plan((1, "b", 65535)), look(37, weights=READ_BACK[:1]))


def test_two_in_one_block_without_a_rate_limit() -> None:
    again = plan((1, "a", 65535), (2, "b", 7), block=36, last_update=36)
    outcome = outcome_of(again, look(36, last_update=36, weights=READ_BACK), lost_after=50)
    assert outcome is not None
    assert outcome.ok


def counted(*looks: Look) -> tuple[int, int]:
    windows = Windows()
    for one in looks:
        windows.see(one)
    return windows.set, windows.missed


MINE = ((1, 65535),)


def test_windows_are_counted_when_they_end_and_not_before() -> None:
    set_at_35 = look(36, last_update=35, weights=MINE)
    assert counted(look(25), set_at_35) == (0, 0)
    later = look(41, last_update=35, weights=MINE, next_epoch=60)
    assert counted(look(25), set_at_35, later) == (1, 0)
    assert counted(look(25), set_at_35, later, look(61, last_update=35, weights=MINE, next_epoch=80)) == (1, 1)


def test_weights_that_land_in_a_windows_last_block_are_in_time() -> None:
    assert counted(look(25), look(41, last_update=39, weights=MINE, next_epoch=60)) == (1, 0)
    assert counted(look(25), look(41, last_update=30, weights=(), next_epoch=60)) == (0, 0), "a registration"


def test_the_first_window_is_no_miss_since_we_may_have_come_at_its_end() -> None:
    first, second, third = (look(at, weights=MINE, next_epoch=at + 1) for at in (39, 59, 79))
    assert counted(first, second) == (0, 0)
    assert counted(first, second, third) == (0, 1)


def test_a_hotkey_without_a_uid_misses_nothing_and_begins_anew() -> None:
    second, third = (look(at, weights=MINE, next_epoch=at + 1) for at in (59, 79))
    assert counted(look(39), second, unregistered(61), third) == (0, 0)


def test_windows_that_nobody_saw_are_missed() -> None:
    before = replace(look(39, weights=MINE), epoch_index=1)
    after = replace(look(119, weights=MINE, next_epoch=120), epoch_index=5)
    assert counted(before, replace(look(59, weights=MINE, next_epoch=60), epoch_index=2), after) == (0, 3)
