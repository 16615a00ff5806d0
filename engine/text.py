"""Foreign text made harmless: the one place through which it reaches a screen, a file, a log or an event.

What a miner or a caller sends may hold terminal escapes, text that runs backwards, characters that nobody sees, and
a thousand accents on one letter. `safe` shows each of them as something visible that takes a known number of cells,
and a secret that we know (`engine.redaction`) as asterisks.
"""

import unicodedata
from itertools import accumulate, takewhile

from engine.redaction import REST, hide_known

MAX_CHARS = 32_767
"""The longest text that leaves here, which is also what a spreadsheet's cell holds."""

MAX_MARKS = 3
"""Combining marks kept on one character; written languages need no more."""

HIDDEN = "·"
NEWLINE = "⏎"
CUT = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_TAB = "    "
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_EMOJI_STYLE = (0xFE0E, 0xFE0F)
_EMOJI = range(0x1F000, 0x1FC00)
_WIDE = frozenset(
    code
    for first, last in ((0x2630, 0x2637), (0x268A, 0x268F), (0x4DC0, 0x4DFF), (0x1D300, 0x1D376), (0x1F1E6, 0x1F1FF))
    for code in range(first, last + 1)
)
"""Two cells wide since a Unicode newer than this Python's, or in some terminals (the letters of flags)."""

_CACHED_BELOW = 0x3000
_INVISIBLE = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE0E)]
)
"""Letters and marks without a glyph: fillers, joiners and variation selectors."""


def safe(text: str, width: int | None = None, *, lines: bool = False) -> str:
    """`text` without anything that moves a cursor, hides, or changes direction, and without our secrets.

    Control characters become control pictures, bidi and zero-width ones `·`, lone surrogates `�`; a newline becomes
    `⏎`, or stays with `lines`, and a tab then is four spaces. No more than `MAX_CHARS` characters come out. With
    `width`, each line takes at most that many terminal cells; what was cut ends in `…`.
    """
    clean = (
        hide_known(text[: MAX_CHARS + REST])[:MAX_CHARS].replace("\r\n", "\n").translate(_LINES if lines else _ONE_LINE)
    )
    if not clean.isascii():
        clean = _bound_marks(clean)
    if len(text) > MAX_CHARS or len(clean) > MAX_CHARS:
        clean = clean[: MAX_CHARS - 1] + CUT
    if width is None:
        return clean
    return "\n".join(_cut(line, width) for line in clean.split("\n"))


def csv_cell(text: str) -> str:
    """`text` on one line, and so that no spreadsheet takes it for a formula: such a beginning gets a `'` before it."""
    clean = safe(text)
    return "'" + clean if text.startswith(_FORMULA_STARTS) else clean


def cells(text: str) -> int:
    """How many terminal cells a cleaned text takes, at most."""
    return len(text) if text.isascii() else sum(map(_cells, text))


class _Visible(dict[int, str]):
    """What each character is shown as, for `str.translate`; remembered for the characters of alphabets."""

    def __missing__(self, code: int) -> str:
        shown = _visible(code)
        if code < _CACHED_BELOW:
            self[code] = shown
        return shown


def _visible(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if code in _EMOJI_STYLE:
        return ""
    if code in _INVISIBLE:
        return HIDDEN
    character = chr(code)
    match unicodedata.category(character):
        case "Cc":
            return "\N{SYMBOL FOR ESCAPE}" + chr(code - 0x40)
        case "Cf":
            return HIDDEN
        case "Zl" | "Zp":
            return NEWLINE
        case "Zs":
            return " "
        case "Cs" | "Co":
            return REPLACEMENT
        case "Cn" if code not in _EMOJI:
            return HIDDEN if code >= 0xE0000 or code in range(0xFFF0, 0xFFF9) else REPLACEMENT
        case "Mn" if code >= 0xE0000:
            return HIDDEN
    return character


_ONE_LINE = _Visible({ord("\n"): NEWLINE})
_LINES = _Visible({ord("\n"): "\n", ord("\t"): _TAB, 0x2028: "\n", 0x2029: "\n"})


def _bound_marks(text: str) -> str:
    """`text` with at most `MAX_MARKS` marks on a character, and none that would sit on what stands before the text."""
    kept: list[str] = []
    room = 0
    for character in text:
        if not _is_mark(character):
            room = 0 if character == "\n" else MAX_MARKS
        elif room:
            room -= 1
        elif kept and kept[-1] != "\n":
            continue
        else:
            kept.append(HIDDEN)
            room = MAX_MARKS - 1
        kept.append(character)
    return "".join(kept)


def _is_mark(character: str) -> bool:
    return character > "\u02ff" and unicodedata.category(character) in ("Mn", "Me")


def _cells(character: str) -> int:
    if _is_mark(character):
        return 0
    code = ord(character)
    wide = unicodedata.east_asian_width(character) in ("W", "F") or code in _WIDE
    return 2 if wide or (code in _EMOJI and unicodedata.category(character) == "Cn") else 1


def _cut(line: str, width: int) -> str:
    if cells(line) <= width:
        return line
    if width < 1:
        return ""
    fitting = takewhile(lambda end: end < width, accumulate(map(_cells, line)))
    return line[: sum(1 for _ in fitting)] + CUT
