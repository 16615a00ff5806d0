"""Several values: a list, in which order counts, and a set, in which it does not."""

import json
import re
from collections.abc import Sequence

from engine.answers import asserted
from engine.answers.base import MAX_TRUTH, Answer, AnswerType
from engine.answers.chains import canonical, chains
from engine.answers.number import Number
from engine.answers.numerals import numerals
from engine.answers.presented import AFTERTHOUGHT, Statement, announced
from engine.answers.said import Said, said, stated, tidy, worded
from engine.answers.short import Short, is_asked
from engine.answers.words import content_words, fold, plain, related, sentences, words
from engine.values import Reply

MAX_ITEMS = 256
_SEPARATOR = re.compile(r"\s*(?:;|→|->|=>|⇒|\||<|>|\n)\s*")
_COMMA = re.compile(r",(?:\s+(?:and|und|et)\b)?\s*|\s+(?:and|und|et)\s+|\s*&\s*|、|，", re.IGNORECASE)
_DIGIT_COMMA = re.compile(r"(?<=\d),(?=\d{3}\b(?!,\d{1,2}\b))")
_TIGHT = re.compile(r"(?<=\w)(?:/|-)(?=\w)")
_BULLET = re.compile(r"^\s*(?:[-*•–·]|\(?(?:\d{1,3}|[a-z])[.)])\s+(\S.*)$")
_BRACKETS = re.compile(r"[\[{(]([^\[\]{}()]*)[\]})]")
_LEAD = re.compile(
    r"^(?:.*?[:：]\s+|.*?\b(?:are|is|were|include|be|sind|sont|son|follows)\s*:?\s+)(?=\S)", re.IGNORECASE | re.DOTALL
)
_TRAIL = re.compile(r"\s+\b(?:are|is|have|has|were|do|does|can|all)\b\s.*$", re.IGNORECASE | re.DOTALL)
_COUNTED = re.compile(r"(?:^|\s)\(?(?:\d{1,2}[.)]|[a-z]\))\s+")
_BUT_NOT = re.compile(
    r"(?<=\w)[\s,;(—–-]+(?:but\s+|and\s+)?(?:not|rather\s+than|instead\s+of|nicht)\b[^!?\n]*$", re.IGNORECASE
)
"""A denial at the end, which covers every item after it."""

_COMMAS = re.compile(r"(?<![\d,])\d{1,2}(?:,\d{1,2}){2,}(?![\d,])")
_PLUS_MINUS = re.compile(r"±\s?(\d+(?:\.\d+)?)")
_NONE = re.compile(
    r"\b(?:none|nothing|nobody|no\s+one|empty|not\s+(?:any|a\s+single)|keine\w*|aucune?|ningun[oa]?|nessun[oa]?|nenhuma?|niets|ingen)\b|"
    r"(?:^|[.!?:,;]\s+|\bso\s+|\bare\s+|\bis\s+|\bhas\s+|\bhave\s+)no\s+[^\W\d]+|∅|没有|なし|ありません|нет\b|없",
    re.IGNORECASE,
)
_EXCEPT = re.compile(r"\b(?:except|besides|but|apart|other|some|only|sure|idea|doubt|know)\b", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"\W*(?:\{\s*\}|\[\s*\])\W*")
_SO = re.compile(r"[,;]?\s+(?:so|therefore|hence|thus)\s+", re.IGNORECASE)
_NOTHING = frozenset(("none", "nothing", "empty", "keine", "aucun", "ninguno", "no"))


class List(AnswerType):
    """Several values whose order counts."""

    name = "list"

    def read(self, reply: Reply, question: str) -> Answer | None:
        given = said(reply.text, question)
        found = [] if _is_empty(given.text) else _items(given, question)
        return Answer(self._spelled(found), marked=True) if found or _is_empty(given.text) else None

    def key(self, truth: str, question: str) -> str | None:
        known = self._known(truth, question)
        return self._spelled(known[0]) if known else None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        given = said(reply.text, question)
        return any(self._lists(given, items, question) for items in self._known(truth, question))

    def _lists(self, given: Said, items: Sequence[str], question: str) -> bool:
        """Whether a reply lists these items, no others with them, and nowhere only some of them."""
        if not items:
            return _is_empty(given.text)
        found = [] if given.boxed else chains(self._held(given.text), items, question)
        found = found or [chain for phrase in given.phrases for chain in chains(self._held(phrase), items, question)]
        if len(items) == 1:
            kind = _NUMBER if numerals(items[0]) else _SHORT
            alone = all(chain.alone for chain in found)
            reply = Reply(uid=0, hotkey="", text=given.text)
            return alone and any(kind.equals(reply, item, question) for item in (items[0], items[0].title()))
        wanted = self._ordered(items)
        listed = [chain for chain in found if len(chain.items) > 1]
        right = [chain for chain in listed if self._ordered(chain.items) == wanted]
        others = {self._ordered(chain.items) for chain in listed} - {wanted}
        asked = {self._ordered(chain.items) for chain in chains(question, items, "")}
        listed_so = bool(right) and all(chain.alone for chain in right) and others <= asked
        return listed_so and not any(self._lists_others(one, items, asked, question) for one in stated(given))

    def _lists_others(self, one: Statement, items: Sequence[str], asked: set[tuple[str, ...]], question: str) -> bool:
        """Whether a statement is another list: of other items among these, in another order, or of too few that it
        calls its answer."""
        held = self._held(one.phrase)
        wanted = self._ordered(items)
        if any(self._ordered(chain.items) == wanted for chain in chains(held, items, question)):
            return False
        return any(
            set(form) & set(items) and (one.labelled or len(form) >= len(items) or not set(form) <= set(items))
            for form in _split(held, question)
            if self._ordered(form) not in asked
        )

    def _ordered(self, items: Sequence[str]) -> tuple[str, ...]:
        return tuple(items)

    def _held(self, text: str) -> str:
        text = _COMMAS.sub(lambda match: match[0].replace(",", ", "), text)
        return asserted.blanked(text, asserted.denied(text, listing=True))

    def _known(self, truth: str, question: str) -> list[list[str]]:
        """The items of a truth: a JSON array, an array of alternative arrays, or a list in words."""
        if len(truth) > MAX_TRUTH:
            return []
        try:
            value = json.loads(truth)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
            return [[canonical(str(item)) for item in one] for one in value]
        if isinstance(value, list):
            return [[canonical(str(one)) for one in value]]
        if _is_empty(truth):
            return [[]]
        found = _items(worded(tidy(truth)), question)
        return [found] if found else []

    def _spelled(self, items: Sequence[str]) -> str:
        return json.dumps(list(items), ensure_ascii=False)


class Set(List):
    """Several values in any order."""

    name = "set"

    def _spelled(self, items: Sequence[str]) -> str:
        return json.dumps(sorted(set(items)), ensure_ascii=False)

    def _ordered(self, items: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(items))

    def _held(self, text: str) -> str:
        return super()._held(_PLUS_MINUS.sub(r"\1 and -\1", text))


def _is_empty(text: str) -> bool:
    """Whether a text says that there are no items."""
    return bool(_NONE.search(text) and not _EXCEPT.search(text)) or _EMPTY_BRACKETS.fullmatch(text) is not None


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
        found.append([canonical(_bulletless(line)) for line in body[:MAX_ITEMS]])
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
        return [canonical(part) for part in counted[1:MAX_ITEMS]]
    parts = [part for part in _SEPARATOR.split(text) if part.strip()]
    if len(parts) < 2:
        parts = [part for part in _COMMA.split(_DIGIT_COMMA.sub("\ue000", text)) if part and part.strip()]
        parts = [part.replace("\ue000", ",") for part in parts]
    if len(parts) < 2 and len(_TIGHT.findall(text)) > 1:
        parts = _TIGHT.split(text)
    if len(parts) < 2 and all(len(part) == 1 or part.isdigit() for part in text.split()):
        parts = text.split()
    return [canonical(part) for part in parts[:MAX_ITEMS]]


_NUMBER, _SHORT = Number(), Short()
"""They read a listing of one item."""
