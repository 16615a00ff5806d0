"""What does not answer, what a reply adds, and how texts are split into words and sentences."""

import pytest

from engine.answers.words import STOP, content_words, fold, plain, sentences, words
from engine.scoring.substance import added_words, echoes, empty, novelty, refuses

QUESTION = "Which famous mountain range separates France and Spain?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I cannot help with that.", True),
        ("We won't be able to assist.", True),
        ("I’m unable to answer.", True),
        ("I must decline.", True),
        ("I do not know.", True),
        ("No comment.", True),
        ("No comment on the weather: it is the Pyrenees.", False),
        ("Sorry, that I cannot say.", True),
        ("Sorry for the wait: the Pyrenees.", False),
        ("As an AI model, I am not able to travel.", True),
        ("As an AI model, I say the Pyrenees.", False),
        ("The Pyrenees; I cannot help it.", False),
        ("", False),
    ],
)
def test_a_refusal_opens_by_declining(text: str, expected: bool) -> None:
    assert refuses(text) is expected


@pytest.mark.parametrize("opening", ["I cannot help with that.", "Sorry, that I cannot say."])
def test_a_long_reply_is_not_a_refusal_however_it_opens(opening: str) -> None:
    size = len(opening.split())
    assert refuses(f"{opening} {'word ' * (40 - size)}")
    assert not refuses(f"{opening} {'word ' * (41 - size)}")


@pytest.mark.parametrize("text", ["", " \n ", "...", "🦊"])
def test_a_text_without_words_is_empty(text: str) -> None:
    assert empty(text)
    assert not empty(f"{text} a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QUESTION, True),
        (f"You asked: {QUESTION} Good question!", True),
        (f"{QUESTION} The Pyrenees.", False),
        ("Which famous mountain range?", False),
        ("Spain and France separates range mountain famous which?", False),
        ("famous mountain range separates France and Spain", False),
        ("", False),
    ],
)
def test_an_echo_says_nearly_all_of_the_question_in_its_order_and_nothing_else(text: str, expected: bool) -> None:
    assert echoes(text, QUESTION) is expected


@pytest.mark.parametrize(("cut", "expected"), [(1, True), (2, True), (3, False)])
def test_an_echo_may_miss_a_tenth_of_the_question(cut: int, expected: bool) -> None:
    """Of 22 words, 20 runs of three: each word that is missing at the end takes one of them."""
    asked = " ".join(f"word{number}" for number in range(22))
    assert echoes(asked.rsplit(" ", cut)[0], asked) is expected


@pytest.mark.parametrize(("question", "text"), [("Why?", "Why?"), ("How so?", "how so"), ("Really", "I say really!")])
def test_a_question_of_few_words_can_be_echoed_too(question: str, text: str) -> None:
    assert echoes(text, question)
    assert not echoes("Because", question)
    assert not echoes(text, "")


def test_novelty_is_the_share_of_meaningful_words_that_are_new() -> None:
    assert novelty("The famous Pyrenees", QUESTION) == 0.5
    assert novelty("Famous mountain", QUESTION) == 0.0
    assert novelty("It is the Pyrenees", QUESTION) == 1.0
    assert novelty("it is", QUESTION) == 0.0
    assert added_words("It is the famous Pyrenees", QUESTION) == {"pyrenees"}


def test_words_are_folded_and_lose_a_possessive_ending() -> None:
    assert words("Rayleigh's RÉSUMÉ, e-mail_x 3.5 don't the moon’s ﬁeld") == [
        "rayleigh", "resume", "e-mail", "x", "3", "5", "don't", "the", "moon", "field"
    ]  # fmt: skip
    assert content_words("It is the Moon and not the sun") == {"moon", "sun"}
    assert {"the", "not", "yourself"} & STOP == {"the", "not"}


def test_folding_is_bounded_in_length() -> None:
    sign = "\ufdfa"  # a sign for a phrase of 18 letters
    assert len(fold(sign * 10)) == 40
    assert fold("Bogotá") == fold("bogota") == "bogota"
    assert fold("STRASSE") == fold("straße")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("  - **Bold** claim", "Bold claim"),
        ("12. item", "item"),
        ("1234. not an item", "1234. not an item"),
        ("## Heading", "Heading"),
        ("> quoted `code` here", "quoted code here"),
        ("```python", ""),
        ("~~~", ""),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("-5 degrees", "-5 degrees"),
    ],
)
def test_a_line_without_its_marks(line: str, text: str) -> None:
    assert plain(line) == text


def test_sentences_end_with_a_sign_or_the_line() -> None:
    text = "# Title\nOne is here. Two! Three? four; five\n\n```\ncode.\n```\n- six. "
    assert sentences(text) == ["Title", "One is here.", "Two!", "Three?", "four;", "five", "code.", "six."]
    assert sentences("") == []
