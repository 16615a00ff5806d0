"""Actions that write to the chain, or decide whether the engine does. None of them is one key from a list."""

from functools import partial

from console.actions.action import Action, Level
from engine.snapshot import Snapshot

READ_ONLY = "not while --read-only is on"

_chain = partial(Action, context="chain", group="act", keys=())


def _weights_possible(snapshot: Snapshot) -> str:
    if snapshot.role == "miner":
        return "a miner sets no weights"
    if snapshot.read_only:
        return READ_ONLY
    if not snapshot.chain.registered:
        return "this hotkey is not registered"
    return ""


def _set_weights_possible(snapshot: Snapshot) -> str:
    chain = snapshot.chain
    if chain.next_weights_block > chain.block:
        return f"the chain's rate limit: wait {chain.next_weights_block - chain.block} more blocks"
    return _weights_possible(snapshot)


def _auto_is_off(snapshot: Snapshot) -> str:
    return _weights_possible(snapshot) or ("" if snapshot.auto_weights else "it is off already")


def _auto_is_on(snapshot: Snapshot) -> str:
    return _weights_possible(snapshot) or ("it is on already" if snapshot.auto_weights else "")


ACTIONS = (
    _chain(
        id="chain.set_weights",
        label="set weights…",
        about="Submit the planned weights now.",
        level=Level.TYPED,
        why_not=_set_weights_possible,
    ),
    _chain(
        id="chain.auto_on",
        label="set weights by itself",
        about="Let the engine set weights in each window.",
        level=Level.TOLD,
        why_not=_auto_is_on,
    ),
    _chain(
        id="chain.auto_off",
        label="stop setting weights by itself",
        about="Keep the engine from setting weights.",
        level=Level.TOLD,
        why_not=_auto_is_off,
    ),
)
