"""What only a chain of one's own allows: tokens from a faucet, and neurons set up whatever keys are at hand."""

from typing import Protocol

from msgspec.structs import replace

from engine.chain.embedded.neurons import add_stake, register
from engine.chain.embedded.state import RAO, ChainState, to_rao

TOTAL_SUPPLY = 21_000_000
"""Tokens that will ever be minted, as on the real chain."""


class Sandbox(Protocol):
    """An embedded chain as the demo and a neuron on it set themselves up. No other chain has any of this.

    Each may raise `ChainUnavailable`.
    """

    async def fund(self, coldkey: str, amount: float) -> None:
        """The faucet: give tokens to a coldkey."""
        ...

    async def adopt(self, hotkey: str, coldkey: str, *, stake: float = 0.0) -> None:
        """Register a hotkey and stake on it up to `stake` tokens, without its coldkey's signature, paid by the faucet.

        Does nothing for what is so already. Raises `Refused`.
        """
        ...

    async def place(self, hotkey: str, ip: str, port: int) -> None:
        """Set the axon of a neuron without its hotkey's signature, whatever the rate limit. Raises `Refused`."""
        ...

    async def tick(self) -> int:
        """Make the next block now; returns its number."""
        ...


def fund(state: ChainState, *, coldkey: str, amount: float) -> ChainState:
    """The coldkey richer by `amount` tokens out of nothing, at most what will ever be minted."""
    if not 0 < amount <= TOTAL_SUPPLY:
        raise ValueError(f"the faucet gives more than 0 and at most {TOTAL_SUPPLY} tokens, not {amount}")
    return _richer(state, coldkey, to_rao(amount))


def adopted(state: ChainState, *, hotkey: str, coldkey: str, stake: float) -> ChainState:
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


def _richer(state: ChainState, coldkey: str, rao: int) -> ChainState:
    return replace(state, balances={**state.balances, coldkey: state.balances.get(coldkey, 0) + rao})
