"""When weights are due, what the chain would refuse, and how what was sent is found again."""

import pytest
from msgspec.structs import replace

from engine.values import Hyperparameters, Metagraph, Neuron
from engine.weights.moment import Moment, outcome_of, wait_for_rules, wait_for_window
from engine.weights.plan import WeightPlan, WeightRow

RULES = Hyperparameters(tempo=20, weights_rate_limit=10)


def moment(
    block: int,
    *,
    last_update: int = 5,
    permit: bool = True,
    weights: tuple[tuple[int, int], ...] = (),
    next_epoch: int = 40,
    rules: Hyperparameters = RULES,
) -> Moment:
    own = Neuron(uid=0, hotkey="v", coldkey="c", validator_permit=permit, last_update=last_update, registered_at=2)
    miners = tuple(Neuron(uid=uid, hotkey=hotkey, coldkey="c") for uid, hotkey in ((1, "a"), (2, "b")))
    graph = Metagraph(netuid=3, block=block, neurons=(own, *miners))
    return Moment(hotkey="v", metagraph=graph, rules=rules, next_epoch=next_epoch, weights=weights)


def unregistered(block: int) -> Moment:
    return Moment(hotkey="x", metagraph=moment(block).metagraph, rules=RULES, next_epoch=40)


@pytest.mark.parametrize(
    ("block", "until"),
    [(20, 35), (34, 35), (35, None), (39, None)],
)
def test_the_window_opens_in_its_last_quarter(block: int, until: int | None) -> None:
    wait = wait_for_window(moment(block))
    assert (wait.until if wait else None) == until


def test_a_window_is_served_once() -> None:
    mine = ((1, 65535),)
    wait = wait_for_window(moment(36, last_update=35, weights=mine))
    assert wait is not None
    assert (wait.until, wait.reason) == (55, "set at block 35, again from block 55")
    assert wait_for_window(moment(36, last_update=20, weights=mine)) is not None
    assert wait_for_window(moment(36, last_update=19, weights=mine)) is None


def test_a_registration_in_the_window_is_no_submission() -> None:
    assert wait_for_window(moment(36, last_update=25, weights=())) is None


@pytest.mark.parametrize("tempo", [1, 2, 3, 4, 360])
def test_every_tempo_has_a_block_to_set_in(tempo: int) -> None:
    rules = replace(RULES, tempo=tempo)
    due = [
        block
        for block in range(1000, 1000 + tempo)
        if wait_for_window(moment(block, next_epoch=1000 + tempo, rules=rules)) is None
    ]
    assert due
    assert due[-1] == 1000 + tempo - 1


def test_what_the_chain_would_refuse() -> None:
    wait = wait_for_rules(moment(14))
    assert wait is not None
    assert (wait.until, wait.reason) == (15, "SettingWeightsTooFast: 1 blocks left")
    assert wait_for_rules(moment(15)) is None
    assert wait_for_rules(moment(1, last_update=0)) is None
    wait = wait_for_rules(moment(15, permit=False))
    assert wait is not None
    assert wait.until == 40
    assert wait.reason.startswith("NeuronNoValidatorPermit")
    wait = wait_for_rules(unregistered(15))
    assert wait is not None
    assert wait.reason.startswith("HotKeyNotRegisteredInSubNet")


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
    outcome = outcome_of(PLAN, moment(37, last_update=36, weights=READ_BACK), lost_after=50)
    assert outcome is not None
    assert (outcome.status, outcome.block) == ("ok", 36)


def test_equal_weights_from_before_are_not_it() -> None:
    assert outcome_of(PLAN, moment(37, last_update=5, weights=READ_BACK), lost_after=50) is None


def test_zeros_need_not_be_there() -> None:
    with_zero = plan((1, "a", 65535), (2, "b", 0))
    outcome = outcome_of(with_zero, moment(37, last_update=36, weights=((1, 65535),)), lost_after=50)
    assert outcome is not None
    assert outcome.ok


def test_a_uid_that_changed_hands_since_does_not_hide_it() -> None:
    taken = plan((1, "a", 65535), (2, "gone", 7))
    outcome = outcome_of(taken, moment(37, last_update=36, weights=((1, 65535), (2, 0))), lost_after=50)
    assert outcome is not None
    assert outcome.ok


def test_other_weights_are_somebody_elses() -> None:
    outcome = outcome_of(PLAN, moment(37, last_update=36, weights=((1, 65535), (2, 8))), lost_after=50)
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("rejected", "Overwritten: other weights were set at block 36")


def test_lost_only_when_it_can_no_longer_land() -> None:
    assert outcome_of(PLAN, moment(50), lost_after=50) is None
    outcome = outcome_of(PLAN, moment(51), lost_after=50)
    assert outcome is not None
    assert outcome.reason == "NotIncluded: no trace of it on chain at block 51"


def test_a_new_registration_is_not_it() -> None:
    assert outcome_of(PLAN, moment(37, last_update=36, weights=()), lost_after=50) is None


def test_a_lost_uid_ends_the_wait() -> None:
    outcome = outcome_of(PLAN, unregistered(37), lost_after=50)
    assert outcome is not None
    assert outcome.status == "rejected"


def test_two_in_one_block_without_a_rate_limit() -> None:
    again = plan((1, "a", 65535), (2, "b", 7), block=36, last_update=36)
    outcome = outcome_of(again, moment(36, last_update=36, weights=READ_BACK), lost_after=50)
    assert outcome is not None
    assert outcome.ok
