"""The EMA: by hand, against folding everything, and what it refuses and forgets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.weights import ema as module
from engine.weights.ema import EmaBook, ema, samples_that_matter

EMISSIONS = st.floats(-2, 2, allow_nan=False)


def test_by_hand() -> None:
    assert ema([], 0.3) is None
    assert ema([0.8], 0.3) == 0.8
    assert ema([1.0, 0.0, 0.5], 0.3) == pytest.approx(0.3 * 0.5 + 0.7 * 0.7)
    assert ema([1.0, 2.0, 3.0], 1.0) == 3.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_and_changes_nothing(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        ema([1.0, bad], 0.3)
    book = EmaBook()
    book.add("a", 1.0, 0.5)
    with pytest.raises(ValueError, match="finite"):
        book.add("a", 2.0, bad)
    assert book.value("a", 2.0) == 0.5
    assert book.history("a") == (0.5,)


def test_settings_are_checked() -> None:
    for alpha in (0.0, -0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="alpha"):
            EmaBook(alpha=alpha)
    with pytest.raises(ValueError, match="window"):
        EmaBook(window_s=0)


def test_how_many_samples_matter() -> None:
    assert samples_that_matter(0.3) == 104
    assert samples_that_matter(1.0) == 1
    assert 0.7**104 < 1e-16 < 0.7**103


@given(st.lists(EMISSIONS, min_size=1, max_size=400), st.sampled_from([0.05, 0.3, 0.9, 1.0]))
def test_the_book_equals_folding_all(emissions: list[float], alpha: float) -> None:
    book = EmaBook(alpha=alpha)
    for at, emission in enumerate(emissions):
        book.add("a", float(at), emission)
    assert book.value("a", float(len(emissions))) == pytest.approx(ema(emissions, alpha), abs=1e-12)


def test_the_window_forgets() -> None:
    book = EmaBook(window_s=100)
    book.add("a", 0.0, 1.0)
    book.add("a", 60.0, 0.0)
    assert book.value("a", 99.0) == pytest.approx(0.7)
    assert book.value("a", 100.0) == 0.0
    assert book.value("a", 160.0) is None
    assert book.value("stranger", 0.0) is None


def test_hotkeys_do_not_mix_and_history_keeps_the_last_twenty() -> None:
    book = EmaBook()
    for at in range(30):
        book.add("a", at, 1.0 if at < 29 else 0.0)
        book.add("b", at, 0.25)
    assert book.history("a") == (*[1.0] * 19, pytest.approx(0.7))
    assert book.history("b") == (0.25,) * 20
    assert book.history("stranger") == ()


def test_memory_stays_bounded() -> None:
    book = EmaBook(window_s=1000)
    for at in range(5000):
        book.add("steady", at, 0.5)
        book.add(f"passing-{at}", at, 0.5)
    assert len(book._tracks) <= module.MANY_HOTKEYS
    assert len(book._tracks["steady"].samples) == 104
    assert book.value("steady", 5000) == 0.5


def test_a_book_fed_anew_goes_on_where_it_was() -> None:
    stored = [(float(at), math.sin(at)) for at in range(150)]
    book, rebuilt = EmaBook(), EmaBook()
    for at, emission in stored:
        book.add("a", at, emission)
    for at, emission in stored[-120:]:
        rebuilt.add("a", at, emission)
    for target in (book, rebuilt):
        target.add("a", 150.0, 0.5)
    assert rebuilt.value("a", 150.0) == book.value("a", 150.0)
    assert rebuilt.history("a") == pytest.approx(book.history("a"), abs=1e-12)
