"""What was pasted, told apart from what was typed: a paste is one text, bounded, and never becomes keys."""

from collections.abc import Iterator
from typing import NamedTuple

START, END = "\x1b[200~", "\x1b[201~"
MOST = 10_000
"""Characters kept of one paste."""

BURST = 512
"""More than this at once, without one escape sequence, was not typed: the terminal does not bracket its pastes."""


class Input(NamedTuple):
    """A piece of what came from the terminal."""

    text: str
    pasted: bool


class Pasting:
    """Takes input as it comes, in pieces of any size."""

    def __init__(self) -> None:
        self._in_paste = False
        self._held = ""
        self._kept: list[str] = []
        self._room = MOST

    def feed(self, text: str) -> Iterator[Input]:
        """The keys and whole pastes in `text`, in order. The beginning of a mark at its end waits for the rest."""
        if not self._in_paste and not self._held and len(text) > BURST and "\x1b" not in text:
            yield Input(text[:MOST], pasted=True)
            return
        text, self._held = self._held + text, ""
        while text:
            mark = END if self._in_paste else START
            before, found, rest = text.partition(mark)
            if not found:
                before, self._held = _split_mark(text, mark, hold=self._in_paste)
            if self._in_paste:
                self._keep(before)
            elif before:
                yield Input(before, pasted=False)
            if not found:
                return
            text = rest
            if self._in_paste:
                yield Input("".join(self._kept), pasted=True)
                self._kept, self._room = [], MOST
            self._in_paste = not self._in_paste

    def _keep(self, text: str) -> None:
        self._kept.append(text[: self._room])
        self._room -= len(self._kept[-1])


def _split_mark(text: str, mark: str, *, hold: bool) -> tuple[str, str]:
    """`text` without the beginning of `mark` that it ends in, and that. Outside of a paste a lone escape is a key."""
    shortest = 1 if hold else 3
    for length in range(min(len(mark) - 1, len(text)), shortest - 1, -1):
        if text.endswith(mark[:length]):
            return text[:-length], text[-length:]
    return text, ""
