"""Who is penalised: shown before it is applied, bounded, waived by the operator, and kept in the plan."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chain.interface import Look
from engine.snapshot import PenaltyRule, PenaltyState
from engine.sybil.penalties import KEPT, Penalty, Standing, apply_penalties, next_standings, penalty_of_each
from engine.values import Metagraph, Neuron
from engine.weights.plan import HotkeyScore, plan_weights

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "loosh_weights.json").read_text())
"""What the Loosh validator made of weak suspicions, which it bounds; it does not bound strong ones."""

SCORES = tuple(HotkeyScore(hotkey=name, score=1.0, last_answer_at=1_000.0) for name in "abcdefghij")
SUSPICION = {"a": 0.9, "b": 0.7}


def decided(
    standings: dict[str, Standing],
    *,
    rule: PenaltyRule = "apply",
    suspicion: dict[str, float] = SUSPICION,
    share: float = 0.33,
    window: int = 200,
) -> dict[str, Penalty]:
    found = penalty_of_each(SCORES, suspicion, standings, rule=rule, share=share, serving=len(SCORES), window=window)
    return {penalty.hotkey: penalty for penalty in found}


def states(found: dict[str, Penalty]) -> dict[str, PenaltyState]:
    return {hotkey: penalty.state for hotkey, penalty in found.items()}


@pytest.mark.parametrize("name", ["sybil_soft_valve", "sybil_none"])
def test_known_answers(name: str) -> None:
    case = KNOWN[name]
    scores = tuple(HotkeyScore(hotkey=hotkey, score=score) for hotkey, score in case["ema"].items())
    shown = dict.fromkeys(case["sybil"], Standing(shown=1))
    found = penalty_of_each(scores, case["sybil"], shown, rule="apply", share=0.33, serving=case["serving"], window=2)
    left = {entry.hotkey: entry.score for entry in apply_penalties(scores, found)}
    assert left == pytest.approx(case["out"], abs=1e-12)
    assert sum(penalty.state == "applied" for penalty in found) == case["penalized"]
    assert any(penalty.state == "spared" for penalty in found) == case["safety"]


def test_a_penalty_is_applied_only_after_the_window_in_which_it_was_first_shown() -> None:
    shown = next_standings({}, SUSPICION, "apply", 100)
    assert shown == {"a": Standing(shown=100), "b": Standing(shown=100)}
    assert states(decided(shown, window=100)) == {"a": "planned", "b": "planned"}
    assert states(decided(shown, window=200)) == {"a": "applied", "b": "applied"}
    assert next_standings(shown, SUSPICION, "apply", 200) == shown


def test_who_is_suspected_no_more_must_be_shown_again() -> None:
    assert next_standings({"a": Standing(shown=100)}, {"a": 0.49}, "apply", 200) == {}
    assert next_standings({"a": Standing(shown=100)}, {}, "apply", 200) == {}
    assert next_standings({"a": Standing(shown=100)}, SUSPICION, "off", 200) == {}
    assert next_standings({"a": Standing(held=True, shown=100)}, {}, "apply", 200) == {"a": Standing(held=True)}


def test_a_suspicion_that_hovers_around_the_verdict_does_not_start_again() -> None:
    standings = next_standings({}, {"a": 0.59}, "apply", 100)
    assert standings == {}
    for window, suspicion in ((200, 0.61), (300, 0.59), (400, 0.5), (500, 0.6)):
        standings = next_standings(standings, {"a": suspicion}, "apply", window)
    assert standings == {"a": Standing(shown=200)}
    assert states(decided(standings, suspicion={"a": 0.6}, window=500)) == {"a": "applied"}


@given(st.lists(st.floats(0, 1), max_size=30))
def test_nobody_is_penalised_who_was_not_shown_under_a_verdict_in_an_earlier_window(course: list[float]) -> None:
    standings: dict[str, Standing] = {}
    verdict_in = None
    for window, suspicion in enumerate(course):
        standings = next_standings(standings, {"a": suspicion}, "apply", window)
        verdict_in = None if suspicion < 0.5 else window if verdict_in is None and suspicion >= 0.6 else verdict_in
        assert standings == ({} if verdict_in is None else {"a": Standing(shown=verdict_in)})


def test_suspects_are_told_the_worst_first_and_cost_what_they_have() -> None:
    scores = (HotkeyScore(hotkey="poor", score=0.0), HotkeyScore(hotkey="rich", score=2.0))
    suspicion = {"poor": 0.9, "absent": 0.95, "rich": 0.75, "also": 0.75}
    found = penalty_of_each(scores, suspicion, {}, rule="show", share=1.0, serving=9, window=1)
    assert found == (
        Penalty(hotkey="absent", suspicion=0.95, takes=0.0, state="shown"),
        Penalty(hotkey="poor", suspicion=0.9, takes=0.0, state="shown"),
        Penalty(hotkey="also", suspicion=0.75, takes=0.0, state="shown"),
        Penalty(hotkey="rich", suspicion=0.75, takes=0.75, state="shown"),
    )


def test_only_the_rule_apply_touches_a_score() -> None:
    old = dict.fromkeys("ab", Standing(shown=1))
    for rule, state in (("off", "off"), ("show", "shown")):
        found = decided(old, rule=rule)  # type: ignore[arg-type]
        assert states(found) == {"a": state, "b": state}
        assert apply_penalties(SCORES, tuple(found.values())) == SCORES
    assert decided(old, rule="show")["b"].takes == pytest.approx(0.7)


def test_what_is_applied_is_taken_and_said() -> None:
    found = decided(dict.fromkeys("ab", Standing(shown=1)))
    a, b, c, *_ = apply_penalties(SCORES, tuple(found.values()))
    assert (a.score, a.penalty) == pytest.approx((0.2, 0.8))
    assert (b.score, b.penalty) == pytest.approx((0.3, 0.7))
    assert c == SCORES[2]


def test_a_fifth_of_the_score_is_left_and_who_has_none_takes_no_place_under_the_bound() -> None:
    scores = (HotkeyScore(hotkey="poor", score=0.0), HotkeyScore(hotkey="rich", score=2.0))
    suspicion, shown = {"poor": 1.0, "rich": 0.95}, dict.fromkeys(("poor", "rich"), Standing(shown=1))
    found = penalty_of_each(scores, suspicion, shown, rule="apply", share=0.33, serving=3, window=2)
    assert [(one.hotkey, one.state, one.takes) for one in found] == [
        ("poor", "applied", 0.0),
        ("rich", "applied", 1 - KEPT),
    ]
    assert [entry.score for entry in apply_penalties(scores, found)] == pytest.approx([0.0, 2.0 * KEPT])


def test_the_held_are_spared_and_take_no_place_under_the_bound() -> None:
    suspicion = {name: 0.9 - place / 100 for place, name in enumerate("abcde")}
    standings = {name: Standing(held=name == "a", shown=1) for name in "abcde"}
    assert states(decided(standings, suspicion=suspicion)) == {
        "a": "held", "b": "applied", "c": "applied", "d": "applied", "e": "spared"
    }  # fmt: skip


def test_a_hold_is_shown_for_as_long_as_it_is_there() -> None:
    standings = next_standings({"j": Standing(held=True, shown=1)}, SUSPICION, "apply", 100)
    rules: tuple[PenaltyRule, ...] = ("off", "show", "apply")
    for rule in rules:
        found = decided(standings, rule=rule)
        assert (found["j"].state, found["j"].suspicion, found["j"].takes) == ("held", 0.0, 0.0)
        assert list(found) == ["a", "b", "j"]


def test_the_bound_holds_however_strong_the_suspicion_is() -> None:
    standings = {name: Standing(shown=1) for name in "abcdefghij"}
    found = decided(standings, suspicion=dict.fromkeys("abcdefghij", 1.0), share=0.5)
    assert sum(penalty.state == "applied" for penalty in found.values()) == 5
    assert sum(penalty.state == "spared" for penalty in found.values()) == 5


@given(
    st.dictionaries(st.sampled_from("abcdefghij"), st.floats(0.6, 1)),
    st.dictionaries(st.sampled_from("abcdefghij"), st.builds(Standing, st.booleans(), st.none() | st.integers(0, 300))),
    st.sampled_from(("off", "show", "apply")),
)
def test_a_penalty_takes_within_its_bounds(
    suspicion: dict[str, float], standings: dict[str, Standing], rule: PenaltyRule
) -> None:
    found = decided(standings, suspicion=suspicion, rule=rule)
    held = {hotkey for hotkey, standing in standings.items() if standing.held}
    assert found.keys() == suspicion.keys() | held
    assert {hotkey for hotkey, penalty in found.items() if penalty.state == "held"} == held
    left = apply_penalties(SCORES, tuple(found.values()))
    touched = [entry.hotkey for entry, before in zip(left, SCORES, strict=True) if entry != before]
    assert len(touched) <= 3
    assert all(0.2 - 1e-9 <= entry.score <= 1 for entry in left)
    assert not any(standings.get(hotkey, Standing()).held for hotkey in touched)


def test_the_plan_says_what_was_taken() -> None:
    neurons = tuple(Neuron(uid=uid, hotkey=name, coldkey="c", ip="192.0.2.1", port=1) for uid, name in enumerate("abv"))
    scores = apply_penalties(SCORES, (Penalty(hotkey="a", suspicion=0.75, takes=0.75, state="applied"),))
    look = Look(hotkey="v", metagraph=Metagraph(netuid=1, block=50, neurons=neurons), next_epoch=100)
    plan = plan_weights(look, scores, now=1_000.0)
    assert [(row.hotkey, row.weight, row.penalty) for row in plan.rows] == [("a", 0.2, 0.75), ("b", 0.8, 0.0)]
