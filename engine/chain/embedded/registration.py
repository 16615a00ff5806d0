"""Registering a hotkey: the burn, the uid, and who loses one when the subnet is full.

As the chain does, except that the subnet's owner and the floor under the number of uids outside immunity do not exist
here.
"""

from msgspec.structs import replace

from engine.chain.embedded.refusal import Refused
from engine.chain.embedded.state import RAO, Hotkey, Slot, State, to_rao, with_slot

BURN_INCREASE = 1.26
BURN_HALF_LIFE = 360
MIN_BURN = 500_000
MAX_BURN = 100 * RAO

_DECAY = 0.5 ** (1 / BURN_HALF_LIFE)


def register(state: State, *, coldkey: str, hotkey: str, limit: float | None = None) -> State:
    """The hotkey on a uid, its coldkey poorer by the burn; `limit` is in tokens.

    A fresh registration counts as LastUpdate. Raises `Refused`.
    """
    rules, balance = state.rules, state.balances.get(coldkey, 0)
    if limit is not None and state.burn > to_rao(limit):
        raise Refused("RegistrationPriceLimitExceeded", f"it costs {state.burn / RAO:g}, the limit is {limit:g}")
    if not rules.registration_allowed:
        raise Refused("SubNetRegistrationDisabled")
    if state.uid_of(hotkey) is not None:
        raise Refused("HotKeyAlreadyRegisteredInSubNet")
    if balance < state.burn:
        raise Refused("NotEnoughBalanceToStake", f"it costs {state.burn / RAO:g}, the coldkey has {balance / RAO:g}")
    account = state.hotkeys.get(hotkey, Hotkey(coldkey))
    if account.coldkey != coldkey:
        raise Refused("NonAssociatedColdKey", f"the hotkey belongs to {account.coldkey}")
    uid = len(state.slots) if len(state.slots) < rules.max_uids else uid_to_prune(state)
    if uid is None:
        raise Refused("NoNeuronIdAvailable")
    if uid < len(state.slots):
        state = _without_weights_on(state, uid)
    state = with_slot(state, uid, Slot(hotkey=hotkey, registered_at=state.block, last_update=state.block))
    return replace(
        state,
        burn=max(state.burn, min(int(state.burn * BURN_INCREASE), MAX_BURN)),
        hotkeys={**state.hotkeys, hotkey: account},
        balances={**state.balances, coldkey: balance - state.burn},
    )


def decayed_burn(burn: int) -> int:
    """The burn one block on. It falls towards the minimum, and stays where it already is below it."""
    return max(int(burn * _DECAY), min(burn, MIN_BURN))


def uid_to_prune(state: State) -> int | None:
    """Who gives way in a full subnet: the lowest emission, then the oldest registration.

    Neurons in immunity only go when all are in it. None when there is nobody.
    """
    uids = range(len(state.slots))
    mortal = [uid for uid in uids if not _is_immune(state, state.slots[uid])]
    return min(
        mortal or uids, key=lambda uid: (state.slots[uid].emission, state.slots[uid].registered_at, uid), default=None
    )


def _is_immune(state: State, slot: Slot) -> bool:
    return state.block - slot.registered_at < state.rules.immunity_period


def _without_weights_on(state: State, uid: int) -> State:
    """The state with all weights towards this uid set to 0, as the chain does when it changes hands."""
    return replace(
        state,
        slots=tuple(
            replace(slot, weights=tuple((target, 0 if target == uid else weight) for target, weight in slot.weights))
            if any(target == uid for target, _ in slot.weights)
            else slot
            for slot in state.slots
        ),
    )
