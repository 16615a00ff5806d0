"""What foreign text cannot do once it has passed `safe`."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.text import CUT, HIDDEN, MAX_CHARS, MAX_MARKS, cells, csv_cell, safe

ANYTHING = st.text(st.characters(codec=None))
HOSTILE = st.text(
    st.sampled_from(
        "\x00\t\n\r\x1b\x7f\x9b\u200b\u200d\u202e\u2028\ufeff\ufe0f\u0301\u0488\ud800日🫠🇩a\u00ad\U000e0041"
    )
)
FORBIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")


@given(ANYTHING | HOSTILE, st.booleans())
def test_no_character_moves_the_cursor_or_hides(text: str, lines: bool) -> None:
    clean = safe(text, lines=lines)
    allowed = "\n" if lines else ""
    assert all(unicodedata.category(character) not in FORBIDDEN or character in allowed for character in clean)
    clean.encode()


@given(ANYTHING | HOSTILE, st.integers(-1, 40), st.booleans())
def test_no_line_takes_more_cells_than_asked(text: str, width: int, lines: bool) -> None:
    for line in safe(text, width, lines=lines).split("\n"):
        assert cell_len(line) <= cells(line) <= max(width, 0)


@given(ANYTHING | HOSTILE)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters(min_codepoint=0xA0) | st.characters(max_codepoint=0x7F)))
def test_plain_letters_stay(text: str) -> None:
    def letters(text: str) -> list[str]:
        return [character for character in text if character.isascii() and character.isalnum()]

    assert letters(safe(text)) == letters(text)


def test_every_character_is_at_least_as_wide_as_a_terminal_shows_it() -> None:
    narrow = []
    for code in range(0x110000):
        clean = safe("x" + chr(code))
        if cells(clean) < cell_len(clean):
            narrow.append(hex(code))
    assert narrow == []


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain text", "plain text"),
        ("naïve 日本語 🙂", "naïve 日本語 🙂"),
        ("\x1b]52;c;QUJD\x07", "␛]52;c;QUJD␇"),
        ("\x1b]8;;evil\x1b\\x", "␛]8;;evil␛\\x"),
        ("\x9b2Jgone", "␛[2Jgone"),
        ("a\x00b\x7fc", "a␀b␡c"),
        ("one\r\ntwo\nthree\rfour", "one⏎two⏎three␍four"),
        ("a\u2028b\u00a0c", "a⏎b c"),
        ("abc\u202edcba\u2066x\u200by\ufeff", "abc·dcba·x·y·"),
        ("lone \ud800 surrogate", "lone � surrogate"),
        ("private \ue000", "private �"),
        ("❤\ufe0f", "❤"),
        ("[bold]/foo[/foo]", "[bold]/foo[/foo]"),
        ("\U000e0041\U000e0100", HIDDEN * 2),
        ("ᅠㅤﾠ", HIDDEN * 3),
    ],
)
def test_known_attacks(text: str, clean: str) -> None:
    assert safe(text) == clean


def test_lines_and_tabs_stay_readable_where_there_is_room() -> None:
    assert safe("def f():\r\n\treturn 1\u2028done", lines=True) == "def f():\n    return 1\ndone"


def test_a_flood_of_marks_keeps_a_few() -> None:
    assert safe("e" + "\u0301" * 10_000 + "x") == "e" + "\u0301" * MAX_MARKS + "x"


def test_a_mark_without_a_letter_gets_one_of_its_own() -> None:
    assert safe("\u0301x") == HIDDEN + "\u0301x"
    assert safe("a\n\u0301", lines=True) == "a\n" + HIDDEN + "\u0301"


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "日" * 1_000_000, "\r\n" * 1_000_000, "\u0301" * 1_000_000, "\x9b" * 40_000]
)
def test_a_huge_text_is_cut_and_marked(text: str) -> None:
    clean = safe(text)
    assert len(clean) <= MAX_CHARS
    assert clean.endswith(CUT)


def test_a_text_of_the_longest_length_is_whole() -> None:
    assert safe("a" * MAX_CHARS) == "a" * MAX_CHARS


def test_cutting_counts_cells_and_keeps_marks_with_their_letter() -> None:
    assert safe("日本語", 6) == "日本語"
    assert safe("日本語", 5) == "日本…"
    assert safe("日本語", 4) == "日…"
    assert safe("e\u0301e\u0301e\u0301", 2) == "e\u0301…"
    assert safe("one two\nthree", 5, lines=True) == "one …\nthree"
    assert safe("anything", 0) == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_sees_no_formula(start: str) -> None:
    cell = csv_cell(start + "1+1")
    assert cell.startswith("'")
    assert csv_cell("1" + start) == safe("1" + start)


def test_a_cell_is_one_line() -> None:
    assert csv_cell("a\nb") == "a⏎b"
