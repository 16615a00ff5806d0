"""Whose wording of the question a reply answers in."""

from engine.scoring.borrowed import borrowed
from engine.scoring.duplicates import compared, worded

PROMPTS = [
    "My neighbour and his wife wanted to know this. Why is the sky blue?",
    "For a quiz evening: why is the sky blue?",
    "A customer wrote to us: why is the sky blue?",
]
BLUE = "Air scatters short waves more than long ones, so that blue light comes from all over the sky."
RED = "Red light is scattered least, and what remains of the rest reaches the eye from every side."


def found(texts: list[str], prompts: list[str] = PROMPTS) -> dict[int, int]:
    return borrowed(texts, compared([worded(text) for text in texts]), prompts).proven


def test_equal_texts_belong_to_whoever_was_asked_in_their_words() -> None:
    text = f"For your neighbour and his wife: {BLUE}"
    assert found([text, text, RED]) == {1: 0}
    assert found([text, f"{text} I hope that this helps you.", RED]) == {1: 0}


def test_whoever_answers_in_its_own_words_copied_nobody() -> None:
    assert found([f"For your neighbour and his wife: {BLUE}", f"For the quiz evening: {BLUE}", RED]) == {}
    assert found([BLUE, BLUE, RED]) == {}


def test_a_word_that_comes_up_by_itself_proves_nothing() -> None:
    text = f"For your neighbour and his wife: {BLUE}"
    assert found([text, text, f"The neighbour of blue is violet, and its wife is red. {RED}"]) == {}


def test_a_question_asked_in_one_wording_proves_nothing() -> None:
    text = f"For your neighbour and his wife: {BLUE}"
    assert found([text, text, RED], [PROMPTS[0]] * 3) == {}


def test_copies_of_one_text_are_all_found() -> None:
    text = f"For your neighbour and his wife: {BLUE}"
    assert found([text, text, text]) == {1: 0, 2: 0}


def test_a_single_word_is_a_hint_and_missing_it_speaks_for_the_miner() -> None:
    prompts = ["It is for a radio programme. 2 + 2?", "For a quiz: 2 + 2?", "A customer asks: 2 + 2?"]
    texts = ["For the radio: 4", "For the radio: 4", "4"]
    hints = borrowed(texts, compared([worded(text) for text in texts]), prompts)
    assert hints.proven == {}
    assert hints.told[1][0] > 0 > hints.told[2][0]
    assert hints.told[0] == {}


def test_the_words_of_any_answer_prove_nothing_even_if_only_one_was_asked_with_them() -> None:
    """With few miners it happens that only one was asked for "the result", and that another says so of itself."""
    prompts = ["All that I need is the result. 2 + 2?", "Never mind the steps. 2 + 2?", "Just the solution: 2 + 2?"]
    assert found(["The result is 4.", "The result is 4.", "The solution is 4."], prompts) == {}
