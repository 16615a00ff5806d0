"""Plans: who gets weight, who is dropped, how numbers become u16, and when nothing should be set."""

import json
import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.chain.interface import Look
from engine.validator.planner import WeightPlanner
from engine.validator.round_log import Tally
from engine.validator.scores import Scores
from engine.values import Hyperparameters, Metagraph, Neuron, max_upscale
from engine.weights.averages import Exponential
from engine.weights.plan import (
    Basis,
    HotkeyScore,
    Mode,
    WeightPlan,
    fresh_scores,
    mode_after,
    plan_weights,
)
from tests.unit.engine_helpers import a_feed

NOW = 1_800_000_000.0
HOUR = 3600.0
LOOSH = json.loads((Path(__file__).parents[1] / "data" / "loosh_weights.json").read_text())


def neuron(uid: int, hotkey: str, *, ip: str = "192.0.2.1", port: int = 9000, last_update: int = 100) -> Neuron:
    return Neuron(uid=uid, hotkey=hotkey, coldkey="c", ip=ip, port=port, last_update=last_update)


def metagraph(*hotkeys: str, block: int = 200) -> Metagraph:
    """The validator "v" on uid 0, which does not serve, and these hotkeys serving on the next uids."""
    neurons = (neuron(0, "v", ip="", port=0), *(neuron(uid, hotkey) for uid, hotkey in enumerate(hotkeys, 1)))
    return Metagraph(netuid=3, block=block, neurons=neurons)


def score(hotkey: str, value: float, age_h: float = 0.0) -> HotkeyScore:
    return HotkeyScore(hotkey=hotkey, score=value, last_answer_at=NOW - age_h * HOUR)


def planned(
    graph: Metagraph, *scores: HotkeyScore, rules: Hyperparameters | None = None, hotkey: str = "v"
) -> WeightPlan:
    look = Look(hotkey=hotkey, metagraph=graph, rules=rules or Hyperparameters(), next_epoch=360)
    return plan_weights(look, scores, now=NOW)


def u16(plan: WeightPlan) -> dict[str, int]:
    return {row.hotkey: row.u16 for row in plan.rows}


def test_a_plan() -> None:
    rules = Hyperparameters(weights_version=7)
    plan = planned(metagraph("a", "b", "c"), score("c", 0.5), score("a", 1.5), score("b", 0.0), rules=rules)
    assert [(row.uid, row.hotkey, row.weight, row.u16) for row in plan.rows] == [
        (1, "a", 0.75, 65535),
        (3, "c", 0.25, 21845),
    ]
    assert (plan.netuid, plan.hotkey, plan.block, plan.window) == (3, "v", 200, 360)
    assert (plan.last_update, plan.version_key, plan.mode, plan.skipped) == (100, 7, "normal", "")


def test_only_serving_others_in_the_metagraph_get_weight() -> None:
    silent = [neuron(2, "no-ip", ip="0.0.0.0"), neuron(3, "no-port", port=0), neuron(4, "text-zero", ip="0")]
    graph = metagraph("a")
    graph = replace(graph, neurons=(neuron(0, "v"), graph.neurons[1], *silent))
    names = ("v", "a", "no-ip", "no-port", "text-zero", "left-long-ago")
    assert u16(planned(graph, *(score(name, 1.0) for name in names))) == {"a": 65535}


def test_a_hotkey_whose_uid_was_taken_gets_nothing_and_the_new_one_neither() -> None:
    scores = (score("old", 1.0), score("b", 0.5))
    assert u16(planned(metagraph("old", "b"), *scores)) == {"old": 65535, "b": 32768}
    assert u16(planned(metagraph("new", "b"), *scores)) == {"b": 65535}


def test_a_hotkey_that_moved_to_another_uid_takes_its_score_along() -> None:
    assert [(row.uid, row.u16) for row in planned(metagraph("x", "y", "a"), score("a", 1.0)).rows] == [(3, 65535)]


def test_freshness_as_in_loosh() -> None:
    case = LOOSH["fresh_3h"]
    ages = case["age_h"]
    scores = [
        score(name, value, ages[name]) if ages[name] is not None else HotkeyScore(hotkey=name, score=value)
        for name, value in case["in"].items()
    ]
    assert fresh_scores(scores, "normal", NOW) == case["out"]
    assert sum(fresh_scores(scores, "degraded", NOW)[name] == 0.0 for name in ages) == 2
    assert fresh_scores(scores, "emergency", NOW) == case["in"]


@pytest.mark.parametrize(("mode", "hours"), [("normal", 3), ("degraded", 24)])
def test_a_score_is_fresh_to_the_end_of_its_tiers_hours(mode: Mode, hours: float) -> None:
    scores = [
        score("in-time", 0.5, hours),
        HotkeyScore(hotkey="late", score=0.5, last_answer_at=NOW - hours * HOUR - 1),
    ]
    assert fresh_scores(scores, mode, NOW) == {"in-time": 0.5, "late": 0.0}
    assert fresh_scores([HotkeyScore(hotkey="never", score=0.5)], mode, NOW) == {"never": 0.0}


def test_tiers_scale_with_the_chains_activity_cutoff() -> None:
    assert [mode_after(blocks, 5000) for blocks in (3999, 4000, 4499, 4500)] == [
        "normal",
        "degraded",
        "degraded",
        "emergency",
    ]
    assert [mode_after(blocks, 100) for blocks in (79, 80, 90)] == ["normal", "degraded", "emergency"]


def test_the_tier_counts_from_the_last_update_or_the_registration() -> None:
    rules = Hyperparameters(activity_cutoff=100)
    graph = metagraph("a", block=190)
    stale = score("a", 1.0, age_h=10)
    assert (plan := planned(graph, stale, rules=rules)).mode == "emergency"
    assert u16(plan) == {"a": 65535}
    assert planned(replace(graph, block=180), stale, rules=rules).mode == "degraded"
    fresh_key = replace(graph.neurons[0], last_update=0, registered_at=185)
    newcomer = replace(graph, neurons=(fresh_key, *graph.neurons[1:]))
    assert planned(newcomer, stale, rules=rules).skipped == "no serving miner has a score from the last 3 h"


def test_without_scores_an_emergency_weighs_anyway() -> None:
    graph = metagraph("a", "b", block=4600)
    assert u16(planned(graph)) == {"a": 65535, "b": 65535}
    assert [row.weight for row in planned(graph).rows] == [0.5, 0.5]
    assert planned(replace(graph, block=4599)).skipped == "no serving miner has a score from the last 24 h"
    assert planned(metagraph(block=4600)).skipped == "no miner is serving"


def test_only_a_switch_of_profiles_makes_weights_stand() -> None:
    assert Basis(profile="loosh", on_chain_by="robust", scored=5).why_weights_stand(2)
    for free in (
        Basis(profile="loosh", on_chain_by="robust", scored=6),
        Basis(profile="robust", on_chain_by="robust"),
        Basis(profile="robust"),
        Basis(),
    ):
        assert free.why_weights_stand(2) == ""
    assert Basis().profile == Basis().on_chain_by == ""


def test_the_minimum_of_weights_is_filled_with_zeros_while_there_are_miners() -> None:
    rules = Hyperparameters(min_allowed_weights=3)
    plan = planned(metagraph("a", "b", "c", "d"), score("d", 1.0), rules=rules)
    assert [(row.hotkey, row.weight, row.u16) for row in plan.rows] == [("a", 0, 0), ("b", 0, 0), ("d", 1, 65535)]
    assert planned(metagraph("a", "b"), score("a", 1.0), rules=rules).skipped == (
        "2 miners are serving; the subnet requires at least 3 weights"
    )


def test_an_unregistered_validator_sets_nothing() -> None:
    plan = planned(metagraph("a"), score("a", 1.0), hotkey="stranger")
    assert (plan.rows, plan.skipped) == ((), "hotkey stranger is not registered on netuid 3")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_scores_that_cannot_be_weights_count_as_zero(bad: float) -> None:
    assert u16(planned(metagraph("a", "b"), score("a", bad), score("b", 0.1))) == {"b": 65535}


def test_weights_are_planned_from_scores_alone() -> None:
    """Without a judge, a validator, a store or a service."""
    scores, now = Scores(Exponential(alpha=0.5, window_s=HOUR)), time.time()
    answered = Tally(rounds=1, answered=1, last_answer_at=now)
    scores.load({"a": [(now, 0.75)], "b": [(now, 0.25)]}, {"a": answered, "b": answered}, {})
    look = Look(hotkey="v", metagraph=metagraph("a", "b", "c"), rules=Hyperparameters(), next_epoch=360)
    planner = WeightPlanner("robust", scores=scores, feed=a_feed())
    assert u16(planner.plan(look)) == {"a": 65535, "b": 21845}


def test_upscaling_known_answers() -> None:
    assert max_upscale([0.5, 0.25]) == (65535, 32768)
    assert max_upscale([0.1, 0.2, 0.3, 0.4]) == (16384, 32768, 49151, 65535)
    assert max_upscale([1e-9, 1.0]) == (0, 65535)
    assert max_upscale([65535.0, 0.5, 1.5, 2.5]) == (65535, 0, 2, 2)


def test_a_tiny_score_stays_a_row() -> None:
    assert u16(planned(metagraph("a", "b"), score("a", 1e-9), score("b", 1.0))) == {"a": 0, "b": 65535}


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=20).filter(any))
def test_invariants(values: list[float]) -> None:
    names = [f"m{number}" for number in range(len(values))]
    plan = planned(metagraph(*names), *(score(name, value) for name, value in zip(names, values, strict=True)))
    assert sum(row.weight for row in plan.rows) == pytest.approx(1.0)
    assert max(row.u16 for row in plan.rows) == 65535
    assert [row.uid for row in plan.rows] == sorted({row.uid for row in plan.rows})
    by_score = sorted(plan.rows, key=lambda row: values[row.uid - 1])
    assert [row.u16 for row in by_score] == sorted(row.u16 for row in plan.rows)
