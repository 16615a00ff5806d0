"""A reply that states two answers has given none, however short its sentences are and whatever stands between them."""

import pytest

from engine.answers.registry import answer_type
from engine.values import Reply

SUM, COLOURS = "What is 17 times 24?", "Which are the primary colours of paint?"
ASKED = {
    "number": (SUM, "408", "418"),
    "time": ("At what time does the train leave?", "14:35", "12:50"),
    "short": ("Who wrote Emma?", "Jane Austen", "Emily Brontë"),
    "yes_no": ("Is 91 a prime number?", "no", "yes"),
    "set": (COLOURS, "red, yellow, blue", "red, green and blue"),
}


def met(kind: str, question: str, truth: str, text: str) -> bool:
    return answer_type(kind).equals(Reply(uid=0, hotkey="a", text=text), truth, question)


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize(
    "text",
    [
        "The answer is {1}. The answer is {0}.",
        "Answer: {0} The answer is {1}.",
        "Final answer: {1}\nFinal answer: {0}",
        "\\boxed{{{1}}} \\boxed{{{0}}}",
    ],
)
def test_two_stated_answers_are_none(kind: str, text: str) -> None:
    question, right, wrong = ASKED[kind]
    assert not met(kind, question, right, text.format(right, wrong))


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize(
    "text",
    ["The answer is {0}. I have checked it twice.", "{0}\n{0}\n{0}", "The answer is {1}. Wait, no. The answer is {0}."],
)
def test_one_answer_said_again_or_corrected_is_one(kind: str, text: str) -> None:
    question, right, wrong = ASKED[kind]
    assert met(kind, question, right, text.format(right, wrong))


def test_steps_of_a_calculation_are_no_second_answer() -> None:
    asked = "A jar holds 240 sweets. Anna eats an eighth of them. How many remain?"
    assert met("number", asked, "210", "Anna eats 30 sweets. 210 sweets remain.")
    assert met("number", asked, "210", "1) 240/8 = 30\n2) 240-30 = 210")
    assert not met("number", SUM, "408", "17 times 24 is 418. 17 times 24 is 408.")
