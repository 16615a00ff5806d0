"""Averages: by hand, incrementally against recomputing everything, and what is refused and forgotten."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.weights import averages as module
from engine.weights.averages import AverageBook, Exponential, Rule, Windowed, average

EMISSIONS = st.floats(-2, 2, allow_nan=False)
ALPHAS = st.sampled_from([0.05, 0.3, 0.9, 1.0])
COUNTS = st.sampled_from([1, 10, 32])
RULES: list[Rule] = [Exponential(alpha=0.3), Windowed(count=10)]


def test_exponential_by_hand() -> None:
    rule = Exponential(alpha=0.3)
    assert rule.fold([]) is None
    assert rule.fold([0.8]) == 0.8
    assert rule.fold([1.0, 0.0, 0.5]) == pytest.approx(0.3 * 0.5 + 0.7 * 0.7)
    assert Exponential(alpha=1.0).fold([1.0, 2.0, 3.0]) == 3.0


def test_windowed_by_hand_counts_what_is_missing_as_nothing() -> None:
    rule = Windowed(count=10)
    assert rule.fold([]) is None
    assert rule.fold([1.0, 1.0]) == 0.2, "what the template gives for two perfect answers"
    assert rule.fold([0.0, *[1.0] * 10]) == 1.0
    assert Windowed(count=32).fold([1.0] * 16) == 0.5


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_refused_and_changes_nothing(rule: Rule, bad: float) -> None:
    book = AverageBook(rule)
    book.add("a", 1.0, 0.5)
    before = book.value("a", 2.0)
    with pytest.raises(ValueError, match="finite"):
        book.add("a", 2.0, bad)
    assert book.value("a", 2.0) == before
    assert book.history("a") == (before,)


def test_rules_are_checked() -> None:
    for alpha in (0.0, -0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="alpha"):
            Exponential(alpha=alpha)
    with pytest.raises(ValueError, match="at least 1"):
        Windowed(count=0)
    with pytest.raises(ValueError, match="window"):
        Exponential(window_s=0)
    with pytest.raises(ValueError, match="window"):
        Windowed(window_s=math.nan)


def test_a_rule_that_names_nothing_is_the_fields_own() -> None:
    assert Exponential() == Exponential(alpha=0.3, window_s=24 * 3600.0)
    assert Windowed() == Windowed(count=10, window_s=24 * 3600.0)


def test_how_many_samples_decide() -> None:
    assert Exponential(alpha=0.3).depth == 104
    assert Exponential(alpha=1.0).depth == 1
    assert 0.7**104 < 1e-16 < 0.7**103
    assert Windowed(count=32).depth == 32


@given(st.lists(EMISSIONS, min_size=1, max_size=400), st.one_of(ALPHAS, COUNTS))
def test_step_by_step_is_exactly_folding_all(emissions: list[float], setting: float) -> None:
    rule: Rule = Windowed(count=setting) if isinstance(setting, int) else Exponential(alpha=setting)
    book = AverageBook(rule)
    for at, emission in enumerate(emissions):
        book.add("a", float(at), emission)
        assert book.history("a")[-1] == rule.fold(emissions[: at + 1])
    assert book.value("a", float(len(emissions))) == rule.fold(emissions)


@given(
    st.lists(st.tuples(st.floats(0, 40), EMISSIONS), min_size=1, max_size=60),
    st.sampled_from([Exponential(alpha=0.3, window_s=100), Windowed(count=10, window_s=100)]),
    st.floats(0, 150),
)
def test_with_samples_that_expire_it_is_still_the_fold_of_the_window(
    steps: list[tuple[float, float]], rule: Rule, later: float
) -> None:
    book, samples, at = AverageBook(rule), [], 1000.0
    for pause, emission in steps:
        at += pause
        samples.append((at, emission))
        book.add("a", at, emission)
        expected = average(rule, samples, at)
        assert expected is not None
        assert book.value("a", at) == book.history("a")[-1] == pytest.approx(expected, abs=1e-12)
    assert book.value("a", at + later) == pytest.approx(average(rule, samples, at + later), abs=1e-12)


def test_the_window_forgets() -> None:
    book = AverageBook(Exponential(alpha=0.3, window_s=100))
    book.add("a", 0.0, 1.0)
    book.add("a", 60.0, 0.0)
    assert book.value("a", 99.0) == pytest.approx(0.7)
    assert book.value("a", 100.0) == 0.0
    assert book.value("a", 160.0) is None
    assert book.value("stranger", 0.0) is None
    book.add("a", 170.0, 0.5)
    assert book.value("a", 170.0) == 0.5


def test_hotkeys_do_not_mix_and_history_keeps_the_last_twenty() -> None:
    book = AverageBook(Exponential(alpha=0.3))
    for at in range(30):
        book.add("a", at, 1.0 if at < 29 else 0.0)
        book.add("b", at, 0.25)
    assert book.history("a") == (*[1.0] * 19, pytest.approx(0.7))
    assert book.history("b") == (0.25,) * 20
    assert book.history("stranger") == ()


def test_memory_stays_bounded() -> None:
    book = AverageBook(Exponential(alpha=0.3, window_s=1000))
    for at in range(5000):
        book.add("steady", at, 0.5)
        book.add(f"passing-{at}", at, 0.5)
    assert module.MANY_HOTKEYS - 10 < len(book._tracks) <= module.MANY_HOTKEYS
    assert len(book._tracks["steady"].samples) == 104
    assert book.value("steady", 5000) == 0.5


def test_where_hotkeys_are_many_only_those_without_a_sample_in_the_window_are_forgotten() -> None:
    book = AverageBook(Exponential(alpha=0.3, window_s=1000))
    for number in range(module.MANY_HOTKEYS):
        book.add(f"m{number}", 99.0, 0.5)
        book.add(f"m{number}", 100.0 + number % 2, 0.5)
    book.add("new", 1100.0, 0.5)
    assert set(book._tracks) == {"new", *(f"m{number}" for number in range(1, module.MANY_HOTKEYS, 2))}
    assert book.history("m0") == ()
    assert book.history("m1") == (0.5, 0.5)


@pytest.mark.parametrize("rule", RULES)
def test_a_book_that_is_loaded_again_continues_where_it_was(rule: Rule) -> None:
    stored = [(float(at), math.sin(at)) for at in range(150)]
    book, rebuilt = AverageBook(rule), AverageBook(rule)
    for at, emission in stored:
        book.add("a", at, emission)
    for at, emission in stored[-rule.depth :]:
        rebuilt.add("a", at, emission)
    for target in (book, rebuilt):
        target.add("a", 150.0, 0.5)
    assert rebuilt.value("a", 150.0) == pytest.approx(book.value("a", 150.0), abs=1e-15)
    assert rebuilt.history("a")[-1:] == pytest.approx(book.history("a")[-1:], abs=1e-15)


def test_a_sample_costs_no_fold_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    folds: list[object] = []
    monkeypatch.setattr(module, "average", lambda *given: folds.append(given))
    book = AverageBook(Exponential(alpha=0.3))
    for at in range(1000):
        book.add("a", float(at), 0.5)
        assert book.value("a", float(at)) == 0.5
    assert folds == []
    assert all(newer == older for older, newer in pairwise(book.history("a")))
