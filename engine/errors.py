"""What the store raises, also through the protocols of the rooms that it serves."""


class StoreError(Exception):
    """A read or a write failed and left nothing behind; the next one may succeed."""


class StoreLocked(StoreError):
    """Another process holds the file for itself."""


class StoreUnusable(StoreError):
    """The file is damaged, cannot be opened or cannot be written: a person has to act."""


class StoreGone(StoreUnusable):
    """The file that is open no longer lies at its path: what is written to it nobody will find."""


TOLD_ELSEWHERE = (StoreGone, StoreLocked)
"""What the record watch tells of: whoever waits for the store meanwhile adds no line of its own."""
