"""What a check of the doctor found."""

from typing import Literal

from msgspec import Struct

State = Literal["OK", "WARNING", "CRITICAL", "SKIPPED"]


class Result(Struct, frozen=True, kw_only=True):
    """`text` is what was found, in a line; `why` explains why it matters, `do` what to do about it.

    SKIPPED is what does not apply or could not be found out, which is not the same as bad.
    """

    name: str
    state: State
    text: str
    why: str = ""
    do: str = ""


def ok(name: str, text: str) -> Result:
    return Result(name=name, state="OK", text=text)


def skipped(name: str, text: str) -> Result:
    return Result(name=name, state="SKIPPED", text=text)


def warning(name: str, text: str, *, why: str, do: str) -> Result:
    return Result(name=name, state="WARNING", text=text, why=why, do=do)


def critical(name: str, text: str, *, why: str, do: str) -> Result:
    return Result(name=name, state="CRITICAL", text=text, why=why, do=do)


def advice_of(error: Exception) -> str:
    """What to do, as the last part of an error's own sentence says it."""
    advice = str(error).rpartition(": ")[2]
    return f"{advice[:1].upper()}{advice[1:]}."
