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


def is_met(look: Look) -> bool:
    """Whether weights were set or committed in the present window, which opened with the last epoch.

    A registration moves LastUpdate too, but leaves neither weights nor a commit.
    """
    own = look.own
    return own is not None and own.last_update >= look.last_epoch and bool(look.weights or look.commits)


class Windows:
    """Counts the windows that end while this hotkey is registered: those with weights of ours, and those without.

    A first window without weights does not count: we may have come when all but a block of it was over.
    """

    def __init__(self) -> None:
        self.set = 0
        self.missed = 0
        self._opened = self._epochs = 0
        self._watches = self._was_met = False
        self._is_first = True

    def see(self, look: Look) -> None:
        """Take in a look at the chain, which may be many windows after the last one."""
        own, opened = look.own, look.last_epoch
        if own is None:
            self._watches, self._was_met, self._is_first = False, False, True
            return
        if self._watches and opened > self._opened:
            is_late = bool(look.weights or look.commits) and self._opened <= own.last_update < opened
            met = self._was_met or is_late
            self.set += met
            self.missed += max(1, look.epoch_index - self._epochs) - (met or self._is_first)
            self._was_met = self._is_first = False
        self._watches, self._opened, self._epochs = True, opened, look.epoch_index
        self._was_met = self._was_met or is_met(look)


def wait_for_window(look: Look) -> Wait | None:
    """The wait until weights are due, in the last quarter of each window from one epoch to the next; None if due."""
    opened, length, own = look.last_epoch, look.next_epoch - look.last_epoch, look.own
    first = opened + int(SET_FROM * length)
    if own is not None and is_met(look):
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
