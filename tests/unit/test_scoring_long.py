"""Replies that are deliberately long or malformed: each is judged in time, and so are the others."""

import pytest

from engine.answers.registry import answer_type
from engine.scoring import ballot, robust
from engine.scoring.duplicates import tokens
from engine.sybil.evidence import Evidence
from engine.sybil.observation import learned
from engine.values import AnswerType
from tests.unit.effort import effort
from tests.unit.scoring_helpers import challenge, judged, replies, verdicts

PATIENCE_S = 10.0
"""A pattern that reads a run of characters again from each of them takes many times as long."""

QUESTIONS: dict[AnswerType, str] = {
    "code": "Write a function that adds two numbers.",
    "json": "Give the name and age of Ada as JSON.",
    "short": "What is the capital of Peru?",
    "number": "How many apples are 3 plus 4?",
    "yes_no": "Is 17 a prime number? Answer yes or no.",
    "text": "Explain why the sky is blue.",
}


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize(
    "hostile",
    [
        "```" + "\n" * 32_000,
        "a" + " " * 32_000 + "b",
        "So it is. " * 3_200,
        "\ufdfa" * 32_000,
        "true or not " * 2_700,
        "<answer>" + " " * 32_000,
        "Answer: a" + " ()" * 10_000 + " - b" * 500,
        '{"answer": ' + " " * 32_000,
        "<think>" * 4_000,
    ],
    ids=["fence", "gap", "sentences", "ligatures", "runs", "tagged", "asides", "object", "thoughts"],
)
def test_no_reply_delays_a_round(kind: AnswerType, hostile: str) -> None:
    asked, given = challenge(QUESTIONS[kind], kind), replies([hostile, hostile + "c", "Because of 7 things."])
    with effort(at_most=PATIENCE_S):
        judged(asked, given)
        learned(Evidence(), asked, given, {})


@pytest.mark.parametrize(("kind", "budget"), [("number", 524_288), ("text", 196_608)])
def test_long_replies_are_cut_to_an_even_share_of_what_a_round_may_hold(kind: AnswerType, budget: int) -> None:
    given = replies(["x" * 40_000] * 128 + ["short"])
    cut = [len(reply.text) for reply in ballot.trimmed(answer_type(kind), given)]
    assert sum(cut) <= budget
    assert cut == [budget // 129] * 128 + [5]
    assert [len(reply.text) for reply in ballot.trimmed(answer_type(kind), given[-2:])] == [ballot.MAX_CHARACTERS, 5]


def test_a_full_round_of_open_text_is_embedded_in_time() -> None:
    given = replies([f"The {number}th claim of many says that. " * 1_000 for number in range(128)])
    embedded = robust.texts(challenge(QUESTIONS["text"], "text"), given)
    assert sum(map(len, embedded)) <= 2 * answer_type("text").limit + len(QUESTIONS["text"])


def test_where_the_answer_is_known_no_other_reply_changes_how_one_is_read() -> None:
    asked = challenge("Is 17 a prime number? Answer yes or no.", "yes_no", "yes")
    said = "Seventeen has exactly two divisors, one and itself."
    given = replies([f"Yes. {said}", f"Yes. {said}", said])
    assert [verdicts(asked, given)[name].score > 0 for name in ("m0", "m1", "m2")] == [True, True, False]
    boilerplate = [f"No. {said}", f"No. {said}", f"Yes. {said}"]
    assert [verdicts(asked, replies(boilerplate))[name].score > 0 for name in ("m0", "m1", "m2")] == [
        False,
        False,
        True,
    ]


def test_line_breaks_count_once_and_spaces_not_at_all() -> None:
    assert tokens("  One \r\n\n\t two   three\n") == ["one", "\n", "two", "three"]
