"""Setting weights: the chain's checks, in its order and under its names."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.chain.local.refusal import Refused
from engine.chain.local.state import RAO, State, to_rao, with_slot

U16_MAX = 65535


def set_weights(
    state: State, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
) -> State:
    """The hotkey's weights replaced and its LastUpdate moved to this block.

    `uids` and `values` are u16. A single weight on itself needs neither a permit nor a minimum of weights. Raises
    `Refused`, and `ValueError` for what could not even be encoded.
    """
    if not all(0 <= number <= U16_MAX for number in (*uids, *values)):
        raise ValueError(f"uids and weights are numbers from 0 to {U16_MAX}")
    rules, stake = state.rules, state.stake_of(hotkey)
    if rules.commit_reveal:
        raise Refused("CommitRevealEnabled", "this subnet takes commits, not plain weights")
    if len(uids) != len(values):
        raise Refused("WeightVecNotEqualSize", f"{len(uids)} uids, {len(values)} values")
    if len(uids) > len(state.slots):
        raise Refused("UidsLengthExceedUidsInSubNet", f"{len(uids)} uids, the subnet has {len(state.slots)}")
    own = state.uid_of(hotkey)
    if own is None:
        raise Refused("HotKeyNotRegisteredInSubNet")
    if stake < to_rao(rules.stake_threshold):
        raise Refused("NotEnoughStakeToSetWeights", f"{stake / RAO:g} of {rules.stake_threshold:g}")
    if version_key < rules.weights_version:
        raise Refused("IncorrectWeightVersionKey", f"{version_key}, the subnet wants {rules.weights_version}")
    slot = state.slots[own]
    wait = slot.last_update + rules.weights_rate_limit - state.block if slot.last_update else 0
    if wait > 0:
        raise Refused("SettingWeightsTooFast", f"{wait} blocks left")
    on_itself = list(uids) == [own]
    if not (slot.validator_permit or on_itself):
        raise Refused("NeuronNoValidatorPermit", "permits are given anew at each epoch, by stake")
    if len(set(uids)) != len(uids):
        raise Refused("DuplicateUids")
    if max(uids, default=-1) >= len(state.slots):
        raise Refused("UidVecContainInvalidOne", f"the subnet has uids 0 to {len(state.slots) - 1}")
    wanted = min(rules.min_allowed_weights, len(state.slots))
    if len(uids) < wanted and not on_itself:
        raise Refused("WeightVecLengthIsLow", f"{len(uids)} weights, the subnet wants {wanted}")
    weights = tuple(zip(uids, _max_upscaled(values), strict=True))
    return with_slot(state, own, replace(slot, weights=weights, last_update=state.block))


def _max_upscaled(values: Sequence[int]) -> list[int]:
    """The values scaled so that the largest is 65535; halves go up. Zeros stay zeros."""
    top = max(values, default=0)
    if top == 0:
        return list(values)
    return [(2 * value * U16_MAX + top) // (2 * top) for value in values]
