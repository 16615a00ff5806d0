"""What is typed and what is pasted, however the terminal splits it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.tui.driver import BURST, END, MOST, START, Input, PasteFilter

PIECES = st.lists(
    st.sampled_from(["a", "\x1b[A", "\x1b", "[20", "0~", "é", START + "one\x1b]52;c;x\x07two" + END, START + END]),
    max_size=12,
)


def whole(pieces: list[str]) -> list[Input]:
    """What comes out, neighbouring keys put together."""
    pasting, found = PasteFilter(), list[Input]()
    for piece in pieces:
        for text, pasted in pasting.feed(piece):
            if found and not pasted and not found[-1].pasted:
                found[-1] = Input(found[-1].text + text, pasted=False)
            else:
                found.append(Input(text, pasted))
    return found


def test_a_paste_among_keys_is_one_text() -> None:
    assert whole([f"ab{START}x\x1b[A\ny{END}c"]) == [Input("ab", False), Input("x\x1b[A\ny", True), Input("c", False)]


@given(PIECES, st.data())
def test_where_the_input_is_cut_makes_no_difference(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces) + "end"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    # a key alone is never held back, so a mark that is cut within its first two characters is not a mark
    cuts = [cut for cut in cuts if not text[:cut].endswith(("\x1b", "\x1b["))]
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert whole(parts) == whole([text])


def test_escape_alone_is_a_key_at_once() -> None:
    assert list(PasteFilter().feed("\x1b")) == [Input("\x1b", pasted=False)]


@pytest.mark.parametrize("size", [MOST - 1, MOST, MOST + 1, 1_000_000])
def test_a_paste_is_bounded(size: int) -> None:
    (found,) = whole([START, *["x" * 4096] * (size // 4096), "x" * (size % 4096), END])
    assert found == Input("x" * min(size, MOST), pasted=True)


def test_a_flood_without_brackets_is_a_paste_too() -> None:
    (found,) = whole(["x" * (BURST + 1)])
    assert found.pasted
    (typed,) = whole(["\x1b[<35;1;1M" * BURST])
    assert not typed.pasted
