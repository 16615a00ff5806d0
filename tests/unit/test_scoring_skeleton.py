"""Texts that look the same are compared as the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scoring.duplicates import worded
from engine.scoring.skeleton import skeleton

PLAIN = "a copy of the boy"


@pytest.mark.parametrize(
    "text",
    [
        "A COPY of the Boy",
        "\u200b".join(PLAIN),
        "\ufe0f".join(PLAIN),
        "а сору оf the bоу",
        "".join(chr(ord(letter) + 0xFEE0) if letter != " " else letter for letter in PLAIN),
        "\U0001d41a \U0001d41c\U0001d428\U0001d429\U0001d432 of the boy",
        "à çópy öf thé bôy",
    ],
)
def test_what_looks_alike_is_alike(text: str) -> None:
    assert skeleton(text) == PLAIN
    assert worded(text) == worded(PLAIN)


def test_what_looks_different_is_different() -> None:
    assert skeleton("a copy of the boys") != PLAIN
    assert skeleton("日本語") == "日本語"


@given(st.text(max_size=200))
def test_a_skeleton_has_none_of_its_own_and_does_not_grow(text: str) -> None:
    found = skeleton(text)
    assert len(found) <= 18 * max(1, len(text))
    assert skeleton(found) == found or not text.isascii()
