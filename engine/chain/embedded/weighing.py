"""Setting weights: the chain's checks, in its order and under its names."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.chain.embedded.refusal import Refused
from engine.chain.embedded.state import RAO, Slot, State, to_rao, with_slot

U16_MAX = 65535


def set_weights(
    state: State, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
) -> State:
    """The hotkey's weights replaced and its LastUpdate moved to this block.

    `uids` and `values` are u16. A single weight on itself needs neither a permit nor a minimum of weights. Raises
    `Refused`, and `ValueError` for what could not even be encoded.
    """
    if state.rules.commit_reveal:
        raise Refused("CommitRevealEnabled", "this subnet takes commits, not plain weights")
    return _weighed(state, hotkey, uids, values, version_key, revealed=False)


def revealed_weights(
    state: State, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
) -> State:
    """The hotkey's weights replaced by those of a commit, which has moved LastUpdate itself and kept to the rate limit.

    Otherwise as `set_weights`.
    """
    return _weighed(state, hotkey, uids, values, version_key, revealed=True)


def staked_uid(state: State, hotkey: str) -> int:
    """The uid of a hotkey with enough stake to have weights. Raises `Refused`."""
    own, stake, threshold = state.uid_of(hotkey), state.stake_of(hotkey), state.rules.stake_threshold
    if own is None:
        raise Refused("HotKeyNotRegisteredInSubNet")
    if stake < to_rao(threshold):
        raise Refused("NotEnoughStakeToSetWeights", f"{stake / RAO:g} of {threshold:g}")
    return own


def require_rest(state: State, slot: Slot, error: str) -> None:
    """Raise `Refused` with this error before the rate limit's blocks since LastUpdate are over."""
    wait = slot.last_update + state.rules.weights_rate_limit - state.block if slot.last_update else 0
    if wait > 0:
        raise Refused(error, f"{wait} blocks left")


def _weighed(
    state: State, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int, *, revealed: bool
) -> State:
    if not all(0 <= number <= U16_MAX for number in (*uids, *values)):
        raise ValueError(f"uids and weights are numbers from 0 to {U16_MAX}")
    rules = state.rules
    if len(uids) != len(values):
        raise Refused("WeightVecNotEqualSize", f"{len(uids)} uids, {len(values)} values")
    if len(uids) > len(state.slots):
        raise Refused("UidsLengthExceedUidsInSubNet", f"{len(uids)} uids, the subnet has {len(state.slots)}")
    own = staked_uid(state, hotkey)
    if version_key < rules.weights_version:
        raise Refused("IncorrectWeightVersionKey", f"{version_key}, the subnet wants {rules.weights_version}")
    slot = state.slots[own]
    if not revealed:
        require_rest(state, slot, "SettingWeightsTooFast")
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
    last_update = slot.last_update if revealed else state.block
    return with_slot(state, own, replace(slot, weights=weights, last_update=last_update))


def _max_upscaled(values: Sequence[int]) -> list[int]:
    """The values scaled so that the largest is 65535; halves go up. Zeros stay zeros."""
    top = max(values, default=0)
    if top == 0:
        return list(values)
    return [(2 * value * U16_MAX + top) // (2 * top) for value in values]
