"""Retry-After, in every form."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.transport.retry_after import LONGEST_S, seconds

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("7", 7.0),
        (" 0\t", 0.0),
        ("9" * 5000, LONGEST_S),
        ("Tue, 01 Dec 2026 12:00:30 GMT", 30.0),
        ("Tue, 01 Dec 2026 12:00:30 -0000", 30.0),
        ("Tue, 01 Dec 2026 12:00:30", 30.0),
        ("Tue, 01 Dec 2026 13:00:30 +0100", 30.0),
        ("Tue, 01 Dec 2026 11:59:59 GMT", 0.0),
        ("Tue, 01 Dec 2099 11:59:59 GMT", LONGEST_S),
    ],
)
def test_seconds_and_instants_are_read(said: str, meant: float) -> None:
    assert seconds(said, now=NOW) == meant


@pytest.mark.parametrize(
    "said",
    [
        *("", "soon", "-5", "1e9", "nan", "inf", "5\x1c", "5\x85", "\xb2", "\u0663", "5 s"),
        "Fri, 99 Foo 9999 99:99:99 GMT",
        "Mon, 99 Foo 2026",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999",
    ],
)
def test_what_says_neither_is_none(said: str) -> None:
    assert seconds(said, now=NOW) is None


@given(st.text(max_size=100) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [-+A-Z]?\d*"))
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
def test_nothing_breaks_it_and_it_is_bounded(said: str) -> None:
    meant = seconds(said, now=NOW)
    assert meant is None or 0.0 <= meant <= LONGEST_S


@given(st.integers(min_value=0, max_value=int(LONGEST_S)))
def test_what_is_written_is_read(wait: int) -> None:
    instant = format_datetime(datetime.fromtimestamp(NOW + wait, UTC), usegmt=True)
    assert seconds(str(wait), now=NOW) == seconds(instant, now=NOW) == wait
