"""Retry-After: how many seconds a miner, or a model server, wants to be left alone. Untrusted input from both."""

from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_S = 365 * 86_400.0
"""A peer that wants to be left alone for longer is gone."""

WIDTH = 64
"""A date takes 29 characters; the date parser is not meant for text of any length."""


def seconds(said: str, *, now: float) -> float | None:
    """What the header says: seconds, or an instant, of which the unix time `now` is taken off. Never negative, never
    more than LONGEST_S. None where it says neither."""
    said = said[:WIDTH].strip(" \t")
    if said.isascii() and said.isdigit():
        return min(float(said), LONGEST_S)
    try:
        at = parsedate_to_datetime(said)
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    except Exception:  # the parser of dates fails in many ways on what is none
        return None
    return min(max(0.0, wait), LONGEST_S)
