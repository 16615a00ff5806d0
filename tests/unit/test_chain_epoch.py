"""Epoch maths on cases worked out by hand, its invariants, and the epoch as the chain runs it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chain.embedded.epoch import next_block, next_epoch
from engine.chain.embedded.look import look_of
from engine.chain.embedded.neurons import register
from engine.chain.embedded.state import RAO, ChainState
from engine.chain.embedded.weights import set_weights
from engine.chain.embedded.yuma import normalised, terms_of
from tests.unit.chain_helpers import RULES, later, staked, subnet

SUM = pytest.approx(1.0)


def test_one_validator_decides_alone() -> None:
    terms = terms_of([1.0, 0, 0], {0: {1: 0.75, 2: 0.25}}, 0.5)
    assert terms.consensus == (0.0, 0.75, 0.25)
    assert terms.incentive == (0.0, 0.75, 0.25)
    assert terms.dividends == (1.0, 0.0, 0.0)
    assert terms.validator_trust == (1.0, 0.0, 0.0)


def test_a_minority_is_clipped_to_the_majority() -> None:
    """Stake .6 says (.5, .5), stake .4 says (1, 0): consensus (.5, .5), the second is clipped to (.5, 0).

    Ranks: .6*.5+.4*.5 = .5 and .6*.5 = .3. Dividends go as stake times vtrust: .6*1 and .4*.5.
    """
    terms = terms_of([0.6, 0.4, 0, 0], {0: {2: 0.5, 3: 0.5}, 1: {2: 1.0}}, 0.5)
    assert terms.consensus == (0.0, 0.0, 0.5, 0.5)
    assert terms.incentive == pytest.approx((0, 0, 0.625, 0.375))
    assert terms.validator_trust == (1.0, 0.5, 0.0, 0.0)
    assert terms.dividends == pytest.approx((0.75, 0.25, 0, 0))


def test_half_of_the_stake_is_a_majority_at_kappa_one_half() -> None:
    terms = terms_of([0.5, 0.5, 0, 0], {0: {2: 1.0}, 1: {3: 1.0}}, 0.5)
    assert terms.consensus == (0.0, 0.0, 1.0, 1.0)
    assert terms_of([0.5, 0.5, 0, 0], {0: {2: 1.0}, 1: {3: 1.0}}, 0.6).incentive == (0.0, 0.0, 0.0, 0.0)


def test_stake_without_weights_supports_nothing() -> None:
    assert terms_of([0.6, 0.4, 0], {1: {2: 1.0}}, 0.5).consensus == (0.0, 0.0, 0.0)


def test_nothing_gives_nothing() -> None:
    terms = terms_of([0.0, 0.0], {}, 0.5)
    assert terms.incentive == terms.dividends == terms.validator_trust == (0.0, 0.0)


def test_bonds_remember_who_valued_a_miner_first() -> None:
    """Half of the stake valued miner 2 alone before, which is enough at kappa one half; then both halves do.

    The newcomer's bond is a tenth of its half: (.5, .5) by stake becomes .1 * .5 + .9 * 1 = .95 to .05.
    """
    first = terms_of([0.5, 0.5, 0], {0: {2: 1.0}}, 0.5)
    assert first.bonds == {0: {2: 1.0}}
    second = terms_of([0.5, 0.5, 0], {0: {2: 1.0}, 1: {2: 1.0}}, 0.5, first.bonds)
    assert second.dividends == pytest.approx((0.95, 0.05, 0))
    third = terms_of([0.5, 0.5, 0], {0: {2: 1.0}, 1: {2: 1.0}}, 0.5, second.bonds)
    assert third.dividends == pytest.approx((0.905, 0.095, 0))


def test_bonds_to_a_miner_that_nobody_weighs_stay_and_earn_nothing() -> None:
    terms = terms_of([1.0, 0, 0], {0: {1: 1.0}}, 0.5, {0: {1: 5.0, 2: 5.0}})
    assert terms.bonds == {0: {1: pytest.approx(1.0), 2: pytest.approx(1.0)}}
    assert terms.dividends == (1.0, 0.0, 0.0)


@st.composite
def subnets(draw: st.DrawFn) -> tuple[list[float], dict[int, dict[int, float]]]:
    """Up to four validators with random stakes and weights over up to six miners."""
    validators, miners = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    stake = normalised(draw(st.lists(st.integers(1, 1000), min_size=validators, max_size=validators)))
    weights = {}
    for validator in range(validators):
        row = normalised(draw(st.lists(st.integers(0, 65535), min_size=miners, max_size=miners)))
        weights[validator] = {validators + miner: weight for miner, weight in enumerate(row) if weight}
    return [*stake, *[0.0] * miners], weights


@given(subnets(), st.floats(0.01, 1.0))
def test_invariants(case: tuple[list[float], dict[int, dict[int, float]]], kappa: float) -> None:
    stake, weights = case
    terms = terms_of(stake, weights, kappa)
    for shares in (terms.incentive, terms.dividends):
        assert all(0 <= share <= 1 for share in shares)
        assert sum(shares) == SUM or not any(shares)
    assert all(0 <= trust <= 1 + 1e-9 for trust in terms.validator_trust)
    assert any(terms.incentive) == any(terms.consensus)


@given(subnets(), st.randoms())
def test_renaming_uids_renames_the_result(
    case: tuple[list[float], dict[int, dict[int, float]]], random: Random
) -> None:
    stake, weights = case
    new = list(range(len(stake)))
    random.shuffle(new)
    shuffled = [0.0] * len(stake)
    for uid, share in enumerate(stake):
        shuffled[new[uid]] = share
    renamed = {new[validator]: {new[uid]: weight for uid, weight in row.items()} for validator, row in weights.items()}
    before, after = terms_of(stake, weights, 0.5), terms_of(shuffled, renamed, 0.5)
    for name in ("consensus", "incentive", "dividends", "validator_trust"):
        expected, seen = getattr(before, name), getattr(after, name)
        assert [seen[new[uid]] for uid in range(len(stake))] == pytest.approx(expected)


def validated(**stakes: float) -> ChainState:
    """A subnet after its first epoch: "v" and "w" on uids 0 and 1, the miners "a" and "b" after them."""
    return later(staked(subnet("v", "w", "a", "b"), **stakes), 20)


def test_epochs_come_by_the_block_of_the_last_one() -> None:
    state = subnet("a")
    assert next_epoch(state) == 20
    state = later(state, 18)
    assert (state.block, state.last_epoch) == (19, 0)
    state = next_block(state)
    assert (state.block, state.last_epoch, next_epoch(state)) == (20, 20, 40)


def test_permits_go_to_the_largest_stakes_above_the_threshold() -> None:
    rules = replace(RULES, stake_threshold=100, max_validators=2)
    state = staked(subnet("v", "w", "a", "b", rules=rules), v=500, w=99, a=100, b=400)
    assert [slot.validator_permit for slot in state.slots] == [False] * 4
    assert [slot.validator_permit for slot in later(state, 20).slots] == [True, False, False, True]


def test_a_permit_is_lost_at_the_epoch_in_which_others_have_more_stake() -> None:
    state = later(staked(subnet("v", "w", "a", rules=replace(RULES, max_validators=1)), v=500), 20)
    state = later(staked(state, w=5000), 20)
    assert [slot.validator_permit for slot in state.slots] == [False, True, False]


def test_weights_become_incentive_dividends_and_emission() -> None:
    state = validated(v=600, w=400)
    state = set_weights(state, hotkey="v", uids=[2, 3], values=[1, 1])
    state = set_weights(state, hotkey="w", uids=[2], values=[1])
    before = {slot.hotkey: state.stake_of(slot.hotkey) for slot in state.slots}
    state = later(state, 20)
    neurons = look_of(state).metagraph.neurons
    stake_v, stake_w = before["v"], before["w"]
    assert [neuron.consensus for neuron in neurons] == [0, 0, 0.5, 0.5]
    assert neurons[1].validator_trust == 0.5
    assert sum(neuron.incentive for neuron in neurons) == SUM
    assert neurons[0].dividends == pytest.approx(stake_v / (stake_v + stake_w / 2))
    pool = 20 * 0.82
    assert sum(neuron.emission for neuron in neurons) == pytest.approx(pool)
    assert neurons[2].emission == pytest.approx(pool / 2 * neurons[2].incentive)
    for slot in state.slots:
        assert state.stake_of(slot.hotkey) == before[slot.hotkey] + slot.emission


def test_bonds_are_kept_from_epoch_to_epoch_and_lost_with_the_permit() -> None:
    state = set_weights(validated(v=600, w=400), hotkey="v", uids=[2], values=[1])
    state = later(state, 20)
    assert [slot.bonds for slot in state.slots] == [((2, 65535),), (), (), ()]
    state = later(set_weights(state, hotkey="w", uids=[2], values=[1]), 20)
    (_, mine), (_, late) = (*state.slots[0].bonds, *state.slots[1].bonds)
    share_w = state.slots[1].dividends
    assert mine == 65535
    assert late / (mine + late) == pytest.approx(share_w, abs=1e-4)
    assert 0 < share_w < 0.1 * 0.5, "a tenth of what its stake would have, in the first epoch"
    only_v = later(replace(state, rules=replace(state.rules, max_validators=1)), 20)
    assert [bool(slot.bonds) for slot in only_v.slots] == [True, False, False, False]


def test_without_weights_the_emission_goes_by_stake() -> None:
    state = validated(v=300, w=100)
    assert [slot.emission / RAO for slot in state.slots] == pytest.approx([12.3, 4.1, 0, 0])


def test_weights_on_a_uid_that_changed_hands_do_not_count() -> None:
    rules = replace(RULES, max_uids=4, min_mortal=0, immunity_period=5)
    state = later(staked(subnet("v", "w", "a", "b", rules=rules), v=1000), 20)
    state = set_weights(state, hotkey="v", uids=[2, 3], values=[9, 1])
    state = register(state, coldkey="cold", hotkey="new")
    assert state.slots[1].hotkey == "new"
    state = register(
        replace(state, slots=tuple(replace(s, emission=0 if s.hotkey == "a" else 5) for s in state.slots)),
        coldkey="cold",
        hotkey="newer",
    )
    assert state.slots[2].hotkey == "newer"
    state = later(state, 20)
    assert [slot.incentive for slot in state.slots] == [0.0, 0.0, 0.0, 1.0]


def test_weights_set_in_the_block_of_a_registration_do_not_count_for_it() -> None:
    """The chain cannot tell which of the two came first."""
    state = register(validated(v=1000), coldkey="cold", hotkey="new")
    state = later(set_weights(state, hotkey="v", uids=[3, 4], values=[1, 1]), 20)
    assert [slot.incentive for slot in state.slots] == [0.0, 0.0, 0.0, 1.0, 0.0]


def test_weights_of_the_inactive_and_on_oneself_do_not_count() -> None:
    rules = replace(RULES, activity_cutoff=30)
    state = later(staked(subnet("v", "w", "a", "b", rules=rules), v=600, w=400), 20)
    state = set_weights(state, hotkey="v", uids=[2], values=[1])
    state = set_weights(later(state, 15), hotkey="w", uids=[1, 3], values=[9, 1])
    both = later(state, 5)
    assert [slot.incentive for slot in both.slots] == [0.0, 0.0, 1.0, 0.0]
    later_on = later(both, 20)
    assert [slot.incentive for slot in later_on.slots] == [0.0, 0.0, 0.0, 1.0]
    assert [neuron.active for neuron in look_of(later_on).metagraph.neurons] == [False, True, False, False]


def test_the_same_history_makes_the_same_state() -> None:
    def history() -> ChainState:
        state = set_weights(validated(v=600, w=400), hotkey="v", uids=[2, 3], values=[7, 3])
        return later(register(state, coldkey="cold", hotkey="late"), 50)

    assert history() == history()
