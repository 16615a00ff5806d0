"""What is counted for each hotkey, for as long as it is known."""

from msgspec import Struct


class Tally(Struct, frozen=True, kw_only=True):
    """How often a hotkey was asked (`rounds`) and how that went. Times are None while there was none.

    Replies that we cancelled ourselves are not counted.
    """

    rounds: int = 0
    answered: int = 0
    failed: int = 0
    failures_in_a_row: int = 0
    last_answer_at: float | None = None
    last_emission: float | None = None
