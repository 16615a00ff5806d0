import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scoring.working import Working, working
from tests.unit.scoring_helpers import challenge, judged, replies, reply, verdicts

QUESTION = "A shop sells 24 crates of 17 apples at £10 each, 60 of them on day 3. How many apples is that?"


@pytest.mark.parametrize(
    "text",
    [
        "24 × 17 = 408.",
        "- 24 * 17 = 408 apples",
        "1. 24×17=408",
        "#### 408\n\n- 24 − 17 = 7.\n- So it is 408.",
        "17 + 24 × 3 = 89",
        "60 / 7 = 8.57 or so",
        "£10 + £24.50 = £34.50.",
        "1,000 − 24 = 976",
        "**24 × 17 = 408**",
    ],
)
def test_a_sum_about_the_question_that_comes_out(text: str) -> None:
    assert working(text, QUESTION) == Working(sound=1)


def test_a_sum_that_divides_by_nothing_says_nothing_and_those_after_it_do() -> None:
    assert working("24 / 0 = 17. Then 24 × 17 = 408, and 24 − 17 = 8.", QUESTION) == Working(sound=1, wrong=1)


@pytest.mark.parametrize(
    "text", ["24 × 17 = 418.", "First 24 − 17 = 8, then more.", "60 / 7 = 8.7", "3+24*17=459 in all"]
)
def test_a_sum_that_does_not_come_out(text: str) -> None:
    assert working(text, QUESTION) == Working(wrong=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "408",
        "2x + 50 = 80, so 2x = 30",
        "24 crates * £17/crate = £408",
        "5 × 5 = 25",
        "24 + 0 = 24 and 1 × 24 = 24",
        "24 / 0 = 17",
        "24 × 17 = 408 × 2 = 816",
        "24 is 17% of it = 141%",
        "17 × 24 = 408.5.3",
        "408\n= 17",
    ],
)
def test_what_says_nothing_either_way(text: str) -> None:
    assert working(text, QUESTION) == Working()


@given(st.text(alphabet="0123456789 +-−×*/÷=.,£$x\n", max_size=200))
def test_any_text_can_be_looked_at(text: str) -> None:
    found = working(text, QUESTION)
    assert found.sound >= 0
    assert found.wrong >= 0


@given(a=st.integers(2, 10**6), b=st.integers(2, 10**6))
def test_sums_and_products_that_come_out_are_never_called_wrong(a: int, b: int) -> None:
    text = f"{a} + {b} = {a + b}. {a} × {b} = {a * b:,}. {a} / {b} = {a / b:.4f}"
    assert working(text, f"What about {a}?") == Working(sound=3)


def test_among_strangers_the_answer_whose_sums_come_out_wins_and_says_so() -> None:
    asked = challenge("Would you call 187 prime?", "yes_no")
    given = [
        *replies(["Yes.", "Yes, it is prime.", "Yes, 187 is prime."]),
        reply("shows", "No. It can be divided by 11: 11 × 17 = 187."),
        reply("agrees", "No, it is not."),
        reply("joins", "No."),
    ]
    judgement, _ = judged(asked, given)
    assert judgement.winner in ("shows", "agrees", "joins")
    assert "its sums come out: what its vote is lent counts double" in verdicts(asked, given)["shows"].reasons


def test_a_voter_whose_sums_do_not_come_out_is_hardly_heard() -> None:
    asked = challenge("What is 198 minus 119?", "number")
    given = [
        reply("slips", "198 − 119 = 89."),
        reply("slips-too", "First 198 − 119 = 89, so it is 89."),
        reply("right", "It is 79."),
    ]
    judgement, _ = judged(asked, given)
    assert judgement.winner == "right"
    assert "a sum in it does not come out: its vote hardly counts" in verdicts(asked, given)["slips"].reasons


def test_a_right_answer_is_paid_whatever_its_sums() -> None:
    asked = challenge("What is 198 minus 119?", "number", truth="79")
    found = verdicts(asked, [reply("slips", "198 − 100 = 97, less 19 is 79. The answer is 79.")])
    assert found["slips"].emission > 0.9
