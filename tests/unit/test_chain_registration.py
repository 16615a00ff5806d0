"""Registration: the burn, refusals by name, and what happens to a uid that changes hands."""

import pytest
from msgspec.structs import replace

from engine.chain.embedded import Refused
from engine.chain.embedded.look import look_of
from engine.chain.embedded.neurons import (
    MAX_BURN,
    MIN_BURN,
    add_stake,
    decayed_burn,
    register,
    serve_axon,
    uid_to_prune,
)
from engine.chain.embedded.sandbox import adopted, fund
from engine.chain.embedded.state import RAO, ChainState
from engine.chain.embedded.weights import set_weights
from engine.values import Hyperparameters
from tests.unit.chain_helpers import RULES, later, permitted, staked, subnet


def refusal(state: ChainState, *, coldkey: str = "cold", hotkey: str = "new", limit: float | None = None) -> str:
    with pytest.raises(Refused) as refused:
        register(state, coldkey=coldkey, hotkey=hotkey, limit=limit)
    return refused.value.name


def earning(state: ChainState, *emissions: int) -> ChainState:
    """The state with these emissions by uid."""
    slots = (replace(slot, emission=emission) for slot, emission in zip(state.slots, emissions, strict=True))
    return replace(state, slots=tuple(slots))


def test_uids_are_given_in_order_and_the_burn_is_paid() -> None:
    state = subnet("a", rules=replace(RULES, burn=2.0))
    before, price = state.balances["cold"], state.burn
    state = register(state, coldkey="cold", hotkey="b")
    assert [slot.hotkey for slot in state.slots] == ["a", "b"]
    assert state.balances["cold"] == before - price
    assert state.slots[1].registered_at == state.slots[1].last_update == state.block
    assert look_of(state).metagraph.neurons[1].coldkey == "cold"


def test_refusals() -> None:
    state = subnet("a", rules=replace(RULES, burn=2.0))
    price = look_of(state).rules.burn
    assert refusal(state, hotkey="a") == "HotKeyAlreadyRegisteredInSubNet"
    assert refusal(state, coldkey="poor") == "NotEnoughBalanceToStake"
    assert refusal(state, limit=price * 0.999) == "RegistrationPriceLimitExceeded"
    register(state, coldkey="cold", hotkey="new", limit=price)
    assert refusal(replace(state, rules=replace(RULES, registration_allowed=False))) == "SubNetRegistrationDisabled"
    assert refusal(replace(state, slots=(), rules=replace(RULES, max_uids=0))) == "NoNeuronIdAvailable"


def test_a_hotkey_stays_its_coldkeys_after_it_lost_its_uid() -> None:
    state = subnet("a", rules=replace(RULES, max_uids=1, min_mortal=0))
    state = fund(register(state, coldkey="cold", hotkey="b"), coldkey="thief", amount=10)
    assert refusal(state, coldkey="thief", hotkey="a") == "NonAssociatedColdKey"
    assert register(state, coldkey="cold", hotkey="a").slots[0].hotkey == "a"


def test_the_burn_rises_with_each_registration_up_to_the_maximum() -> None:
    state = subnet(rules=replace(RULES, burn=1.0))
    price = state.burn
    state = register(state, coldkey="cold", hotkey="a")
    assert state.burn == int(price * 1.26)
    dear = replace(state, burn=MAX_BURN - 1)
    assert register(dear, coldkey="cold", hotkey="b").burn == MAX_BURN


def test_the_burn_halves_in_its_half_life_and_stops_at_the_minimum() -> None:
    for half_life in (360, 20):
        state = replace(subnet(rules=replace(RULES, burn_half_life=half_life)), burn=RAO)
        assert later(state, half_life).burn == pytest.approx(RAO / 2, abs=half_life)
        assert decayed_burn(replace(state, burn=MIN_BURN + 1)) == MIN_BURN
        assert decayed_burn(replace(state, burn=MIN_BURN - 7)) == MIN_BURN - 7
    assert later(replace(subnet(rules=replace(RULES, burn_half_life=0)), burn=RAO), 9).burn == RAO


def test_the_lowest_emission_outside_immunity_gives_way() -> None:
    rules = replace(RULES, max_uids=3, min_mortal=0, immunity_period=30)
    state = later(subnet("a", "b", rules=rules), 20)
    state = earning(later(register(state, coldkey="cold", hotkey="young"), 10), 5, 4, 0)
    assert uid_to_prune(state) == 1
    assert uid_to_prune(earning(state, 4, 5, 0)) == 0
    assert uid_to_prune(earning(later(state, 20), 5, 4, 0)) == 2


def test_so_many_outside_immunity_stay_as_the_rules_want() -> None:
    rules = replace(RULES, max_uids=3, min_mortal=2, immunity_period=30)
    state = later(subnet("a", "b", rules=rules), 40)
    state = earning(register(state, coldkey="cold", hotkey="young"), 1, 1, 4)
    assert uid_to_prune(state) == 2
    full = later(replace(state, rules=replace(rules, min_mortal=3)), 40)
    assert refusal(full, hotkey="late") == "NoNeuronIdAvailable"


def test_ties_go_by_the_oldest_registration() -> None:
    state = subnet("a", "b", "c", rules=replace(RULES, max_uids=3, min_mortal=0))
    slots = (state.slots[0], replace(state.slots[1], registered_at=0), state.slots[2])
    assert uid_to_prune(later(replace(state, slots=slots), 50)) == 1
    assert uid_to_prune(later(state, 50)) == 0


def test_when_all_are_immune_the_lowest_of_them_gives_way() -> None:
    assert uid_to_prune(earning(subnet("a", "b", "c", rules=replace(RULES, max_uids=3, min_mortal=0)), 3, 1, 2)) == 1


def test_a_uid_that_changes_hands_keeps_nothing_of_the_old_neuron() -> None:
    state = permitted(
        staked(subnet("v", "old", "b", rules=replace(RULES, max_uids=3, min_mortal=0)), v=100, old=50), "v", "old"
    )
    state = serve_axon(state, hotkey="old", ip="127.0.0.1", port=9000)
    state = set_weights(later(state, 10), hotkey="v", uids=[1, 2], values=[3, 1])
    state = set_weights(state, hotkey="old", uids=[2], values=[1])
    state = later(earning(state, 9, 1, 5), 30)
    epoch = earning(state, 9, 1, 5)
    after = register(epoch, coldkey="cold", hotkey="new")
    taken = after.slots[1]
    assert (taken.hotkey, taken.registered_at, taken.last_update) == ("new", after.block, after.block)
    assert (taken.axon, taken.weights, taken.emission, taken.incentive) == (None, (), 0, 0.0)
    assert not taken.validator_permit
    assert after.slots[0].weights == ((1, 0), (2, 21845))
    assert after.slots[2] is epoch.slots[2]
    assert after.uid_of("old") is None
    assert after.stake_of("old") == epoch.stake_of("old")


def test_staking_needs_a_hotkey_and_the_money() -> None:
    state = subnet("a")
    with pytest.raises(Refused, match="HotKeyAccountNotExists"):
        add_stake(state, coldkey="cold", hotkey="stranger", amount=1)
    with pytest.raises(Refused, match="NotEnoughBalanceToStake"):
        add_stake(state, coldkey="cold", hotkey="a", amount=1e9)
    with pytest.raises(Refused, match="AmountTooLow"):
        add_stake(state, coldkey="cold", hotkey="a", amount=0)
    after = add_stake(state, coldkey="cold", hotkey="a", amount=1.5)
    assert after.stake_of("a") == 1_500_000_000
    assert sum(after.balances.values()) + after.stake_of("a") == sum(state.balances.values())


def test_a_neuron_is_adopted_with_the_faucets_money_and_once() -> None:
    state = adopted(subnet(), hotkey="a", coldkey="poor", stake=1000.1)
    assert [slot.hotkey for slot in state.slots] == ["a"]
    assert state.stake_of("a") == 1_000_100_000_000
    assert state.balances["poor"] == 0
    assert adopted(state, hotkey="a", coldkey="poor", stake=1000.1) is state
    assert adopted(state, hotkey="a", coldkey="poor", stake=0) is state
    assert adopted(state, hotkey="a", coldkey="poor", stake=1001).stake_of("a") == 1001 * RAO
    free = adopted(subnet(rules=replace(RULES, burn=0.0)), hotkey="a", coldkey="poor", stake=0)
    assert free.uid_of("a") == 0


@pytest.mark.parametrize("amount", [0, -1, float("nan"), float("inf"), 1e12])
def test_the_faucet_gives_sane_amounts_only(amount: float) -> None:
    with pytest.raises(ValueError, match="faucet"):
        fund(subnet(), coldkey="cold", amount=amount)


def test_a_hotkey_that_the_chain_knows_is_adopted_for_its_own_coldkey() -> None:
    rules = Hyperparameters(max_uids=1, min_mortal=0, immunity_period=0, burn=0.001)
    state = adopted(subnet("a", rules=rules), hotkey="b", coldkey="other", stake=0)
    assert state.uid_of("a") is None
    again = adopted(state, hotkey="a", coldkey="a", stake=0)
    assert again.uid_of("a") == 0
    assert again.hotkeys["a"].coldkey == "cold"
