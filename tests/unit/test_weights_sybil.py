"""The penalty for suspected sybils: its known answers, its bound, and that it takes but never gives."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sybil.penalties import HARD, KEPT, penalise

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "loosh_weights.json").read_text())
SUSPICION = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1))
SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 10))


@pytest.mark.parametrize("name", ["sybil_soft_valve", "sybil_none"])
def test_known_answers(name: str) -> None:
    case = KNOWN[name]
    done = penalise(case["ema"], case["sybil"], case["serving"])
    assert done.scores == pytest.approx(case["out"], abs=1e-12)
    assert (len(done.penalised), bool(done.spared)) == (case["penalized"], case["safety"])


def test_the_most_suspected_are_penalised_and_the_rest_are_named() -> None:
    done = penalise(dict.fromkeys("abcd", 1.0), {"a": 0.2, "b": 0.5, "c": 0.4, "d": 0.05}, serving=7)
    assert done.scores == pytest.approx({"a": 1.0, "b": 0.5, "c": 0.6, "d": 1.0})
    assert (done.penalised, done.spared) == (("b", "c"), ("a",))


def test_strong_suspicion_knows_no_bound() -> None:
    suspicion = {"a": 0.60, "b": 0.95, "c": 1.0, "d": 0.59, "e": 0.58}
    done = penalise(dict.fromkeys("abcde", 1.0), suspicion, serving=3)
    assert done.scores == pytest.approx({"a": 0.4, "b": KEPT, "c": KEPT, "d": 0.41, "e": 1.0})
    assert done.spared == ("e",)


def test_what_is_no_number_is_no_suspicion() -> None:
    scores = {"a": 1.0, "b": 1.0}
    assert penalise(scores, {"a": math.nan, "b": math.inf}, serving=2).scores == scores


def test_a_hint_of_suspicion_costs_nothing_and_a_tenth_costs_a_tenth() -> None:
    done = penalise({"a": 1.0, "b": 1.0}, {"a": 0.1, "b": 0.099}, serving=9)
    assert done.scores == pytest.approx({"a": 0.9, "b": 1.0})
    assert (done.penalised, done.spared) == (("a",), ())


def test_who_has_no_score_takes_no_place_under_the_bound() -> None:
    assert penalise({"a": 0.0, "b": 1.0}, {"a": 0.5, "b": 0.3}, serving=3).penalised == ("b",)


@given(SCORES, SUSPICION, st.integers(0, 300))
def test_it_takes_within_its_bounds(scores: dict[str, float], suspicion: dict[str, float], serving: int) -> None:
    done = penalise(scores, suspicion, serving)
    assert done.scores.keys() == scores.keys()
    for hotkey, score in scores.items():
        assert KEPT * score - 1e-9 <= done.scores[hotkey] <= score
    soft = [hotkey for hotkey in done.penalised if suspicion[hotkey] < HARD]
    assert len(soft) <= max(1, serving // 3)
