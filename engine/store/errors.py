"""What can go wrong with the store, said so that an operator knows which file it is and what to do."""

from pathlib import Path

from engine.errors import StoreError, StoreLocked, StoreUnusable
from engine.files import Damaged, damage
from engine.sqlite import Kind, failure_of

PUT_BACK = "put a copy of it back, or move it away to start afresh"


class StoreFull(StoreError):
    """No space left for what was to be written."""


class StoreDamaged(StoreUnusable, Damaged):
    """The file holds what no version of this program writes."""


class StoreOld(StoreUnusable):
    """The file was written by an older version; the engine brings it up to date when it starts."""


class StoreTooNew(StoreError):
    """The file was written by a newer version of this program."""


class BadRow(Exception):
    """A row that this program did not write. The caller that knows the file raises it again as `StoreDamaged`."""


_KINDS: dict[Kind, type[StoreError]] = {
    "full": StoreFull,
    "locked": StoreLocked,
    "disk": StoreError,
    "closed": StoreUnusable,
    "damaged": StoreDamaged,
    "other": StoreError,
}


def store_error(error: Exception, path: Path) -> StoreError:
    """SQLite's error on the file `path`, in our words."""
    kind, sentence = failure_of(error, path)
    return _KINDS[kind](sentence)


def bad_row(error: BadRow, path: Path) -> StoreDamaged:
    """The error of the store for a row that this program did not write."""
    return StoreDamaged(damage(path, f"a row in it was not written by this program ({error})", PUT_BACK))
