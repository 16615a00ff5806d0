"""Known values where a text lists them one after the other: "Mercury, then Venus and (finally) Mars".

With the values known, a listing needs no delimiters of its own: it is a chain of them with nothing but separators,
asides and the question's words in between.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from engine.answers.number import spelled
from engine.answers.numerals import numerals
from engine.answers.words import OPENERS, STOP, fold, is_empty, related, stem

_WORD = re.compile(r"[^\W_]+")
_ASIDE = re.compile(r"\([^()\n]*\)")
_NOTE = re.compile(r"\s*(?:[,:]|\s[—–-]\s|\bis\b|\bare\b)[^\n]*(?=\n)")
"""What a line says of its item: "1. **Helium**, period 1"."""

_JOINING_WORDS = "and then next first second third last finally lastly followed by und dann et puis y e luego и"
_JOINING = frozenset(_JOINING_WORDS.split())
_SEPARATOR = re.compile(r"[,;/→⇒<>|&\n、，]|->|=>|\band\b|\bund\b|\bet\b", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"^\W*(?:(?:or|alternatively|oder|ou|maybe|perhaps|possibly)\b)", re.IGNORECASE)
_BREAKS = frozenset(("or", "not", "so", "but"))
_COUNT = re.compile(r"(?:^|\s)\(?(?:\d{1,3}|[a-z])[.)](?=\s|$)")
_VARIABLE = re.compile(r"\b[A-Za-z]\w?\s?=")
_END = re.compile(r"[.!?:](?=\s|$)")
_EXTRA_WORDS = 2
_FAR = 256
"""The most characters between two items of one listing."""


class ListToken(NamedTuple):
    """A word or a number of a text, in the spelling in which it is compared."""

    start: int
    end: int
    text: str


class ItemChain(NamedTuple):
    """Known items that follow each other in a text; `alone`: no other item is listed with them."""

    items: tuple[str, ...]
    alone: bool


def chains(text: str, items: Sequence[str], question: str) -> list[ItemChain]:
    """All chains of known items in a text. Items are in the spelling of `canonical`."""
    numeric = all(item.replace("-", "").replace(".", "").isdigit() for item in items)
    tokens = _numbers(text) if numeric else [ListToken(m.start(), m.end(), fold(m[0])) for m in _WORD.finditer(text)]
    asked = related(question)
    offered = _offered(question) - set(items)
    found: list[ItemChain] = []
    links: list[tuple[str, int, int]] = []
    for item, start, end in _mentions(tokens, items):
        between = text[links[-1][2] : start] if links else ""
        if links and not _joins(between, asked, offered, tight=numeric or len(item) == 1):
            found.append(_chain(text, links, asked, offered, items))
            links = []
        links.append((item, start, end))
    return [*found, _chain(text, links, asked, offered, items)] if links else found


def canonical(item: str) -> str:
    """An item in one spelling: a number as a number, words folded and without an article."""
    bare = item.strip().strip("\"'“”‘’`*_.,;!()[]{} \t")
    found = numerals(bare)
    if len(found) == 1 and found[0].end - found[0].start == len(bare):
        return spelled(found[0].value)
    return " ".join(word for word in map(fold, _WORD.findall(bare)) if word not in _ARTICLES) or bare.casefold()


_ARTICLES = frozenset("the a an der die das le la les el los las".split())  # noqa: SIM905


def _numbers(text: str) -> list[ListToken]:
    return [ListToken(one.start, one.end, spelled(one.value)) for one in numerals(text)]


def _mentions(tokens: Sequence[ListToken], items: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Where the items are named, the longest first where several would fit."""
    spellings = sorted(((item.split(), item) for item in set(items) if item.split()), key=lambda one: -len(one[0]))
    place = 0
    while place < len(tokens):
        for parts, item in spellings:
            if [token.text for token in tokens[place : place + len(parts)]] == parts:
                yield item, tokens[place].start, tokens[place + len(parts) - 1].end
                place += len(parts)
                break
        else:
            place += 1


@lru_cache(maxsize=256)
def _offered(question: str) -> frozenset[str]:
    """What a question lists to choose from: the parts of its own listings."""
    parts = [part for part in _SEPARATOR.split(question[-4_096:]) if part.strip()]
    ends = [word for part in parts for words in [_WORD.findall(part)] if words for word in (words[0], words[-1])]
    return frozenset(map(canonical, (*parts, *ends))) if len(parts) > 2 else frozenset()


def _joins(between: str, asked: frozenset[str], offered: frozenset[str], *, tight: bool) -> bool:
    """Whether nothing but separators, asides and words of the question stand between two items."""
    if len(between) > _FAR:
        return False
    between = _COUNT.sub(", ", _NOTE.sub("", _ASIDE.sub(" ", between)))
    if "=" in between:
        between = _VARIABLE.sub(" ", between)
        between = between.replace(" or ", " and ")  # "x = 3 or x = -3"
    if _END.search(between) or any(canonical(part) in offered for part in _SEPARATOR.split(between) if part.strip()):
        return False
    said = [fold(word) for word in _WORD.findall(between)]
    if not said and not _SEPARATOR.search(between):
        return tight and not between.strip(" \t-/")
    return all(word in _JOINING or ((word in STOP or stem(word) in asked) and word not in _BREAKS) for word in said)


def _chain(
    text: str,
    links: Sequence[tuple[str, int, int]],
    asked: frozenset[str],
    offered: frozenset[str],
    items: Sequence[str],
) -> ItemChain:
    longest = max(len(item.split()) for item in items) + _EXTRA_WORDS
    start, end = links[0][1], links[-1][2]
    before, after = text[max(0, start - _FAR) : start], _ASIDE.sub(" ", text[end : end + 2 * _FAR])
    lead = re.split(r"[.!?:](?=\s)|\n", before)[-1].rstrip(" \"'“(*_`[{")
    joined = re.search(rf"(?:{_SEPARATOR.pattern})\s*(?:the|an?)?$", lead, re.IGNORECASE)
    parts = [part for part in _SEPARATOR.split(lead[: joined.start()]) if part.strip()] if joined else []
    extra = bool(parts) and _is_item(parts[-1], asked, offered, longest)
    rest = after.lstrip("\"'”)*_`]} ")
    separator = _SEPARATOR.match(rest)
    if separator and not extra:
        listed = rest[separator.end() :].lstrip(" \n")
        stop = _END.search(listed)
        following = _SEPARATOR.split(listed[: stop.start()] if stop else listed)
        following = following[:-1] if stop and stop[0] == ":" else following  # "Explanation:"
        extra = any(_is_item(part, asked, offered, longest) for part in following[:2])
    alternative = _ALTERNATIVE.match(rest[separator.end() :] if separator else rest) is not None
    return ItemChain(tuple(item for item, _, _ in links), alone=not (extra or alternative))


def _is_item(part: str, asked: frozenset[str], offered: frozenset[str], longest: int) -> bool:
    """Whether a part of a listing is one more item, and no remark."""
    if canonical(part) in offered:
        return True
    said = [fold(word) for word in _WORD.findall(part)]
    if not said or len(said) > longest or said[0] in OPENERS:
        return False
    return any(word.isdigit() or not is_empty(word, asked) for word in said)
