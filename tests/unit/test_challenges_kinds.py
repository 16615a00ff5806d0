"""The kinds of challenges: what they ask and what they refuse."""

import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from engine import sums
from engine.challenges import ChallengeError
from engine.challenges.kinds.base import Question
from engine.challenges.kinds.registry import KINDS, kind
from engine.challenges.kinds.wording import CLOSERS, OPENERS, WISHES
from engine.values import Request


def asked(name: str, count: int = 600, **options: float) -> list[Question]:
    return [kind(name, **options).generate(Random(f"kinds:{k}")) for k in range(count)]


def frame(question: Question) -> tuple[str, str]:
    text = question.request.question
    opener = next((opener for opener in OPENERS if opener and text.startswith(opener)), "")
    return opener, next((closer for closer in CLOSERS if closer and text.endswith(closer)), "")


def test_an_unknown_kind_is_refused_with_the_known_names() -> None:
    with pytest.raises(ChallengeError, match="'sums'; known are arithmetic, chat"):
        kind("sums")


@pytest.mark.parametrize("name", KINDS)
def test_what_a_kind_asks_passes_its_own_check(name: str) -> None:
    for question in asked(name):
        kind(name).check(question.request)


@pytest.mark.parametrize("name", KINDS)
def test_a_question_depends_on_the_generator_alone(name: str) -> None:
    assert asked(name, 50) == asked(name, 50)
    assert len({question.request.question for question in asked(name, 200)}) > 150


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_share_of_open_questions_is_kept(name: str, share: float) -> None:
    questions = asked(name, 1000, open_share=share)
    assert sum(not question.is_probe for question in questions) / 1000 == pytest.approx(share, abs=0.05)


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(ChallengeError, match=r"open questions must be from 0 to 1, not 1\.5"):
        kind("chat", open_share=1.5)


def test_open_questions_have_points_and_the_others_a_truth() -> None:
    for question in [*asked("chat"), *asked("arithmetic")]:
        assert (question.truth is None) == bool(question.points) == (question.answer_type == "text")


def test_one_text_has_one_truth() -> None:
    truths: dict[str, str | None] = {}
    for question in asked("chat", 6000):
        assert truths.setdefault(question.request.question, question.truth) == question.truth


def test_the_wording_does_not_tell_whether_the_truth_is_known() -> None:
    questions = asked("chat", 6000, open_share=0.5)
    for feature in (
        lambda question: frame(question)[0],
        lambda question: frame(question)[1],
        lambda question: question.request.max_tokens,
        lambda question: question.request.temperature,
        lambda question: question.request.top_p,
    ):
        known = Counter(feature(question) for question in questions if question.truth is not None)
        unknown = Counter(feature(question) for question in questions if question.truth is None)
        assert known.keys() == unknown.keys()
        for value in known:
            assert known[value] / known.total() == pytest.approx(unknown[value] / unknown.total(), abs=0.05)


def test_arithmetic_is_asked_in_the_same_wordings() -> None:
    frames = {frame(question) for question in asked("chat", 4000)}
    assert {frame(question) for question in asked("arithmetic", 400)} <= frames


def test_arithmetic_knows_sums_and_products() -> None:
    topics: Counter[str] = Counter()
    for question in asked("arithmetic", open_share=0.0):
        a, b = map(int, re.findall(r"\d+", question.request.question))
        truth = {"addition": a + b, "multiplication": a * b}[question.topic]
        assert question.truth == str(truth)
        assert question.truth not in question.lures
        topics[question.topic] += 1
    assert min(topics.values()) > 200


def test_open_questions_ask_how_to_work_out_what_probes_ask_for() -> None:
    questions = asked("chat", 3000, open_share=0.5)
    known = {question.topic for question in questions if question.truth is not None}
    ways = {question.topic.removesuffix(", the way") for question in questions if question.topic.endswith(", the way")}
    assert ways == known


def test_answer_and_way_are_wanted_in_the_same_words() -> None:
    first = [wish.index("{wanted}") < wish.index("{other}") for wish in WISHES]
    comma = ["{wanted}," in wish for wish in WISHES], ["{other}," in wish for wish in WISHES]
    assert sum(first) == sum(comma[0]) == sum(comma[1]) == len(WISHES) / 2


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("What is 41 plus 1?", 42),
        ("what is 6 * 7", 42),
        ("6×7", 42),
        ("Can you add -5 and 8?", 3),
        ("Multiply 12 by 12.", 144),
        ("What is 1 plus 2 plus 3?", None),
        ("What is 1.5 plus 2?", None),
        ("What is 41 plus 1,000?", None),
        ("What is 10 minus 3?", None),
        ("What is 12345678901234567890 plus 1?", None),
        ("", None),
    ],
)
def test_arithmetic_reads_one_sum_or_product_of_whole_numbers(text: str, result: int | None) -> None:
    payload = sums.read(text)
    assert (payload.result if payload else None) == result


def test_arithmetic_refuses_another_question() -> None:
    with pytest.raises(ChallengeError, match="not one sum or product"):
        kind("arithmetic").check(Request(prompt="Who wrote Hamlet?"))


USER: dict[str, Any] = {"role": "user", "content": "Hello?"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "look_up"}}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "there is no question"),
        ({"prompt": " \n"}, "there is no question"),
        ({"messages": ({"role": "system", "content": "Be brief."},)}, "there is no question"),
        ({"messages": ({"role": "boss", "content": "Hi"},)}, "message 1: role must be one of"),
        ({"messages": (USER, {"role": "user", "content": 7})}, "message 2: content must be"),
        ({"messages": (USER, {"role": "assistant", "content": None})}, "message 2: content must be"),
        ({"messages": ({"role": "user", "content": ["Hi"]},)}, "message 1: each part of the content must be an object"),
        ({"messages": (USER,) * 300}, "300 messages"),
        ({"prompt": "Hi", "tools": (TOOL,) * 200}, "200 tools"),
        ({"prompt": "Hi", "tools": ({"type": "web"},)}, "tool 1: it must be"),
        ({"prompt": "Hi", "tools": ({"type": "function", "function": {"name": ""}},)}, "tool 1: the function has no"),
        ({"prompt": "Hi", "tools": ({**TOOL, "more": nested(40)},)}, "nested deeper than 24"),
        ({"prompt": "Hi", "tool_choice": "perhaps", "tools": (TOOL,)}, "tool_choice must be one of"),
        ({"prompt": "Hi", "tool_choice": "required"}, "there are no tools"),
        ({"prompt": "Hi", "max_tokens": 0}, "max_tokens must be from 1 to 131072, not 0"),
        ({"prompt": "Hi", "max_tokens": 10**9}, "max_tokens must be from 1 to 131072, not 1000000000"),
        ({"prompt": "Hi", "temperature": float("nan")}, "temperature must be from 0 to 2, not nan"),
        ({"prompt": "Hi", "temperature": 2.1}, "temperature must be from 0 to 2, not 2.1"),
        ({"prompt": "Hi", "top_p": 0.0}, r"top_p must be above 0 and at most 1, not 0\.0"),
        ({"prompt": "ä" * 131_072}, r"the request has \d+ bytes, at most 262144"),
        ({"prompt": "half a pair: \ud800"}, "cannot be written as JSON"),
    ],
)
def test_a_request_with_a_fault_is_refused_by_name(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ChallengeError, match=reason):
        kind("chat").check(Request(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "Hi"},
        {"messages": (USER, {"role": "assistant", "content": None, "tool_calls": [{}]}, USER)},
        {"messages": ({"role": "user", "content": [{"type": "text", "text": "Hi"}]},)},
        {"prompt": "Hi", "tools": (TOOL,), "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        {"prompt": "Hi", "tools": (TOOL,), "tool_choice": "required"},
        {"prompt": "Hi", "tool_choice": "auto", "temperature": 0, "top_p": 1},
    ],
)
def test_a_request_in_the_fields_of_the_api_is_accepted(fields: dict[str, Any]) -> None:
    kind("chat").check(Request(**fields))


def test_arithmetic_has_narrower_limits() -> None:
    with pytest.raises(ChallengeError, match="at most 8192"):
        kind("arithmetic").check(Request(prompt="What is 1 plus 1?" + " " * 9000))
    assert kind("arithmetic").reply_limit < kind("chat").reply_limit
