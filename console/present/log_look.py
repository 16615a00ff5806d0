"""How an operator looks at the log, which is remembered for the next run."""

from typing import Literal

from msgspec import Struct

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LEVELS: tuple[Level, ...] = Level.__args__  # type: ignore[attr-defined]
"""The lowest level shown can be any of these."""


class LogLook(Struct, frozen=True):
    """What of the log is shown. `source` is a logger's name or its first parts, "" for all."""

    level: Level = "DEBUG"
    source: str = ""
    find: str = ""
    wrap: bool = False
