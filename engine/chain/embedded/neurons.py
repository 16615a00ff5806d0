"""Neurons: they register for a price, burned or locked as collateral, hold stake and serve at an axon.

As on the real chain, except that there is no subnet owner, and that loopback addresses are accepted.
"""

import ipaddress

from msgspec.structs import replace

from engine.chain.embedded.state import RAO, AxonInfo, ChainState, Hotkey, Refused, Slot, to_rao, with_slot

MIN_BURN = 500_000
MAX_BURN = 100 * RAO
"""Bounds of the price, in rao: the defaults of MinBurn and MaxBurn in mainnet's metadata."""

TOKEN_PER_ALPHA = 1.0
"""The price of stake, which no market makes here."""

PORT_MAX = 65535
"""TCP's."""


def register(state: ChainState, *, coldkey: str, hotkey: str, limit: float | None = None) -> ChainState:
    """Register the hotkey on a uid and charge its coldkey the price, of which a share becomes collateral; `limit` is in
    tokens. A fresh registration counts as LastUpdate. Raises `Refused`.
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
    bond = int(state.burn * rules.collateral_share)
    account = replace(account, stake=account.stake + bond, locked=account.locked + bond)
    return replace(
        state,
        burn=max(state.burn, min(int(state.burn * rules.burn_increase), MAX_BURN)),
        hotkeys={**state.hotkeys, hotkey: account},
        balances={**state.balances, coldkey: balance - state.burn},
    )


def decayed_burn(state: ChainState) -> int:
    """The burn one block later. It decays towards the minimum; a burn already below the minimum stays."""
    half_life = state.rules.burn_half_life
    kept = 0.5 ** (1 / half_life) if half_life else 1.0
    return max(int(state.burn * kept), min(state.burn, MIN_BURN))


def uid_to_prune(state: ChainState) -> int | None:
    """The uid to replace in a full subnet: the lowest emission, then the oldest registration.

    Immune neurons are replaced only if no more of the others are left than the rules want; None if nobody is.
    """
    uids = range(len(state.slots))
    mortal = [uid for uid in uids if not _is_immune(state, state.slots[uid])]
    immune = [uid for uid in uids if _is_immune(state, state.slots[uid])]
    return min(
        mortal if len(mortal) > state.rules.min_mortal else immune,
        key=lambda uid: (state.slots[uid].emission, state.slots[uid].registered_at, uid),
        default=None,
    )


def add_stake(state: ChainState, *, coldkey: str, hotkey: str, amount: float) -> ChainState:
    """Stake the coldkey's tokens on a hotkey, its own or another's. Raises `Refused`."""
    rao, balance = to_rao(amount), state.balances.get(coldkey, 0)
    account = state.hotkeys.get(hotkey)
    if account is None:
        raise Refused("HotKeyAccountNotExists", "register the hotkey first")
    if rao <= 0:
        raise Refused("AmountTooLow")
    if balance < rao:
        raise Refused("NotEnoughBalanceToStake", f"the coldkey has {balance / RAO:g}")
    return replace(
        state,
        hotkeys={**state.hotkeys, hotkey: replace(account, stake=account.stake + rao)},
        balances={**state.balances, coldkey: balance - rao},
    )


def remove_stake(state: ChainState, *, coldkey: str, hotkey: str, amount: float) -> ChainState:
    """Turn stake back into its owner's tokens. Raises `Refused`."""
    rao, account = to_rao(amount), _owned(state, coldkey, hotkey)
    if rao <= 0:
        raise Refused("AmountTooLow")
    if account.free < rao:
        locked = f", of which {account.locked / RAO:g} are locked" if account.locked else ""
        raise Refused("NotEnoughStakeToWithdraw", f"there are {account.stake / RAO:g} on the hotkey{locked}")
    return replace(
        state,
        hotkeys={**state.hotkeys, hotkey: replace(account, stake=account.stake - rao)},
        balances={**state.balances, coldkey: state.balances.get(coldkey, 0) + rao},
    )


def add_collateral(state: ChainState, *, coldkey: str, hotkey: str, amount: float, price: float) -> ChainState:
    """Lock stake of the hotkey; what is missing is bought, for at most `price` tokens an alpha. Raises `Refused`."""
    rao, account = to_rao(amount), _owned(state, coldkey, hotkey)
    if rao <= 0:
        raise Refused("AmountTooLow")
    if (short := rao - account.free) > 0:
        if price < TOKEN_PER_ALPHA:
            raise Refused("SlippageTooHigh", f"an alpha costs {TOKEN_PER_ALPHA:g}, the limit is {price:g}")
        state = add_stake(state, coldkey=coldkey, hotkey=hotkey, amount=short / RAO)
        account = state.hotkeys[hotkey]
    return _with_account(state, hotkey, replace(account, locked=account.locked + rao))


def set_min_collateral(state: ChainState, *, coldkey: str, hotkey: str, amount: float) -> ChainState:
    """Keep the hotkey's collateral from draining below `amount`, which its earnings fill. Raises `Refused`."""
    return _with_account(state, hotkey, replace(_owned(state, coldkey, hotkey), floor=to_rao(amount)))


def earned(account: Hotkey, emission: int, drain: float) -> Hotkey:
    """The account after its hotkey earned: `drain` is freed for each alpha, or the floor is filled."""
    if account.locked < account.floor:
        locked = min(account.floor, account.locked + emission)
    else:
        locked = max(account.floor, account.locked - int(emission * drain))
    return replace(account, stake=account.stake + emission, locked=locked)


def serve_axon(state: ChainState, *, hotkey: str, ip: str, port: int) -> ChainState:
    """Set the hotkey's axon. `ip` is a literal; 0.0.0.0 withdraws the axon. Raises `Refused`."""
    slot, limit = state.slots[_uid(state, hotkey)], state.rules.serving_rate_limit
    _address(ip)
    wait = slot.axon.block + limit - state.block if slot.axon else 0
    if limit and wait > 0:
        raise Refused("ServingRateLimitExceeded", f"{wait} blocks left")
    return placed(state, hotkey=hotkey, ip=ip, port=port)


def placed(state: ChainState, *, hotkey: str, ip: str, port: int) -> ChainState:
    """Set the hotkey's axon regardless of the rate limit, for setting up a subnet. Raises `Refused`."""
    uid, address = _uid(state, hotkey), _address(ip)
    if not 0 < port <= PORT_MAX:
        raise Refused("InvalidPort", f"{port} is not between 1 and {PORT_MAX}")
    return with_slot(state, uid, replace(state.slots[uid], axon=AxonInfo(address, port, state.block)))


def _owned(state: ChainState, coldkey: str, hotkey: str) -> Hotkey:
    """The account of a hotkey of this coldkey. Raises `Refused`."""
    account = state.hotkeys.get(hotkey)
    if account is None:
        raise Refused("HotKeyAccountNotExists", "register the hotkey first")
    if account.coldkey != coldkey:
        raise Refused("NonAssociatedColdKey", f"the hotkey belongs to {account.coldkey}")
    return account


def _with_account(state: ChainState, hotkey: str, account: Hotkey) -> ChainState:
    return replace(state, hotkeys={**state.hotkeys, hotkey: account})


def _is_immune(state: ChainState, slot: Slot) -> bool:
    return state.block - slot.registered_at < state.rules.immunity_period


def _without_weights_on(state: ChainState, uid: int) -> ChainState:
    """The state with all weights on this uid set to 0, as the chain does when a uid changes hands."""
    return replace(
        state,
        slots=tuple(
            replace(slot, weights=tuple((target, 0 if target == uid else weight) for target, weight in slot.weights))
            if any(target == uid for target, _ in slot.weights)
            else slot
            for slot in state.slots
        ),
    )


def _uid(state: ChainState, hotkey: str) -> int:
    uid = state.uid_of(hotkey)
    if uid is None:
        raise Refused("HotKeyNotRegisteredInNetwork")
    return uid


def _address(ip: str) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        raise Refused("InvalidIpType", f"{ip!r} is neither an IPv4 nor an IPv6 address") from None
    if int(address) == (1 << address.max_prefixlen) - 1:
        raise Refused("InvalidIpAddress", f"{ip} is the broadcast address")
    return str(address)
