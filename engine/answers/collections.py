"""Several values: a list, in which order counts, and a set, in which it does not."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache

from engine.answers import asserted
from engine.answers.base import MAX_TRUTH, Answer, AnswerType
from engine.answers.number import spelled
from engine.answers.numerals import numerals
from engine.answers.said import AFTERTHOUGHT, Said, announced, said
from engine.answers.short import is_asked, related
from engine.answers.words import content_words, fold, plain, sentences, words
from engine.values import Reply

MAX_ITEMS = 256
_SEPARATOR = re.compile(r"\s*(?:;|→|->|=>|⇒|\||<|>|\n)\s*")
_COMMA = re.compile(r",(?:\s+(?:and|und|et)\b)?\s*|\s+(?:and|und|et)\s+|\s*&\s*|、|，", re.IGNORECASE)
_DIGIT_COMMA = re.compile(r"(?<=\d),(?=\d{3}\b(?!,\d{1,2}\b))")
_TIGHT = re.compile(r"(?<=\w)(?:/|-)(?=\w)")
_BULLET = re.compile(r"^\s*(?:[-*•–·]|\(?(?:\d{1,3}|[a-z])[.)])\s+(\S.*)$")
_BRACKETS = re.compile(r"[\[{(]([^\[\]{}()]*)[\]})]")
_ARTICLE = re.compile(r"^(?:the|a|an|der|die|das|le|la|les|el|los|las)\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:.*?[:：]\s+|.*?\b(?:are|is|were|include|be|sind|sont|son|follows)\s*:?\s+)(?=\S)", re.IGNORECASE | re.DOTALL
)
_TRAIL = re.compile(r"\s+\b(?:are|is|have|has|were|do|does|can|all)\b\s.*$", re.IGNORECASE | re.DOTALL)
_COUNTED = re.compile(r"(?:^|\s)\(?(?:\d{1,2}[.)]|[a-z]\))\s+")
_THEN = re.compile(
    r"^(?:and\s+)?(?:then|next|first|second|third|finally|lastly|followed\s+by|also)\b\s+(?=\S)", re.IGNORECASE
)
_BUT_NOT = re.compile(
    r"(?<=\w)[\s,;(—–-]+(?:but\s+|and\s+)?(?:not|rather\s+than|instead\s+of|nicht)\b[^!?\n]*$", re.IGNORECASE
)
"""A denial at the end, which covers every item after it."""

_SO = re.compile(r"[,;]?\s+(?:so|therefore|hence|thus)\s+", re.IGNORECASE)
_NOTHING = frozenset(("none", "nothing", "empty", "keine", "aucun", "ninguno", "no"))


class List(AnswerType):
    """Several values whose order counts."""

    name = "list"

    def read(self, reply: Reply, question: str) -> Answer | None:
        found = _items(said(reply.text), question)
        return Answer(self._spelled(found), marked=True) if found else None

    def key(self, truth: str, question: str) -> str | None:
        known = self._known(truth, question)
        return known[0] if known else None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        known = self._known(truth, question)
        given = said(reply.text)
        marked = [items[0] for phrase in given.phrases if len((items := _split(phrase, question))[:1]) == 1]
        if len({self._spelled(items) for items in marked if len(items) > 1}) > 1:
            return False
        return any(self._spelled(found) in known for found in _readings(given, question))

    def _known(self, truth: str, question: str) -> list[str]:
        """The spellings of a truth: a JSON array of items, an array of alternative arrays, or a list in words."""
        if len(truth) > MAX_TRUTH:
            return []
        try:
            value = json.loads(truth)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
            return [self._spelled([_item(str(item)) for item in one]) for one in value]
        found = [_item(str(one)) for one in value] if isinstance(value, list) else _items(said(truth), question)
        return [self._spelled(found)] if found else []

    def _spelled(self, items: Sequence[str]) -> str:
        return json.dumps(list(items), ensure_ascii=False)


class Set(List):
    """Several values in any order."""

    name = "set"

    def _spelled(self, items: Sequence[str]) -> str:
        return json.dumps(sorted(set(items)), ensure_ascii=False)


def _items(given: Said, question: str) -> list[str]:
    return next(iter(_readings(given, question)), [])


def _readings(given: Said, question: str) -> list[list[str]]:
    """The lists that a reply may mean, likeliest first: bullets, brackets, what follows "are" or a colon."""
    found: list[list[str]] = []
    text = given.text
    lines = [line for line in text.splitlines() if line.strip()]
    for phrase in reversed(given.phrases):
        if given.boxed or len(lines) == 1 or "," in phrase:
            found.extend(_split(phrase, question))
            break
    if len(lines) > 1 and not given.boxed:
        body = [line for line in lines if not line.rstrip().endswith(":")]
        found.append([_item(_bulletless(line)) for line in body[:MAX_ITEMS]])
    else:
        found.extend(_split(text, question))
    if len(lines) > 1:
        for line in (lines[-1], lines[0]):
            found.extend(one for one in _split(line, question) if len(one) > 1)
    return [one for one in found if one and all(one)]


def _bulletless(line: str) -> str:
    bullet = _BULLET.match(line)
    return bullet[1] if bullet else plain(line)


def _split(text: str, question: str) -> list[list[str]]:
    """The items of a line, with and without what introduces them."""
    text = AFTERTHOUGHT.sub("", _BUT_NOT.sub("", text))
    if asserted.denied(text):
        text = asserted.blanked(text, asserted.denied(text))
    text = text.strip().strip("*_` ,;").rstrip(".!")
    if not words(text):
        return []
    if fold(text).strip() in _NOTHING:
        return []
    brackets = _BRACKETS.search(text)
    forms = [brackets[1]] if brackets and len(brackets[1]) > 1 else []
    lead = _LEAD.match(text)
    forms.append(text[lead.end() :] if lead else text)
    forms.append(_BRACKETS.sub("", text))
    forms.append(announced(text))
    forms.append(announced(sentences(text)[-1]))
    trail = _TRAIL.search(text)
    if trail and content_words(trail[0]) <= content_words(question):
        forms.append(text[: trail.start()])
    read = [items for form in forms if words(form) and (items := _parted(form))]
    concluded = _SO.search(text)
    if concluded:
        read.append(_parted(text[concluded.end() :]))
    return [*read, *(_without_asked(items, question) for items in read)]


def _without_asked(items: Sequence[str], question: str) -> list[str]:
    """The items without the question's words around them: "The primes 2, 3 and 5 divide 60"."""
    asked = related(question)
    first, last = items[0].split(), items[-1].split()
    while len(first) > 1 and is_asked(first[0], asked):
        first.pop(0)
    if len(items) == 1:
        last = first
    while len(last) > 1 and is_asked(last[-1], asked):
        last.pop()
    return [" ".join(first), *items[1:-1], *([" ".join(last)] if len(items) > 1 else [])]


def _parted(text: str) -> list[str]:
    counted = _COUNTED.split(text)
    if len(counted) > 2 and not counted[0].strip():
        return [_item(part) for part in counted[1:MAX_ITEMS]]
    parts = [part for part in _SEPARATOR.split(text) if part.strip()]
    if len(parts) < 2:
        parts = [part for part in _COMMA.split(_DIGIT_COMMA.sub("\ue000", text)) if part and part.strip()]
        parts = [part.replace("\ue000", ",") for part in parts]
    if len(parts) < 2 and len(_TIGHT.findall(text)) > 1:
        parts = _TIGHT.split(text)
    if len(parts) < 2 and all(len(part) == 1 or part.isdigit() for part in text.split()):
        parts = text.split()
    return [_item(part) for part in parts[:MAX_ITEMS]]


@lru_cache(maxsize=2_048)
def _item(text: str) -> str:
    """An item in one spelling: numbers as numbers, words folded and without an article."""
    bare = text.strip().strip("\"'“”‘’`*_.,;!()[]{} \t")
    found = numerals(bare)
    if len(found) == 1 and found[0].end - found[0].start == len(bare):
        return spelled(found[0].value)
    bare = _ARTICLE.sub("", _THEN.sub("", bare))
    return " ".join(words(bare)) or bare.casefold()
