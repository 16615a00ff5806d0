"""The last lines of the log."""

from msgspec import Struct


class LogLine(Struct, frozen=True):
    """One record as it is stored and shown: cleaned, redacted and bounded. Its text may hold a traceback, line by line.

    `at` is unix time.
    """

    at: float
    level: str
    logger: str
    text: str


class LogTail(Struct, frozen=True):
    """The last records, oldest first. `first` is the number of the first one, counted from 0; `lost` were dropped."""

    first: int
    lines: tuple[LogLine, ...]
    lost: int
