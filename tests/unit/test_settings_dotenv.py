"""`.env` files, read as other programs of the field read them."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.settings.dotenv import Assignment, entries

NAMES = st.from_regex(r"[A-Z_][A-Z0-9_.]{0,10}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r$"), max_size=30)


def bare(text: str, environ: dict[str, str]) -> Iterator[Assignment]:
    """The assignments without where their values end and what stands behind them."""
    return (replace(one, end=0, comment="") for one in entries(text, environ))


def test_what_stands_behind_a_value_and_where_that_ends() -> None:
    text = "A='one\ntwo' # behind\nB=b#c  # d # e\nC=\nD=# all\n"
    assert [(one.end, one.comment) for one in entries(text, {})] == [(2, "behind"), (3, "d # e"), (4, ""), (5, "all")]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("NETUID=78", "NETUID", "78"),
        ("  export WALLET.NAME = miner  ", "WALLET.NAME", "miner"),
        ("A=b # why", "A", "b"),
        ("A=b#c", "A", "b#c"),
        ("A=# all of it", "A", ""),
        ("A=", "A", ""),
        ("A=x y  z", "A", "x y  z"),
        ("A='it''s' # x", "A", "it"),
        (r"A='a\n\'b\\'", "A", r"a\n'b" + "\\"),
        (r'A="a\n\"b\d"', "A", 'a\n"b\\d'),
        (r'A="\a\b\f\v"', "A", "\a\b\f\v"),
        ('A="# kept" # gone', "A", "# kept"),
        ("URL=ws://127.0.0.1:9945", "URL", "ws://127.0.0.1:9945"),
    ],
)
def test_one_line(line: str, name: str, value: str) -> None:
    assert list(bare(line, {})) == [Assignment(name, value, 1)]


def test_lines_are_counted_through_everything() -> None:
    text = '\ufeff# comment\r\n\nnothing here\nA="one\ntwo"\nexport B=2\n\'C=3\nD=4'
    assert list(bare(text, {})) == [Assignment("A", "one\ntwo", 4), Assignment("B", "2", 6), Assignment("D", "4", 8)]


def test_an_open_quote_loses_its_own_value_only() -> None:
    assert list(bare("A='open\nB=2\n", {})) == [Assignment("A", None, 1), Assignment("B", "2", 2)]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("${BASE}/w", "/base/w"),
        ('"${BASE}/w"', "/base/w"),
        ("'${BASE}/w'", "/base/w"),
        ("$BASE/w", "/base/w"),
        ("'$BASE/w'", "$BASE/w"),
        ("${EARLIER}-${BASE}", "earlier-/base"),
        ("${NOBODY:-otherwise}", "otherwise"),
        ("${NOBODY:-}", ""),
        ("${BASE:-otherwise}", "/base"),
        ("pa$$word$1", "pa$$word$1"),
        ("pa$word", "pa$word"),
        ("a $ b ${", "a $ b ${"),
        ("${LOOP}", "${BASE}"),
    ],
)
def test_variables_are_expanded(value: str, read: str) -> None:
    environ = {"BASE": "/base", "EARLIER": "of the environment", "LOOP": "${BASE}"}
    *_, entry = entries(f"EARLIER=earlier\nA={value}", environ)
    assert (entry.value, entry.missing) == (read, "")


def test_a_variable_that_nobody_set_is_named() -> None:
    (entry,) = entries("A=${NOBODY}/w", {})
    assert entry.missing == "NOBODY"


@pytest.mark.parametrize(
    "form", ["${Q:-${A}}", "${Q-def}", "${Q:+x}", "${Q:?x}", "${Q=x}", "${Q:=x}", "${}", "${Q:x}", "${Q:-$A}"]
)
def test_a_form_that_is_not_known_is_named_and_not_taken_for_a_variable(form: str) -> None:
    (entry,) = entries(f"B='before {form} after'", {"Q": "q", "A": "a"})
    assert (entry.unread, entry.missing) == (form, "")


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_what_is_quoted_comes_back(pairs: list[tuple[str, str]]) -> None:
    def quoted(value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    text = "\n".join(f"{name}={quoted(value)}" for name, value in pairs)
    assert [(entry.name, entry.value) for entry in entries(text, {})] == pairs


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    lines = [entry.line for entry in entries(text, {})]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for line in lines)


def test_a_long_line_is_read_in_no_time() -> None:
    (entry,) = entries("A=" + "x " * 500_000, {})
    assert entry.value is not None
    assert len(entry.value) == 999_999
