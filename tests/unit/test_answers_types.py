"""The answer types as a set: found by name, and bounded whatever they are given."""

import pytest

from engine.answers.asked import type_of
from engine.answers.choice import options
from engine.answers.registry import ANSWER_TYPES, UnknownAnswerType, answer_type
from engine.values import Reply
from tests.unit.effort import effort

NAMES = [
    "number",
    "quantity",
    "short",
    "choice",
    "yes_no",
    "date",
    "time",
    "duration",
    "version",
    "list",
    "set",
    "json",
    "tool_call",
    "code",
    "text",
]
TRUTHS = {
    "json": '{"a": 1}',
    "tool_call": '{"name": "f", "arguments": {}}',
    "yes_no": "yes",
    "date": "2020-01-01",
    "time": "12:30",
    "duration": "3 h",
    "choice": "B",
    "list": "1, 2",
    "set": "1, 2",
}
OPTIONS = "Which is it?\n(A) 12 (B) 13 (C) 14"
HOSTILE = {
    "digits": "9" * 1_000_000,
    "powers": "9^9^9^9^9 " * 3_000,
    "fractions": "\\frac{" * 5_000 + "1" + "}" * 5_000,
    "braces": "{" * 32_000,
    "brackets": "[" * 32_000 + "]" * 32_000,
    "gaps": "a" + " " * 32_000 + "b",
    "breaks": "\n" * 32_000,
    "words": "one hundred and twenty-" * 1_500,
    "denials": "not 1 but not 2, " * 2_000,
    "questions": "is it? " * 4_600,
    "labels": "answer: 1\n" * 3_200,
    "boxes": "\\boxed{" * 4_600,
    "options": "(A) " * 8_000,
    "quotes": '"' * 32_000,
    "underscores": "_" * 32_000,
    "scripts": "日本語123абв½٣" * 2_500,
    "units": "1 m/m/m/m " * 3_000,
    "sums": "1=1+" * 8_000,
    "code": "(" * 8_000 + ")" * 8_000,
    "signs": "-" * 32_000,
}


def test_every_type_of_the_contract_is_found_by_its_name() -> None:
    assert tuple(ANSWER_TYPES) == tuple(NAMES)
    assert {name: answer_type(name).name for name in NAMES} == {name: name for name in NAMES}
    assert answer_type("yesno").name == "yes_no"
    with pytest.raises(UnknownAnswerType, match="unknown answer_type 'poem'; known are number"):
        answer_type("poem")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_miner_writes_takes_long(name: str) -> None:
    kind, truth = answer_type(name), TRUTHS.get(name, "12")
    for text in HOSTILE.values():
        with effort(at_most=1):
            kind.equals(Reply(uid=0, hotkey="a", text=text[:32_768]), truth, OPTIONS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("truth", ["9" * 1_000_000, "9^9^9^9", "\\frac{" * 3_000, "", "\0", "[" * 60_000])
def test_no_truth_breaks_a_type(name: str, truth: str) -> None:
    kind = answer_type(name)
    with effort(at_most=1):
        key = kind.key(truth, OPTIONS)
        met = kind.equals(Reply(uid=0, hotkey="a", text="12"), truth, OPTIONS)
    assert not met or key


def test_ten_thousand_options_are_read_in_time() -> None:
    question = "Pick one.\n" + "\n".join(f"{number}) option number {number * 7}" for number in range(1, 10_001))
    choice = answer_type("choice")
    with effort(at_most=5):
        assert len(options(question)) == 10_000
        assert choice.equals(Reply(uid=0, hotkey="a", text="option number 70000"), "10000", question)
        assert not choice.equals(Reply(uid=0, hotkey="a", text="option number 69993"), "10000", question)


@pytest.mark.parametrize(
    ("declared", "question", "truth", "judged_as"),
    [
        ("short", "What time is it 88 minutes after 10:20?", "11:48", "time"),
        ("short", "On what date did it end?", "8 May 1945", "date"),
        ("short", "Return JSON with the key a.", '{"a": 1}', "json"),
        ("short", "Which is right?\nA) one\nB) two", "B", "choice"),
        ("short", "True or false: it rains.", "True", "yes_no"),
        ("short", "Which version fixed it?", "2.10.1", "version"),
        ("short", "How fast does it go?", "12 m/s", "quantity"),
        ("short", "Sort these: c, a, b.", "a, b, c", "list"),
        ("short", "What is the capital of Norway?", "Oslo", "short"),
        ("short", "In which year did it end?", "1945", "short"),
        ("number", "How many are there?", "12", "number"),
        ("number", "What time is it 88 minutes after 10:20?", "11:48", "time"),
        ("text", "Explain it in JSON.", None, "text"),
        ("date", "When?", "12", "date"),
    ],
)
def test_a_short_question_and_its_truth_may_show_a_finer_type(
    declared: str, question: str, truth: str | None, judged_as: str
) -> None:
    assert type_of(declared, question, truth) == judged_as


def test_a_lure_that_is_said_is_not_a_right_answer() -> None:
    kind, question = answer_type("text"), "Why is the sky blue?"
    said = Reply(uid=0, hotkey="a", text="Air scatters blue light. The sea is mirrored in it.")
    assert kind.equals(said, "scatters blue light", question)
    assert not kind.equals(said, "scatters blue light", question, ["the sea is mirrored"])
    denies = Reply(uid=0, hotkey="a", text="Air scatters blue light. It is not that the sea is mirrored in it.")
    assert kind.equals(denies, '["scatters blue light", "Rayleigh"]', question, ["the sea is mirrored"])


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("Canberra", True),
        ("Canberra, which lies between Sydney and Melbourne.", True),
        ("It is not Sydney but Canberra.", True),
        ("The capital of Australia is Sydney. Canberra is the capital of Australia.", False),
    ],
)
def test_a_lure_may_be_mentioned_but_not_answered(said: str, right: bool) -> None:
    question, lures = "What is the capital of Australia?", ["Sydney", "Melbourne", "canberra"]
    reply = Reply(uid=0, hotkey="a", text=said)
    assert answer_type("short").equals(reply, "Canberra", question, lures) == right


def test_a_number_is_marked_where_the_reply_says_which_it_is() -> None:
    kind = answer_type("number")
    for text, marked in (
        ("We saw ships. They were 12, and it rained while they sailed.", False),
        ("Answer: 12", True),
        ("\\boxed{12}", True),
    ):
        read = kind.read(Reply(uid=0, hotkey="a", text=text), "How many?")
        assert read is not None
        assert (read.key, read.marked) == ("12", marked), text


@pytest.mark.parametrize(
    ("kind", "question", "truth", "text", "right"),
    [
        (
            "short",
            "What is the capital of Colombia?",
            "Bogotá",
            "### Reasoning\nIt is a big city.\n\n### Answer\nIt's Bogotá.",
            True,
        ),
        ("short", "What is the capital of Colombia?", "Bogotá", "Bogotá\nLima", False),
        ("yes_no", "Is 1800 a leap year?", "no", "No, that is not right. The year 1800 has 365 days.", True),
        ("yes_no", "Are all birds able to fly?", "no", "No. We cannot conclude that all birds are able to fly.", True),
        ("yes_no", "Are all birds able to fly?", "no", "No, all birds are able to fly.", False),
        ("number", "What is 2 to the power of 40?", "1099511627776", "1,099,511,627,767", False),
        ("set", "Which of 4, 6 and 8 are odd?", "[]", "None of them is odd.", True),
        ("set", "Which of 4, 6 and 8 are odd?", "[]", "None except 6.", False),
        ("list", "Sort 9, 2 and 5.", "[2, 5, 9]", "Not 9, 5, 2 but 2, 5, 9.", True),
    ],
)
def test_a_reply_says_what_it_commits_itself_to(kind: str, question: str, truth: str, text: str, right: bool) -> None:
    assert answer_type(kind).equals(Reply(uid=0, hotkey="a", text=text), truth, question) == right
