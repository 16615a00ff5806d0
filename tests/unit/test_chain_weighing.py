"""The chain's checks on weights: each under its own name, in the chain's order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chain.embedded import Refused
from engine.chain.embedded.state import ChainState
from engine.chain.embedded.weights import set_weights
from engine.values import Hyperparameters
from tests.unit.chain_helpers import RULES, later, permitted, staked, subnet


def ready(rules: Hyperparameters = RULES) -> ChainState:
    """A subnet in which "v" (uid 0) may set weights on "a", "b" and "c"."""
    return later(permitted(staked(subnet("v", "a", "b", "c", rules=rules), v=1000), "v"), 10)


def refusal(state: ChainState, **call: Any) -> str:
    call = {"hotkey": "v", "uids": [1, 2], "values": [1, 2]} | call
    with pytest.raises(Refused) as refused:
        set_weights(state, **call)
    return refused.value.name


def test_weights_are_upscaled_and_move_last_update() -> None:
    state = ready()
    after = set_weights(state, hotkey="v", uids=[2, 1, 3], values=[100, 50, 0])
    assert after.slots[0].weights == ((2, 65535), (1, 32768), (3, 0))
    assert after.slots[0].last_update == state.block
    assert after.slots[1:] == state.slots[1:]


def test_all_zero_weights_stay_zero() -> None:
    assert set_weights(ready(), hotkey="v", uids=[1, 2], values=[0, 0]).slots[0].weights == ((1, 0), (2, 0))


def test_commit_reveal() -> None:
    assert refusal(ready(replace(RULES, commit_reveal=True))) == "CommitRevealEnabled"


def test_unequal_lengths() -> None:
    assert refusal(ready(), values=[1]) == "WeightVecNotEqualSize"


def test_more_uids_than_the_subnet_has() -> None:
    assert refusal(ready(), uids=[0, 1, 2, 3, 4], values=[1] * 5) == "UidsLengthExceedUidsInSubNet"


def test_unregistered_hotkey() -> None:
    assert refusal(ready(), hotkey="stranger") == "HotKeyNotRegisteredInSubNet"


def test_stake_threshold() -> None:
    state = ready(replace(RULES, stake_threshold=1000))
    set_weights(state, hotkey="v", uids=[1], values=[1])
    assert refusal(state, hotkey="a", uids=[0]) == "WeightVecNotEqualSize"
    assert refusal(state, hotkey="a") == "NotEnoughStakeToSetWeights"


def test_version_key() -> None:
    state = ready(replace(RULES, weights_version=7))
    assert refusal(state, version_key=6) == "IncorrectWeightVersionKey"
    set_weights(state, hotkey="v", uids=[1], values=[1], version_key=7)
    set_weights(state, hotkey="v", uids=[1], values=[1], version_key=8)
    set_weights(ready(), hotkey="v", uids=[1], values=[1], version_key=3)


def test_rate_limit_counts_from_the_last_update() -> None:
    state = set_weights(ready(), hotkey="v", uids=[1], values=[1])
    with pytest.raises(Refused, match="SettingWeightsTooFast: 1 blocks left"):
        set_weights(later(state, 9), hotkey="v", uids=[1], values=[1])
    set_weights(later(state, 10), hotkey="v", uids=[1], values=[1])


def test_a_fresh_registration_counts_as_last_update() -> None:
    state = permitted(staked(subnet("v", "a"), v=1000), "v")
    assert refusal(later(state, 9), uids=[1], values=[1]) == "SettingWeightsTooFast"
    set_weights(later(state, 10), hotkey="v", uids=[1], values=[1])


def test_last_update_zero_passes_the_rate_limit() -> None:
    state = permitted(staked(subnet("v", "a"), v=1000), "v")
    never = replace(state, slots=(replace(state.slots[0], last_update=0), *state.slots[1:]))
    set_weights(never, hotkey="v", uids=[1], values=[1])


def test_permit() -> None:
    assert refusal(ready(), hotkey="a", uids=[0], values=[1]) == "NeuronNoValidatorPermit"


def test_a_weight_on_itself_needs_no_permit_and_no_minimum() -> None:
    state = ready(replace(RULES, min_allowed_weights=3))
    assert set_weights(state, hotkey="a", uids=[1], values=[9]).slots[1].weights == ((1, 65535),)


def test_duplicate_uids() -> None:
    assert refusal(ready(), uids=[1, 1]) == "DuplicateUids"


def test_unknown_uid() -> None:
    assert refusal(ready(), uids=[1, 4]) == "UidVecContainInvalidOne"


def test_minimum_of_weights_is_capped_by_the_subnet() -> None:
    assert refusal(ready(replace(RULES, min_allowed_weights=3))) == "WeightVecLengthIsLow"
    state = ready(replace(RULES, min_allowed_weights=50))
    set_weights(state, hotkey="v", uids=[0, 1, 2, 3], values=[1, 1, 1, 1])


def test_numbers_outside_u16_cannot_be_sent() -> None:
    for uids, values in (([1], [65536]), ([1], [-1]), ([65536], [1]), ([-1], [1])):
        with pytest.raises(ValueError, match="0 to 65535"):
            set_weights(ready(), hotkey="v", uids=uids, values=values)


def test_checks_come_in_the_chains_order() -> None:
    """A call with every fault is refused for the first; mending one fault brings up the next."""
    rules = replace(RULES, commit_reveal=True, weights_version=7, stake_threshold=1000, min_allowed_weights=4)
    state = later(subnet("v", "a", "b", "c", rules=rules), 1)
    call: dict[str, Any] = {"hotkey": "stranger", "uids": [9, 9, 1, 2, 3], "values": [1], "version_key": 6}
    seen = [refusal(state, **call)]
    state = replace(state, rules=replace(rules, commit_reveal=False))
    seen.append(refusal(state, **call))
    call["values"] = [1] * 5
    seen.append(refusal(state, **call))
    call |= {"uids": [9, 9], "values": [1, 1]}
    seen.append(refusal(state, **call))
    call["hotkey"] = "v"
    seen.append(refusal(state, **call))
    state = staked(state, v=1000)
    seen.append(refusal(state, **call))
    call["version_key"] = 7
    seen.append(refusal(state, **call))
    state = later(state, 9)
    seen.append(refusal(state, **call))
    state = permitted(state, "v")
    seen.append(refusal(state, **call))
    call["uids"] = [9, 1]
    seen.append(refusal(state, **call))
    call["uids"] = [2, 1]
    seen.append(refusal(state, **call))
    assert seen == [
        "CommitRevealEnabled",
        "WeightVecNotEqualSize",
        "UidsLengthExceedUidsInSubNet",
        "HotKeyNotRegisteredInSubNet",
        "NotEnoughStakeToSetWeights",
        "IncorrectWeightVersionKey",
        "SettingWeightsTooFast",
        "NeuronNoValidatorPermit",
        "DuplicateUids",
        "UidVecContainInvalidOne",
        "WeightVecLengthIsLow",
    ]


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=4))
def test_upscaling_keeps_order_and_reaches_the_top(values: list[int]) -> None:
    after = set_weights(ready(), hotkey="v", uids=range(len(values)), values=values)
    scaled = [value for _, value in after.slots[0].weights]
    assert max(scaled) == (65535 if any(values) else 0)
    assert all(
        (a <= b) for a, x in zip(scaled, values, strict=True) for b, y in zip(scaled, values, strict=True) if x <= y
    )
