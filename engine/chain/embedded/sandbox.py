"""What only an embedded chain allows: tokens from a faucet, and setting up neurons without their keys."""

from typing import Protocol

from msgspec.structs import replace

from engine.chain.embedded.neurons import add_stake, register
from engine.chain.embedded.state import RAO, ChainState, to_rao

TOTAL_SUPPLY = 21_000_000
"""The total supply of tokens, as on the real chain."""


class Sandbox(Protocol):
    """The setup calls of an embedded chain, for the demo and neurons on it. No other chain has them.

    Every call may raise `ChainUnavailable`.
    """

    async def fund(self, coldkey: str, amount: float) -> None:
        """Give a coldkey tokens from the faucet."""
        ...

    async def adopt(self, hotkey: str, coldkey: str, *, stake: float = 0.0) -> None:
        """Register a hotkey and raise its stake to `stake` tokens, without its coldkey's signature, paid by the faucet.

        Does nothing that is already done. Raises `Refused`.
        """
        ...

    async def place(self, hotkey: str, ip: str, port: int) -> None:
        """Set a neuron's axon without its hotkey's signature, regardless of the rate limit. Raises `Refused`."""
        ...

    async def tick(self) -> int:
        """Make the next block now; returns its number."""
        ...


def fund(state: ChainState, *, coldkey: str, amount: float) -> ChainState:
    """The state with `amount` tokens minted for the coldkey, at most the total supply."""
    if not 0 < amount <= TOTAL_SUPPLY:
        raise ValueError(f"the faucet gives more than 0 and at most {TOTAL_SUPPLY} tokens, not {amount}")
    return _richer(state, coldkey, to_rao(amount))


def adopted(state: ChainState, *, hotkey: str, coldkey: str, stake: float) -> ChainState:
    """The state with the hotkey registered and at least `stake` tokens on it, paid by the faucet. Raises `Refused`.

    A hotkey that the chain already knows keeps its coldkey.
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
