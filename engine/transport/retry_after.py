"""Retry-After: how many seconds a miner or a model server asks to be left alone. Untrusted input from both."""

from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_S = 365 * 86_400.0
"""A peer that asks for longer counts as gone."""

WIDTH = 64
"""A date takes 29 characters; the date parser is not meant for text of any length."""


def seconds(said: str, *, now: float) -> float | None:
    """The header's seconds, or the time from the unix time `now` to its date; from 0 to LONGEST_S. None if it is
    neither."""
    said = said[:WIDTH].strip(" \t")
    if said.isascii() and said.isdigit():
        return min(float(said), LONGEST_S)
    try:
        at = parsedate_to_datetime(said)
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    except Exception:  # the date parser fails in many ways on invalid dates
        return None
    return min(max(0.0, wait), LONGEST_S)
