"""What stands on a terminal, cell by cell, and the few bytes that lead from there to what shall stand there."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style

BRIDGE = 4
"""A gap of so many cells that stay as they are is written over: to step across it costs as many bytes."""

NULL = Style.null()


class Cell(NamedTuple):
    """A character and how it looks; "" for the second half of a wide one."""

    text: str
    style: Style


Row = list[Cell]
UNKNOWN = Cell("?", NULL)


class Canvas:
    """Knows what was written to a terminal, so that only what is different is written again."""

    def __init__(self, color_system: ColorSystem) -> None:
        self._color_system = color_system
        self._rows: dict[int, Row] = {}

    def forget(self) -> None:
        """Nobody knows what stands there."""
        self._rows = {}

    def difference(self, pieces: Mapping[int, Iterable[tuple[int, Iterable[Segment]]]]) -> str:
        """What to write so that these pieces, each at a column of its row, stand there. From then on they do."""
        pen = Pen(self._color_system)
        for y, found in pieces.items():
            old = self._rows.get(y, [])
            new = old.copy()
            for x, segments in found:
                _put(new, x, segments)
            for begin, end in _changed(old, new):
                pen.go_to(begin, y)
                for cell in new[begin:end]:
                    pen.write(*cell)
            self._rows[y] = new
        return pen.text


def _put(row: Row, x: int, segments: Iterable[Segment]) -> None:
    cells: Row = []
    for text, style, control in segments:
        if control:
            continue
        style = style or NULL
        if text.isascii():
            cells += map(Cell, text, repeat(style))
        else:
            _put_characters(cells, text, style)
    row += [UNKNOWN] * (x - len(row))
    row[x : x + len(cells)] = cells


def _put_characters(cells: Row, text: str, style: Style) -> None:
    for character in text:
        width = get_character_cell_size(character)
        if width == 0 and cells:
            cells[-1] = Cell(cells[-1].text + character, cells[-1].style)
        elif width:
            cells.append(Cell(character, style))
            cells += [Cell("", style)] * (width - 1)


def _changed(old: Row, new: Row) -> Iterator[tuple[int, int]]:
    """Where two rows differ, from column to column."""
    if old == new:
        return
    begin = end = -1
    for x in _different(old, new):
        if begin >= 0 and x - end > BRIDGE:
            yield begin, end
            begin = -1
        if begin < 0:
            begin = x
        end = x + 1
    if begin >= 0:
        yield begin, end


def _different(old: Row, new: Row) -> Iterator[int]:
    """The columns of cells that differ. Both halves of a wide character are written, or none."""
    shared = min(len(old), len(new))
    for x in range(shared):
        if old[x] is not new[x] and old[x] != new[x]:
            if not new[x].text and x:
                yield x - 1
            yield x
            if x + 1 < len(new) and not new[x + 1].text:
                yield x + 1
    yield from range(shared, len(new))


class Look(NamedTuple):
    """A style as a terminal is told it: codes of attributes, and of the two colours; "" is what is usual."""

    attributes: str
    foreground: str
    background: str
    is_drawn: bool
    """Whether the attributes and the foreground are to be seen on a blank."""


PLAIN = Look("", "", "", is_drawn=False)


@lru_cache(4096)
def look_of(style: Style, color_system: ColorSystem) -> Look:
    without_colors = style.without_color._make_ansi_codes(color_system)
    return Look(
        without_colors,
        _codes(style.color, color_system, foreground=True),
        _codes(style.bgcolor, color_system, foreground=False),
        bool(style.reverse or style.underline or style.underline2 or style.strike or style.overline),
    )


def _codes(color: Color | None, color_system: ColorSystem, *, foreground: bool) -> str:
    return "" if color is None else ";".join(color.downgrade(color_system).get_ansi_codes(foreground))


class Pen:
    """Writes cells, and of their looks only what is other than before. It begins with the usual look."""

    def __init__(self, color_system: ColorSystem) -> None:
        self._color_system = color_system
        self._written: list[str] = []
        self._look = PLAIN

    @property
    def text(self) -> str:
        """All that was written; after it everything looks as usual again."""
        return "".join(self._written) + ("\x1b[m" if self._look != PLAIN else "")

    def go_to(self, x: int, y: int) -> None:
        self._written.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, text: str, style: Style) -> None:
        look, now = look_of(style, self._color_system), self._look
        if text == " " and not look.is_drawn and not now.is_drawn:
            look = now._replace(background=look.background)
        if look != now:
            self._written.append(_from_to(now, look))
            self._look = look
        self._written.append(text)


def _from_to(now: Look, wanted: Look) -> str:
    if wanted.attributes != now.attributes:
        codes = ["0", wanted.attributes, wanted.foreground, wanted.background]
    else:
        codes = [
            (wanted.foreground or "39") if wanted.foreground != now.foreground else "",
            (wanted.background or "49") if wanted.background != now.background else "",
        ]
    return f"\x1b[{';'.join(filter(None, codes))}m"
