"""Times as people write them."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.instants import LATEST, instant

NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11:05", "2026-11-22T11:05:00"),
        ("11:05:30", "2026-11-22T11:05:30"),
        ("9:05", "2026-11-22T09:05:00"),
        ("14:05", "2026-11-21T14:05:00"),
        ("2026-11-20 14:05", "2026-11-20T14:05:00"),
        ("2026-11-20T14:05:59", "2026-11-20T14:05:59"),
        ("2026-11-20", "2026-11-20T00:00:00"),
        ("2026-11-20T14:05Z", "2026-11-20T14:05:00"),
        ("2026-11-20T14:05+02:00", "2026-11-20T12:05:00"),
        ("-10m", "2026-11-22T11:50:30"),
        ("2h", "2026-11-22T10:00:30"),
        ("-30s", "2026-11-22T12:00:00"),
        ("-1d", "2026-11-21T12:00:30"),
        ("now", "2026-11-22T12:00:30"),
    ],
)
def test_every_form_is_understood(text: str, expected: str) -> None:
    assert instant(text, now=NOON, zone=UTC) == datetime.fromisoformat(expected).replace(tzinfo=UTC).timestamp()


def test_ages_and_times_of_day_are_those_of_where_one_stands() -> None:
    day_before = NOON - 86400
    assert instant("-1h", now=NOON, base=day_before, zone=UTC) == day_before - 3600
    assert (
        instant("14:05", now=NOON, base=day_before, zone=UTC) == datetime(2026, 11, 21, 14, 5, tzinfo=UTC).timestamp()
    )
    assert instant("now", now=NOON, base=day_before, zone=UTC) == NOON


def test_without_an_offset_it_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Etc/GMT-3")
    time.tzset()
    try:
        assert instant("14:05", now=NOON) == datetime(2026, 11, 22, 11, 5, tzinfo=UTC).timestamp()
        assert instant("2026-11-20 14:05", now=NOON) == datetime(2026, 11, 20, 11, 5, tzinfo=UTC).timestamp()
        assert instant("2026-11-20 14:05Z", now=NOON) == datetime(2026, 11, 20, 14, 5, tzinfo=UTC).timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "14:60", "14", "-10", "10w", "--1h", "2026-13-01", " now", "1e9"]
)
def test_an_invalid_time_is_answered_with_all_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time: use 14:05, 14:05:30, 2026-01-31 14:05, .* or now"):
        instant(text, now=NOON, zone=UTC)


def test_what_no_clock_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="not between 1970 and 9999"):
        instant("999999999d", now=NOON, zone=UTC)


@given(st.text(max_size=30) | st.from_regex(r"-?[0-9:.TZ+ -]{1,25}[smhd]?", fullmatch=True))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    for zone in (UTC, None):
        try:
            found = instant(text, now=NOON, zone=zone)
        except ValueError as error:
            assert str(error)
        else:
            assert 0 <= found <= LATEST
