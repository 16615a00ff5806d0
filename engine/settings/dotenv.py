"""`.env` files as the field's miners and validators read them: `NAME=value`, quotes, comments, `export`, `${NAME}`.

python-dotenv, which those programs use, silently skips an unclosed quote and treats an unknown variable as empty; here
both are reported with their line.
"""

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping

from msgspec import Struct

_ASSIGNMENT = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_COMMENT = re.compile(r"(?:^|\s)#")
_ESCAPES = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"abfnrtv])")}
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^{}]*(?:\{[^{}]*\}[^{}]*)*)\}|(?P<bare>[A-Za-z_]\w*))")
_BRACED = re.compile(r"([^:$={}+?-]+)(?::-([^${}]*))?")


class Assignment(Struct, frozen=True):
    """One assignment. `value` is None if its quote is not closed.

    `missing` is a variable that is not set, and `unread` a `${…}` in an unsupported form. `end` is the last line of the
    value, and `comment` what stands behind it.
    """

    name: str
    value: str | None
    line: int
    missing: str = ""
    unread: str = ""
    end: int = 0
    comment: str = ""


def entries(text: str, environ: Mapping[str, str]) -> Iterator[Assignment]:
    """The assignments in order; other lines are skipped, as the field's readers do.

    `${NAME}`, `${NAME:-otherwise}` and `$NAME` take their value from an earlier line, or else from `environ`. An unset
    `$NAME`, or one in single quotes, stays as it is: it may be part of a password.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    earlier: dict[str, str] = {}
    known = ChainMap[str, str](earlier, dict(environ))
    position = 0
    line = 1
    while position < len(text):
        start = position
        assignment = _ASSIGNMENT.match(text, position)
        if assignment:
            is_literal = text[assignment.end() : assignment.end() + 1] == "'"
            value, position = _value(text, assignment.end())
            expanded, missing, unread = (
                (None, "", "") if value is None else _expanded(value, known, bare=not is_literal)
            )
            end = line + text.count("\n", start, position)
            behind = _COMMENT.search(text[position : _next_line(text, position)])
            comment = text[position + behind.end() : _next_line(text, position)].strip() if behind else ""
            yield Assignment(assignment[1], expanded, line, missing, unread, end, comment)
            earlier[assignment[1]] = expanded or ""
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


def _expanded(value: str, known: Mapping[str, str], *, bare: bool) -> tuple[str, str, str]:
    """The value with its variables replaced, then the first unknown variable and the first unsupported form, "" if
    there is none."""
    missing = unread = ""

    def of(found: re.Match[str]) -> str:
        nonlocal missing, unread
        if found["bare"] is not None:
            return known.get(found["bare"], found[0]) if bare else found[0]
        form = _BRACED.fullmatch(found["braced"])
        if form is None:
            unread = found[0]
            return found[0]
        name, otherwise = form[1], form[2]
        if name not in known and otherwise is None:
            missing = name
            return found[0]
        return known.get(name, otherwise)

    return _VARIABLE.sub(of, value), missing, unread


def _next_line(text: str, position: int) -> int:
    newline = text.find("\n", position)
    return len(text) if newline < 0 else newline + 1
