"""The scripted backend's arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.values import Request
from miner_server.backends.registry import open_backend
from miner_server.backends.scripted import work_out


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("What is 41 plus 1?", 42),
        ("what is 12 MINUS 5?", 7),
        ("6 times 7", 42),
        ("2+3", 5),
        ("10 - 4 - 3 = ?", 3),
        ("Work out 2 + 3 * 4.", 14),
        ("7 times -3", -21),
        ("5 × 5", 25),
        ("What is 1.5 plus 2?", None),
        ("3 plus 45.6", None),
        ("x1 + 2", None),
        ("What is a miner?", None),
        ("", None),
    ],
)
def test_simple_sums(text: str, result: int | None) -> None:
    assert work_out(text) == result


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_any_two_whole_numbers(one: int, other: int) -> None:
    assert work_out(f"What is {one} plus {other}?") == one + other
    assert work_out(f"What is {one} minus {other}?") == one - other
    assert work_out(f"What is {one} times {other}?") == one * other


@given(st.text(alphabet="0123456789+-* .xtimesplu", max_size=2000))
def test_nothing_that_looks_like_a_sum_takes_long_or_fails(text: str) -> None:
    work_out(text)


async def test_the_same_sentence_for_everything_else() -> None:
    backend = open_backend("scripted")
    assert await backend.readiness() == ""
    first = await backend.complete(Request(prompt="Who are you?"), timeout=1)
    assert first == await backend.complete(Request(prompt="Why is that?"), timeout=1)
    assert first.usage["total_tokens"] == first.usage["prompt_tokens"] + first.usage["completion_tokens"]
    await backend.close()
