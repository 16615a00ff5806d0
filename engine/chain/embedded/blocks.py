"""The next block: the price of registration falls, and an epoch runs when it is due."""

from msgspec.structs import replace

from engine.chain.embedded.epoch import run_epoch
from engine.chain.embedded.registration import decayed_burn
from engine.chain.embedded.state import State


def next_block(state: State) -> State:
    """The state one block on. An epoch is due when block - LastEpochBlock >= Tempo."""
    state = replace(state, block=state.block + 1, burn=decayed_burn(state.burn))
    return run_epoch(state) if state.block >= next_epoch(state) else state


def next_epoch(state: State) -> int:
    """The block in which the next epoch runs."""
    return state.last_epoch + state.rules.tempo
