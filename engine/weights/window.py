"""When weights are due: once per window, as soon as the chain would accept them."""

from msgspec import Struct

from engine.chain.interface import Look

SET_FROM = 0.75
"""The share of a window that passes before weights are set: late enough for fresh scores, early enough to land."""


class Wait(Struct, frozen=True):
    """Nothing is due before block `until`: `what` names what we wait for, `reason` explains.

    If the chain would refuse, the reason begins with its error name.
    """

    until: int
    what: str
    reason: str


def wait_for_window(look: Look) -> Wait | None:
    """The wait until weights are due, in the last quarter of each window from one epoch to the next; None if due now.

    A registration moves LastUpdate too, but leaves neither weights nor a commit.
    """
    opened, length, own = look.last_epoch, look.next_epoch - look.last_epoch, look.own
    first = opened + int(SET_FROM * length)
    if own is not None and own.last_update >= opened and (look.weights or look.commits):
        again = first + length
        return Wait(again, "the next window", f"set at block {own.last_update}; due again from block {again}")
    return Wait(first, "the window", f"due from block {first}") if look.block < first else None


def wait_for_rules(look: Look) -> Wait | None:
    """Why the chain would refuse weights at this block; None if it would accept them."""
    own, rules = look.own, look.rules
    if own is None:
        return Wait(look.block + 1, "a uid", "HotKeyNotRegisteredInSubNet: this hotkey has no uid")
    left = own.last_update + rules.weights_rate_limit - look.block if own.last_update else 0
    if left > 0:
        error = "CommittingWeightsTooFast" if rules.commit_reveal else "SettingWeightsTooFast"
        return Wait(look.block + left, "the rate limit", f"{error}: {left} blocks left")
    if not own.validator_permit:
        reason = f"NeuronNoValidatorPermit: permits are next assigned at block {look.next_epoch}"
        return Wait(look.next_epoch, "a validator permit", reason)
    return None
