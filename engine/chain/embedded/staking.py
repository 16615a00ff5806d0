"""Setting an embedded subnet up: tokens from a faucet, and stake on a hotkey."""

from msgspec.structs import replace

from engine.chain.embedded.refusal import Refused
from engine.chain.embedded.registration import register
from engine.chain.embedded.state import RAO, State, to_rao

TOTAL_SUPPLY = 21_000_000


def fund(state: State, *, coldkey: str, amount: float) -> State:
    """The coldkey richer by `amount` tokens out of nothing, at most what will ever be minted."""
    if not 0 < amount <= TOTAL_SUPPLY:
        raise ValueError(f"the faucet gives more than 0 and at most {TOTAL_SUPPLY} tokens, not {amount}")
    return _richer(state, coldkey, to_rao(amount))


def add_stake(state: State, *, coldkey: str, hotkey: str, amount: float) -> State:
    """The coldkey's tokens as stake on a hotkey, anybody's. Raises `Refused`."""
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


def adopted(state: State, *, hotkey: str, coldkey: str, stake: float) -> State:
    """The hotkey registered and with at least `stake` tokens on it, paid for by the faucet. Raises `Refused`.

    A hotkey that the chain knows stays with its coldkey.
    """
    if hotkey in state.hotkeys:
        coldkey = state.hotkeys[hotkey].coldkey
    if state.uid_of(hotkey) is None:
        state = register(_richer(state, coldkey, state.burn), coldkey=coldkey, hotkey=hotkey)
    missing = to_rao(stake) - state.stake_of(hotkey)
    if missing <= 0:
        return state
    return add_stake(_richer(state, coldkey, missing), coldkey=coldkey, hotkey=hotkey, amount=missing / RAO)


def _richer(state: State, coldkey: str, rao: int) -> State:
    return replace(state, balances={**state.balances, coldkey: state.balances.get(coldkey, 0) + rao})
