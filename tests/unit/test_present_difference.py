"""Two answers compared word by word: what is marked, how it is laid out, and that large texts are cheap."""

from hypothesis import given
from hypothesis import strategies as st

from console.present.text import text_of, width_of
from console.screens.challenge.content import JudgedReply
from console.screens.challenge.difference import CHARS, WORDS, WordDifference, compare, pair, view
from engine.doors import EmaStep
from engine.text import safe
from tests.unit.effort import effort
from tests.unit.store_helpers import a_reply, a_verdict

TITLES = ("uid 1 left", "uid 2 right")


def row(uid: int, cluster: str = "", emission: float = 0.0) -> JudgedReply:
    reply = a_reply(uid)
    return JudgedReply(
        reply=reply,
        verdict=a_verdict(reply, cluster=cluster, emission=emission),
        ema=EmaStep(None, None),
        name="",
        won=False,
        counted="yes",
    )


def shown(one: str, other: str, width: int) -> list[str]:
    return [text_of(content).rstrip() for content in view(compare(one, other), TITLES, width)]


def test_words_that_only_one_has_are_marked_on_its_side() -> None:
    assert shown("The sum is 4211 today.", "The sum of both is 4212 today.", 60) == [
        "4 words in both, 1 [-only here-], 3 {+only there+}",
        "",
        "uid 1 left",
        "The sum is [-4211-] today.",
        "",
        "uid 2 right",
        "The sum {+of both+} is {+4212+} today.",
    ]


def test_a_wide_pane_has_them_side_by_side() -> None:
    lines = shown("yes\nfive", "no\nfive\nsix", 103)
    assert lines[2:] == [
        "uid 1 left" + " " * 40 + " │ uid 2 right",
        "[-yes-]" + " " * 43 + " │ {+no+}",
        "five" + " " * 46 + " │ five",
        " " * 50 + " │ {+six+}",
    ]


def test_equal_texts_have_nothing_marked_however_often_a_word_is_in_them() -> None:
    many = "word " * 900
    assert shown(many, many, 80)[0] == "900 words in both, 0 [-only here-], 0 {+only there+}"


def test_blanks_and_line_ends_alone_make_no_difference_to_a_word() -> None:
    found = compare("one  two", "one two\n")
    assert [word.alone for word in found.left] == [False, False]


@given(st.text(max_size=400), st.text(max_size=400), st.sampled_from([24, 60, 120]))
def test_nothing_is_lost_and_every_line_fits(one: str, other: str, width: int) -> None:
    found = compare(one, other)
    assert "".join(word.text for word in found.left) == safe(one, lines=True)
    assert "".join(word.text for word in found.right) == safe(other, lines=True)
    for content in view(found, ("a", "b"), width)[3:]:
        assert width_of(content) <= width


def test_two_megabytes_are_cut_told_and_done_at_once() -> None:
    hostile = (
        ("a " * 500_000, "b a " * 250_000),
        ("x" * 1_000_000, "y" * 1_000_000),
        ("\n" * 1_000_000, "e" * 1_000_000),
    )
    for one, other in hostile:
        with effort(at_most=2):
            found = compare(one, other)
            lines = view(found, TITLES, 160)
        assert max(len(found.left), len(found.right)) <= WORDS
        assert sum(len(word.text) for word in found.left) <= CHARS
        assert "the texts have 1,000,000 and 1,000,000 characters" in text_of(lines[1])


def test_what_was_not_cut_says_nothing_of_it() -> None:
    assert compare("a " * WORDS, "b").cut == ""
    assert compare("a " * (WORDS + 1), "b").cut != ""


def test_the_two_that_are_compared() -> None:
    rows = [row(1, "A", 0.1), row(2, "A", 0.9), row(3, "B", 0.2), row(4, "A")]
    keys = [one.reply.hotkey for one in rows]
    assert pair(rows, (), keys[0]) == (rows[1], rows[2])
    assert pair(rows, {keys[3]}, keys[0]) == (rows[3], rows[0])
    assert pair(rows, {keys[0], keys[3]}, keys[1]) == (rows[0], rows[3])
    assert pair(rows, {keys[0]}, keys[0]) == "mark two replies with space"
    assert pair(rows, set(keys), keys[0]) == "mark two replies, not 4"
    assert pair(rows[:2], (), keys[0]) == "mark two replies with space"
    assert pair((), (), "") == "mark two replies with space"


def test_no_text_is_a_difference_too() -> None:
    assert compare("", "") == WordDifference(left=(), right=())
    assert shown("", "new", 60)[-1] == "{+new+}"
