"""What stands on a terminal, cell by cell, and the few bytes that lead from there to what shall stand there.

A screen of 160 columns has 7,680 cells, and another screen changes them all: what is done for each is done in C.
"""

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


class CellStyle(NamedTuple):
    """A style as a terminal is told it: codes of attributes, and of the two colours; "" is what is usual."""

    attributes: str
    foreground: str
    background: str
    is_drawn: bool
    """Whether the attributes and the foreground are to be seen on a blank."""


PLAIN = CellStyle("", "", "", is_drawn=False)

Cell = tuple[str, CellStyle]
"""A character and how it looks; "" for the second half of a wide one."""

Row = list[Cell]
UNKNOWN: Cell = ("?", PLAIN)


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
        pen = Pen()
        for y, found in pieces.items():
            old = self._rows.get(y, [])
            new = old.copy()
            for x, segments in found:
                self._put(new, x, segments)
            for begin, end in _changed(old, new):
                pen.go_to(begin, y)
                pen.write(new[begin:end])
            self._rows[y] = new
        return pen.text

    def _put(self, row: Row, x: int, segments: Iterable[Segment]) -> None:
        cells: Row = []
        for text, style, control in segments:
            if control:
                continue
            look = look_of(style or NULL, self._color_system)
            if text.isascii():
                cells += zip(text, repeat(look))
            else:
                _put_characters(cells, text, look)
        row += [UNKNOWN] * (x - len(row))
        row[x : x + len(cells)] = cells


def _put_characters(cells: Row, text: str, look: CellStyle) -> None:
    for character in text:
        width = get_character_cell_size(character)
        if width == 0 and cells:
            before, its_look = cells[-1]
            cells[-1] = (before + character, its_look)
        elif width:
            cells.append((character, look))
            cells += [("", look)] * (width - 1)


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
    for x, (was, now) in enumerate(zip(old, new, strict=False)):
        if was != now:
            if not now[0] and x:
                yield x - 1
            yield x
            if x + 1 < len(new) and not new[x + 1][0]:
                yield x + 1
    yield from range(len(old), len(new))


@lru_cache(4096)
def look_of(style: Style, color_system: ColorSystem) -> CellStyle:
    """The look of a Rich style on a terminal."""
    without_colors = style.without_color._make_ansi_codes(color_system)
    return CellStyle(
        without_colors,
        _codes(style.color, color_system, foreground=True),
        _codes(style.bgcolor, color_system, foreground=False),
        bool(style.reverse or style.underline or style.underline2 or style.strike or style.overline),
    )


def _codes(color: Color | None, color_system: ColorSystem, *, foreground: bool) -> str:
    return "" if color is None else ";".join(color.downgrade(color_system).get_ansi_codes(foreground))


class Pen:
    """Writes cells, and of their looks only what is other than before. It begins with the usual look."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._look = PLAIN

    @property
    def text(self) -> str:
        """All that was written; after it everything looks as usual again."""
        return "".join(self._written) + ("\x1b[m" if self._look != PLAIN else "")

    def go_to(self, x: int, y: int) -> None:
        self._written.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, cells: Iterable[Cell]) -> None:
        look, written = self._look, self._written
        for text, wanted in cells:
            if wanted is not look and wanted != look:
                if text == " ":
                    wanted = _of_blank(look, wanted)
                if wanted != look:
                    written.append(_from_to(look, wanted))
                    look = wanted
            written.append(text)
        self._look = look


def _of_blank(now: CellStyle, wanted: CellStyle) -> CellStyle:
    """The look of a blank with the fewest changes: of most looks it shows the background alone."""
    if wanted.is_drawn or now.is_drawn:
        return wanted
    return now if wanted.background == now.background else now._replace(background=wanted.background)


@lru_cache(4096)
def _from_to(now: CellStyle, wanted: CellStyle) -> str:
    if wanted.attributes != now.attributes:
        codes = ["0", wanted.attributes, wanted.foreground, wanted.background]
    else:
        codes = [
            (wanted.foreground or "39") if wanted.foreground != now.foreground else "",
            (wanted.background or "49") if wanted.background != now.background else "",
        ]
    return f"\x1b[{';'.join(filter(None, codes))}m"
