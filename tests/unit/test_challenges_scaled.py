"""The kinds `structured` and `tools`: each miner has a right answer of its own, and only that one counts."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.answers.registry import answer_type
from engine.challenges.kinds.base import Question
from engine.challenges.kinds.registry import kind
from engine.challenges.kinds.scaled import number_in, rescaled, scaled
from engine.challenges.kinds.structured.schemas import schema_of
from engine.gateway.form import is_well_formed
from engine.values import Challenge, Mark, Reply

NAMES = ("structured", "tools")
seeds = st.integers(0, 10**9)
names = st.sampled_from(NAMES)


def encode(texts: list[str]) -> Any:
    raise AssertionError("nothing is embedded")


def challenge(name: str, question: Question) -> Challenge:
    return Challenge(
        id="r",
        kind=name,
        source="synthetic",
        created_at=0.0,
        request=question.request,
        answer_type=question.answer_type,
        truth=question.truth,
        lures=question.lures,
        wordings=question.wordings,
    )


def asked(name: str, seed: int, share: float = 0.0) -> Question:
    return kind(name, open_share=share).generate(Random(seed))


def reply(text: str, prompt: str = "") -> Reply:
    return Reply(uid=1, hotkey="a", text=text, prompt=prompt)


def marked(name: str, question: Question, *replies: Reply) -> list[Mark]:
    return list(kind(name).marks(challenge(name, question), replies, encode) or ())


@settings(max_examples=20)
@given(name=names, seed=seeds)
def test_each_wording_has_one_right_answer_which_is_wrong_for_all_others(name: str, seed: int) -> None:
    question, asking = asked(name, seed), kind(name)
    texts = (question.request.question, *question.wordings)
    right = [asking.answered(question, text, encode) for text in texts]
    assert len({one.truth for one in right}) == len(texts) == 65
    first, other = right[1], right[2]
    assert first.truth is not None and other.truth is not None
    found = marked(
        name,
        question,
        reply(first.truth, texts[1]),
        reply(f"Here it is:\n```json\n{first.truth}\n```", texts[1]),
        reply(question.truth or ""),
        reply(other.truth, texts[1]),
        *(reply(lure, texts[1]) for lure in first.lures),
        reply(asking.stock_answer, texts[1]),
        reply(texts[1], texts[1]),
        reply("", texts[1]),
    )
    assert [mark.share for mark in found[:3]] == [1.0, 1.0, 1.0]
    assert {mark.share for mark in found[3:]} == {0.0}
    assert found[3].read.startswith("at /")
    reader = answer_type(question.answer_type)
    assert all(reader.key(lure, "") for lure in first.lures), "a lure has the right form"


@settings(max_examples=20)
@given(seed=seeds)
def test_a_right_answer_has_the_form_that_was_asked_for(seed: int) -> None:
    question = asked("structured", seed)
    assert is_well_formed(reply(question.truth or ""), question.request)


@settings(max_examples=20)
@given(seed=seeds)
def test_the_right_tool_is_offered_and_a_call_counts_like_one_in_words(seed: int) -> None:
    question = asked("tools", seed)
    call = json.loads(question.truth or "")
    assert call["name"] in [tool["function"]["name"] for tool in question.request.tools]
    made = {"id": "1", "type": "function", "function": {**call, "arguments": json.dumps(call["arguments"])}}
    real = replace(reply(""), tool_calls=(made,))
    twice = replace(reply(""), tool_calls=(made, made))
    assert is_well_formed(real, question.request)
    assert [mark.share for mark in marked("tools", question, real, twice)] == [1.0, 0.0]


@settings(max_examples=20)
@given(name=names, seed=seeds)
def test_where_the_truth_is_withheld_all_are_asked_the_same(name: str, seed: int) -> None:
    known, withheld = asked(name, seed), asked(name, seed, 1.0)
    assert (known.truth, known.request) == (withheld.truth, withheld.request), "nothing tells them apart"
    assert known.is_probe and not withheld.is_probe
    assert known.wordings and not withheld.wordings


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    ["{" * 50_000, '{"a":' * 9_000, "[NaN, 1e999]", '{"boxes": 1e400}', "\ud800{}", "{}" * 30_000, '"' * 60_000],
)
def test_a_hostile_reply_is_wrong_and_breaks_nothing(name: str, text: str) -> None:
    assert [mark.share for mark in marked(name, asked(name, 1), reply(text))] == [0.0]


@pytest.mark.parametrize("name", NAMES)
def test_a_question_from_a_file_is_judged_by_the_truth_that_it_has(name: str) -> None:
    question = replace(asked(name, 3), wordings=())
    own = challenge(name, replace(question, truth=None))
    assert kind(name).marks(own, [reply("{}")], encode) is None
    unreadable = challenge(name, replace(question, truth="no value"))
    assert kind(name).marks(unreadable, [reply("{}")], encode) is None


values = st.recursive(
    st.integers(0, 10**6) | st.booleans() | st.text(max_size=5) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=9,
)


@given(value=values, number=st.integers(1, 99), other=st.integers(1, 99))
def test_scaling_goes_there_and_back(value: Any, number: int, other: int) -> None:
    assert scaled(scaled(value, number, 1), other, number) == scaled(value, other, 1)


def test_a_truth_without_a_number_or_value_stays_what_it_is() -> None:
    assert number_in("exactly 17 boxes, exactly 3") == 17
    assert number_in("about 17 boxes") is number_in("exactly 1234 boxes") is None
    assert rescaled('{"a": 3}', None, 3) == '{"a": 3}'
    assert rescaled("no value", 4, 3) == "no value"
    assert json.loads(rescaled('{"a": [3, "3", true]}', 4, 3)) == {"a": [4, "3", True]}


def test_a_schema_describes_its_value() -> None:
    assert schema_of({"a": 1, "b": [{"c": "x"}]}) == {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"c": {"type": "string"}},
                    "required": ["c"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["a", "b"],
        "additionalProperties": False,
    }
