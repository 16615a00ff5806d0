"""Two answers compared word by word: what both have, and what only one has."""

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from msgspec import Struct

from console.present.text import BLANK, Line, Span, Tone, line, width_of, wrapped
from console.screens.challenge.content import JudgedReply, representatives
from engine.text import cells, safe

CHARS = 20_000
WORDS = 1_000
"""How much of each text is compared; no two texts of this size take longer than a second."""

SIDE_BY_SIDE = 100
"""The width from which there is room for two columns, in cells."""

BETWEEN = Span(" │ ", "muted")
BREAK = "\n"
_WORD = re.compile(r"\n|[^\s]+[^\S\n]*|[^\S\n]+")


class Word(NamedTuple):
    """A word with the blanks after it, or a line break; `alone` if it has no match in the other text."""

    text: str
    alone: bool


class Marks(NamedTuple):
    """The marks around words that the other text does not have."""

    opening: str
    closing: str
    tone: Tone


LEFT = Marks("[-", "-]", "warn")
RIGHT = Marks("{+", "+}", "ok")


class WordDifference(Struct, frozen=True, kw_only=True):
    """Two texts as words. `cut` says what was not compared, "" if nothing was left out."""

    left: tuple[Word, ...]
    right: tuple[Word, ...]
    cut: str = ""


def pair(rows: Sequence[JudgedReply], marked: Collection[str], current: str) -> tuple[JudgedReply, JudgedReply] | str:
    """The two replies to compare, or the reason why there are none; `marked` and `current` are hotkeys.

    They are two marked ones, or the marked and the current one, or the best of the two largest clusters.
    """
    chosen = [row for row in rows if row.reply.hotkey in marked]
    if len(chosen) == 1:
        chosen += [row for row in rows if row.reply.hotkey == current and row not in chosen]
    elif not chosen:
        chosen = representatives(rows)[:2]
    if len(chosen) == 2:
        return chosen[0], chosen[1]
    return f"mark two replies, not {len(chosen)}" if len(chosen) > 2 else "mark two replies with space"


def compare(one: str, other: str) -> WordDifference:
    """The difference of two raw texts. It may take a second, so do not call it in the screen's thread."""
    whole_left, whole_right = _words(one), _words(other)
    left, right = whole_left[:WORDS], whole_right[:WORDS]
    alone_left, alone_right = _alone([word.rstrip(" ") for word in left], [word.rstrip(" ") for word in right])
    is_cut = max(len(one), len(other)) > CHARS or max(len(whole_left), len(whole_right)) > WORDS
    what = f"only the first {WORDS:,} words, or {CHARS:,} characters, are compared"
    return WordDifference(
        left=tuple(map(Word, left, alone_left)),
        right=tuple(map(Word, right, alone_right)),
        cut=f"{what}: the texts have {len(one):,} and {len(other):,} characters" if is_cut else "",
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(safe(text[:CHARS], lines=True))


def _alone(left: Sequence[str], right: Sequence[str]) -> tuple[list[bool], list[bool]]:
    """For each word, whether it has no match on the other side.

    The common beginning and end are found first, because the matcher ignores very frequent words.
    """
    shortest = min(len(left), len(right))
    head = next((at for at in range(shortest) if left[at] != right[at]), shortest)
    tail = next((at for at in range(shortest - head) if left[-1 - at] != right[-1 - at]), shortest - head)
    middle_left, middle_right = left[head : len(left) - tail], right[head : len(right) - tail]
    alone_left, alone_right = [True] * len(middle_left), [True] * len(middle_right)
    for match in SequenceMatcher(None, middle_left, middle_right).get_matching_blocks():
        alone_left[match.a : match.a + match.size] = [False] * match.size
        alone_right[match.b : match.b + match.size] = [False] * match.size
    common_head, common_tail = [False] * head, [False] * tail
    return [*common_head, *alone_left, *common_tail], [*common_head, *alone_right, *common_tail]


def view(difference: WordDifference, titles: tuple[str, str], width: int) -> list[Line]:
    """The two texts side by side if there is room, otherwise one below the other."""
    left, right = difference.left, difference.right
    both = sum(not word.alone for word in left)
    count = f"{both} words in both, {len(left) - both} {LEFT.opening}only here{LEFT.closing}"
    count += f", {len(right) - both} {RIGHT.opening}only there{RIGHT.closing}"
    known = [line(Span(count, "muted")), *([line(Span(difference.cut, "warn"))] if difference.cut else ()), BLANK]
    heads = [line(Span(title, "title")) for title in titles]
    if width < SIDE_BY_SIDE:
        return [*known, heads[0], *_column(left, LEFT, width), BLANK, heads[1], *_column(right, RIGHT, width)]
    half = (width - cells(BETWEEN.text)) // 2
    rows = zip_longest(
        [heads[0], *_column(left, LEFT, half)], [heads[1], *_column(right, RIGHT, half)], fillvalue=BLANK
    )
    return [*known, *((*one, Span(" " * (half - width_of(one))), BETWEEN, *other) for one, other in rows)]


def _column(words: Sequence[Word], marks: Marks, width: int) -> list[Line]:
    """One text in lines of this width, wrapped between words."""
    lines: list[list[Span]] = [[]]
    used = 0
    for text, tone in _marked(words, marks):
        if text == BREAK:
            lines.append([])
            used = 0
            continue
        for part in wrapped(text, width) if cells(text) > width else (text,):
            if used and used + cells(part.rstrip(" ")) > width:
                lines.append([])
                used = 0
            fitting = part if used + cells(part) <= width else part.rstrip(" ")
            lines[-1].append(Span(fitting, tone))
            used += cells(fitting)
    return [tuple(one) for one in lines]


def _marked(words: Sequence[Word], marks: Marks) -> Iterator[Span]:
    """The words, with marks around each run of unmatched ones; a line break ends a run."""
    for at, word in enumerate(words):
        if not _is_marked(word):
            yield Span(word.text)
            continue
        bare = word.text.rstrip(" ")
        opening = "" if at and _is_marked(words[at - 1]) else marks.opening
        closing = "" if at + 1 < len(words) and _is_marked(words[at + 1]) else marks.closing
        yield Span(f"{opening}{bare}{closing}{word.text[len(bare) :]}", marks.tone)


def _is_marked(word: Word) -> bool:
    return word.alone and word.text != BREAK
