"""Whose wording of the question a reply answers in."""

from engine.scoring.borrowed import borrowed
from engine.scoring.duplicates import worded

PROMPTS = [
    "My neighbour wanted to know this. Why is the sky blue?",
    "For a quiz evening: why is the sky blue?",
    "A customer wrote to us: why is the sky blue?",
]
BLUE = "Air scatters short waves more than long ones, so that blue light comes from all over the sky."
RED = "Red light is scattered least, and what remains of the rest reaches the eye from every side."


def found(texts: list[str], prompts: list[str] = PROMPTS) -> dict[int, int]:
    return borrowed(texts, [worded(text) for text in texts], prompts)


def test_equal_texts_belong_to_whoever_was_asked_in_their_words() -> None:
    text = f"For your neighbour: {BLUE}"
    assert found([text, text, RED]) == {1: 0}
    assert found([text, f"{text} I hope that this helps you.", RED]) == {1: 0}


def test_whoever_answers_in_its_own_words_copied_nobody() -> None:
    assert found([f"For your neighbour: {BLUE}", f"For the quiz evening: {BLUE}", RED]) == {}
    assert found([BLUE, BLUE, RED]) == {}


def test_a_word_that_comes_up_by_itself_proves_nothing() -> None:
    text = f"For your neighbour: {BLUE}"
    assert found([text, text, f"The neighbour of blue is violet. {RED}"]) == {}


def test_a_question_asked_in_one_wording_proves_nothing() -> None:
    text = f"For your neighbour: {BLUE}"
    assert found([text, text, RED], [PROMPTS[0]] * 3) == {}


def test_copies_of_one_text_are_all_found() -> None:
    text = f"For your neighbour: {BLUE}"
    assert found([text, text, text]) == {1: 0, 2: 0}
