"""How replies are read, type by type, and which answers are grouped."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answers import json_values
from engine.answers.asked import asked_type
from engine.answers.base import Answer
from engine.answers.registry import ANSWER_TYPES, answer_type
from engine.values import AnswerType, Reply
from tests.unit.scoring_helpers import replies, reply


def read_answers(kind: AnswerType, question: str, given: Sequence[Reply]) -> list[Answer | None]:
    return answer_type(kind).read_all(given, question)


PRICE = "Together a bat and a ball cost $46. The bat costs $30 more than the ball. How many dollars does the ball cost?"
AREA = "Is Zimbabwe larger in area than Cuba?"


def key(kind: AnswerType, question: str, text: str) -> str | None:
    answer = read_answers(kind, question, replies([text]))[0]
    return answer.key if answer else None


@pytest.mark.parametrize(
    "text",
    [
        "8",
        "**8**",
        "$8",
        "eight",
        "The answer is 8.",
        "Answer: $8 each",
        "8 is the result.",
        "#### 8\n\n- Take off the difference.",
        "### Reasoning\n46 - 30 = 16\n\n### Answer\nThat makes 8.",
        "Half of 16 is 8.\n\n\\[\\boxed{8}\\]",
        "\\boxed{\\text{8}}",
        "1. Take off the difference: 46 − 30 = 16.\n2. Half of that is 8.\nHence, 8.",
        "Sure! 46 − 30 = 16. Half of that is the ball: 8. The ball costs 8 dollars. Feel free to ask a follow-up.",
        "8.00",
        "16/2",
        "```text\n8\n```",
        "> The ball costs 8 dollars.",
        "<think>Is it 16? No, half.</think>\n<answer>8</answer>",
        '{"answer": 8}',
        "The answer would be $$8$$ dollars.",
        "8 — checked twice.",
    ],
)
def test_a_number_is_read_however_it_is_put(text: str) -> None:
    assert key("number", PRICE, text) == "8"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,250,000", "1250000"),
        ("1\u202f250\u00a0000", "1250000"),
        ("-3.50", "-3.5"),
        ("−7 degrees", "-7"),
        ("75 %", "75"),
        ("2 + 3 = 5", "5"),
    ],
)
def test_numbers_have_one_spelling(text: str, number: str) -> None:
    assert key("number", "What is it?", text) == number


@pytest.mark.parametrize("text", ["", "no idea", "NaN", "infinity", "1/0 is undefined", "∞"])
def test_what_is_not_a_number_is_none(text: str) -> None:
    assert key("number", "How many?", text) in (None, "0", "1")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes.", "yes"),
        ("Indeed, yes. Zimbabwe is bigger.", "yes"),
        ("Not quite: no. Cuba is larger.", "no"),
        ("**Answer:** No", "no"),
        ("\\boxed{\\text{Yes}}", "yes"),
        ("Let me work through this. Comparing them helps. Yes, that is right.", "yes"),
        ("Zimbabwe is bigger than Cuba.", "yes"),
        ("Zimbabwe is smaller than Cuba.", "no"),
        ("Cuba is larger in area than Zimbabwe.", "no"),
        ("Zimbabwe is not larger than Cuba in area.", "no"),
        ("True", "yes"),
        ("✅ Yes", "yes"),
        ("> Yes, it is.", "yes"),
        ("I would say no.", "no"),
        ("I believe the answer would be yes.", "yes"),
        ("That would be yes, I think.", "yes"),
        ("Therefore the result is $$No$$", "no"),
        ("<answer>Yes</answer>", "yes"),
        ('{"answer": "no"}', "no"),
        ("Say yes, or say no.", None),
        ("No one has ever measured the distance to the moon with an apple.", None),
        ("Regarding Zimbabwe and Cuba: area is an important subject with many interesting aspects.", None),
    ],
)
def test_yes_or_no_is_read_from_a_word_or_from_the_claim(text: str, answer: str | None) -> None:
    assert key("yes_no", AREA, text) == answer


def test_a_claim_that_says_neither_is_not_read_by_what_others_say() -> None:
    question = "Was or is the year 2050 a leap year?"
    texts = ["No. The year 2050 has 365 days.", "The year 2050 has 365 days. Thank you.", "Yes. It has 366 days."]
    answers = read_answers("yes_no", question, replies(texts))
    assert [answer.key if answer else None for answer in answers] == ["no", None, "yes"]


@pytest.mark.parametrize(
    "text",
    [
        "Kabul",
        "kabul.",
        "**Kabul**",
        "The capital city of Afghanistan is Kabul.",
        "Kabul is the capital of Afghanistan.",
        "Afghanistan's capital is Kabul.",
        "That would be Kabul, the capital of Afghanistan.",
        "#### Kabul\n\n- Do not confuse it with the other large cities of the country.",
        "Happy to help. Many embassies to Afghanistan are located there. The correct city is Kabul. I hope that helps.",
        "First, it is a political and administrative centre.\nHence, Kabul.",
        "OK: Kabul.",
        "Well, Kabul",
        "```\nKabul\n```",
        "Kabul (checked by hand)",
        "Kabul — I am sure of it.",
        "I believe the answer would be Kabul.",
        "<think>Herat? No.</think><answer>Kabul</answer>",
        "It is known that Kabul is the capital.\n\nHope this helps! Let me know if you have any other questions.",
    ],
)
def test_a_short_fact_is_what_a_reply_adds_to_the_question(text: str) -> None:
    assert key("short", "What is the capital of Afghanistan?", text) == "kabul"


def test_accents_and_case_do_not_make_another_fact_and_a_repeated_word_can_be_the_answer() -> None:
    assert key("short", "Capital of Colombia?", "Bogotá") == key("short", "Capital of Colombia?", "BOGOTA")
    mexico = "What is the capital of Mexico?"
    assert key("short", mexico, "Mexico City") == key("short", mexico, "The capital is Mexico City.")


def test_an_unmarked_reply_is_read_as_the_phrase_that_others_marked() -> None:
    question = "What day of the week will it be in 13 days?"
    texts = ["**Friday**", "Counting forward past Tuesday and Thursday we land on Friday in the end, as it were."]
    answers = read_answers("short", question, replies(texts))
    assert [answer.key if answer else None for answer in answers] == ["friday", "friday"]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "age": 36, "tags": ["x", "y"]}',
        '{"tags":["x","y"],"age":36.0,"name":" Ada "}',
        'Here is the JSON you asked for:\n```json\n{\n\t"age": 36,\n\t"name": "Ada",\n\t"tags": ["x", "y"]\n}\n```',
        'Sure: {"name": "\\u0041da", "age": 36, "tags": ["x", "y"]} Anything else?',
    ],
)
def test_equal_json_values_are_equal_answers(text: str) -> None:
    assert key("json", "Reply with JSON only.", text) == '{"age":36,"name":"Ada","tags":["x","y"]}'


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "tags": ["x", "y"',
        '{"name": "Ada", "items": [{"x": 1}, {"y"',
        '{"items": [{"x": 1}',
        '{"a": NaN}',
        "no json",
        "{" * 50_000,
        "[" * 50_000 + "]" * 50_000,
        '{"a":' * 40 + "1" + "}" * 40,
    ],
)
def test_what_is_cut_off_or_no_json_is_none(text: str) -> None:
    assert key("json", "Reply with JSON only.", text) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4), st.integers(0, 4))
def test_any_object_is_found_in_prose_and_its_spelling_does_not_depend_on_spacing(
    value: dict[str, Any], indent: int
) -> None:
    text = f"Here you are: {json.dumps(value, indent=indent or None)}"
    found = json_values.find(text)
    assert found == value
    assert json_values.canonical(found) == json_values.canonical(json.loads(json.dumps(value)))
    assert len(json_values.fields(found)) > len(found)


WORDS = [
    "one",
    "a",
    "half",
    "two",
    "hundred",
    "and",
    "a",
    "million",
    "third",
    "quarter",
    "of",
    "an",
    "hour",
    "minus",
    "point",
    "not",
    "no",
    "yes",
    "true",
    "the",
    "is",
    "it",
    "answer:",
    "1.2",
    "3/4",
    "10^4",
    "$5",
    "12:30",
    "pm",
    "May",
    "2024",
    "or",
    "but",
    "(A)",
    "B)",
    "{}",
    "[1]",
    "\\\\frac{1}{2}",
    "%",
    "km",
    "per",
    "second",
    "v1.2",
    "<think>",
    "?",
    ",",
    ".",
    ";",
    "dozen",
    "half",
    "past",
]


@given(
    st.text(max_size=200)
    | st.text(alphabet='{}[]",:0123456789 \n', max_size=200)
    | st.text(alphabet="0123456789.,:/-+^½%$€ ehmskVABC()\\n", max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
)
def test_no_text_breaks_a_reader(text: str) -> None:
    for kind in map(answer_type, ANSWER_TYPES):
        for question in (text, "Which?\n(A) 1.2 (B) it's (C) 3,4 or so"):
            assert len(kind.read_all(replies([text, "42"]), question)) == 2
            kind.key(text, question)
            kind.equals(reply("a", text), "B", question, ["C"])
            kind.equals(reply("a", "1.2"), text, question)


def test_a_tool_call_is_compared_by_name_and_arguments() -> None:
    def called(arguments: object) -> Reply:
        call = {"id": "c1", "type": "function", "function": {"name": "convert", "arguments": arguments}}
        return Reply(uid=1, hotkey="a", tool_calls=(call,))

    given_ = [called('{"to": "USD", "amount": 7}'), called({"amount": 7.0, "to": "USD"}), called("{broken")]
    written = reply("b", '{"name": "convert", "arguments": {"amount": 7, "to": "USD"}}')
    first, second, broken, text = read_answers("tool_call", "Convert 7 euros.", [*given_, written])
    assert first == second == text
    assert broken is None


def test_code_is_compared_without_spacing_and_comments() -> None:
    one = "Here:\n```python\ndef f(x):\n    return x + 1  # next\n```"
    two = "```python\ndef f(x):\n  return   x + 1\n```"
    first, second = read_answers("code", "Write a function.", replies([one, two]))
    assert first == second


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Explain how a rainbow forms.", "text"),
        ("Could you summarise why a vaccine gives immunity?", "text"),
        ("Why is the sky blue?", "text"),
        ("How does TCP deliver data?", "text"),
        ("Is 431 a prime number?", "yes_no"),
        ("All cats are pets. Does it follow that all pets are cats?", "yes_no"),
        ("True or not: Auckland is the capital of New Zealand.", "yes_no"),
        ("How many protons does zinc have?", "number"),
        ("What is 26 + 23 × 19?", "number"),
        ("Solve for l: 55*l - 195 = 2225", "number"),
        ("What is the capital of France?", "short"),
        ("Which chemical element has atomic number 22?", "short"),
        ("How is gold abbreviated in chemistry?", "short"),
        ("Output the values as a JSON object.", "json"),
        ("Write a Python function that adds two numbers.", "code"),
        ("", "text"),
        ("What is a black hole?", "text"),
        ("What is photosynthesis?", "text"),
        ("Write a haiku about the sea.", "text"),
        ("Who was Napoleon?", "text"),
        ("Tell me a joke.", "text"),
        ("What is the meaning of life?", "text"),
        ("What is the best way to learn Spanish?", "text"),
        ("What are the advantages of nuclear power?", "text"),
        ("How are bridges built?", "text"),
        ("Give me three ideas for a birthday present.", "text"),
        ("Is it better to rent or to buy?", "text"),
        ("What do you think of jazz?", "text"),
        ("What causes tides?", "text"),
        ("Who wrote Hamlet?", "short"),
        ("Where was Marie Curie born?", "short"),
        ("What is the largest lake in Africa?", "short"),
        ("Oslo is the capital of which country?", "short"),
        ("In which year did the Berlin wall fall?", "short"),
        ("Name the author of Emma.", "short"),
    ],
)
def test_the_question_says_what_kind_of_answer_it_wants(question: str, kind: str) -> None:
    assert asked_type(question) == kind


def test_tools_ask_for_a_tool_call_and_long_questions_are_read_at_both_ends() -> None:
    assert asked_type("What is the weather?", tools=True) == "tool_call"
    assert asked_type("Explain this text: " + "word " * 100_000) == "text"
    assert asked_type("word " * 100_000 + "Reply with JSON only.") == "json"


@pytest.mark.parametrize(
    ("kind", "truth", "text"),
    [
        ("number", "408", "408"),
        ("yes_no", "no", "No."),
        ("short", "Naypyidaw", "It is Naypyidaw."),
        ("json", '{"a": 1}', '{"a":1}'),
    ],
)
def test_a_truth_is_spelled_like_the_answers(kind: AnswerType, truth: str, text: str) -> None:
    assert answer_type(kind).key(truth, "Which is it?") == key(kind, "Which is it?", text)


def test_a_huge_number_is_not_a_problem() -> None:
    digits = "9" * 30
    assert key("number", "How many?", digits) == digits
    assert not math.isnan(float(digits))
