"""When a subnet's epochs run: the chain keeps account of them, and runtimes before 2026 had a formula instead."""

from msgspec import Struct

from engine.chain.substrate.storage import SUBNETS, Storage, Values

KEPT = ("LastEpochBlock", "PendingEpochAt", "SubnetEpochIndex")
"""What the chain keeps, by netuid; a runtime has all of these or goes by the formula."""


class Schedule(Struct, frozen=True, kw_only=True):
    """The blocks of the last epoch and of the next one, as of one block, and how many blocks apart epochs are.

    `index` counts the epochs run. `pending` is the block of an epoch that the owner triggered, or 0.
    """

    last: int
    next: int
    length: int
    index: int
    pending: int = 0


def schedule_items(storage: Storage) -> tuple[str, ...]:
    """The items to read by netuid for `schedule_of`."""
    return ("Tempo", *(KEPT if storage.has(SUBNETS, KEPT[0]) else ()))


def schedule_of(stored: Values, netuid: int, block: int) -> Schedule:
    """The schedule as of this block, by what is stored there."""
    tempo = int(stored["Tempo"])
    if KEPT[0] not in stored:
        return _by_formula(tempo + 1, netuid, block)
    last, pending, index = (int(stored[name]) for name in KEPT)
    due = last + tempo
    soon = min(due, pending) if pending else due
    return Schedule(last=last, next=max(soon, block + 1), length=tempo, index=index, pending=pending)


def _by_formula(length: int, netuid: int, block: int) -> Schedule:
    """Epochs run where the block's number, the netuid and 1 add up to a multiple of `length`."""
    index, past = divmod(block + netuid + 1, length)
    return Schedule(last=max(0, block - past), next=block - past + length, length=length, index=index)
