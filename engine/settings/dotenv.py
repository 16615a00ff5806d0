"""`.env` files as the field's miners and validators read them: `NAME=value`, quotes, comments, `export`.

Values are taken as they stand: nothing in them is expanded.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

_ASSIGNMENT = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_COMMENT = re.compile(r"(?:^|\s)#")
_ESCAPES = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"nrt])")}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}


class Entry(Struct, frozen=True):
    """One assignment. `value` is None when its quote is never closed."""

    name: str
    value: str | None
    line: int


def entries(text: str) -> Iterator[Entry]:
    """The assignments in order; lines that are none are passed over, as the field's readers do."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    position = 0
    line = 1
    while position < len(text):
        start = position
        assignment = _ASSIGNMENT.match(text, position)
        if assignment:
            value, position = _value(text, assignment.end())
            yield Entry(assignment[1], value, line)
        position = _next_line(text, position)
        line += text.count("\n", start, position)


def _value(text: str, start: int) -> tuple[str | None, int]:
    """The value that begins at `start`, and where it ends."""
    quote = text[start : start + 1]
    if quote not in _QUOTED:
        rest = text[start : _next_line(text, start)]
        return _COMMENT.split(rest, maxsplit=1)[0].strip(), start
    quoted = _QUOTED[quote].match(text, start)
    if quoted is None:
        return None, start
    return _ESCAPES[quote].sub(lambda match: _CONTROLS.get(match[1], match[1]), quoted[1]), quoted.end()


def _next_line(text: str, position: int) -> int:
    newline = text.find("\n", position)
    return len(text) if newline < 0 else newline + 1
