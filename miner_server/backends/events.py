"""The JSON values in a body that a backend sends piece by piece: server-sent events, or lines of JSON."""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress

from engine import foreign_json
from engine.foreign_json import fields

END_MARK = re.compile(r"(data:)?[ \t]*\[DONE\]")
LINE_END = re.compile(r"\r\n|\r|\n")


class Events:
    """The JSON values among server-sent events, or lines of JSON, as their bytes come.

    An event's data may span several lines, and the empty line between two events may be missing.
    """

    def __init__(self) -> None:
        self.have_ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._line: list[str] = []
        self._data: list[str] = []

    def feed(self, raw: bytes) -> Iterator[object]:
        """The values that are whole with it."""
        return self._read(self._decoder.decode(raw))

    def end(self) -> Iterator[object]:
        """What is left, as far as it can be read."""
        return self._read(self._decoder.decode(b"", True) + "\n\n")

    def _read(self, text: str) -> Iterator[object]:
        if not LINE_END.search(text):
            self._line.append(text)
            return
        text = "".join((*self._line, text))
        is_split = text.endswith("\r")  # its \n may be still to come
        *lines, rest = LINE_END.split(text[:-1] if is_split else text)
        self._line = [rest, "\r"] if is_split else [rest]
        for line in lines:
            yield from self._add(line)

    def _add(self, line: str) -> Iterator[object]:
        self.have_ended = self.have_ended or bool(END_MARK.match(line))
        piece = line[5:].removeprefix(" ") if line.startswith("data:") else line if line.startswith("{") else ""
        alone = fields(foreign_json.value_of(piece))
        if alone and (not self._data or "choices" in alone):
            yield alone
            self._data = []
        elif piece and (self._data or piece.startswith("{")):
            self._data.append(piece)
        elif not line and self._data:
            data, self._data = "\n".join(self._data), []
            with suppress(ValueError):  # a truncated event
                yield foreign_json.read(data.encode())
