"""One of several options, by its letter or its text. The options are read from the question."""

import re
from collections.abc import Sequence

from engine.answers.base import Answer, aliases
from engine.answers.scalar import Found, Scalar
from engine.answers.short import Short
from engine.answers.words import STOP, words
from engine.values import Reply

MAX_OPTIONS = 26_000
"""A bound on what a question can cost."""

_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_MOST_WORDS = 12
"""An option of more words is known by its label only; nobody repeats it word for word."""

_NEAR = 4
"""The most characters between a label and its option's text; a longer text may contain a label of its own."""

_LABEL_WEIGHT = 2.5
"""Evidence for a label over an option's text, which explanations repeat."""

_NO_WORDS = frozenset("bcdfghjklmnpqrstvwxz")
"""Letters that are no word by themselves, so that one that stands alone is a label."""

_LABEL = re.compile(
    r"(?:(?<=\n)|(?<=^)|(?<=[\s:;,?.]))(?:\(([A-Za-z]{1,2}|\d{1,5})\)|([A-Za-z]{1,2}|\d{1,5})[).:](?=\s))[ \t]*",
    re.MULTILINE,
)
_IN_LINE_END = re.compile(r"\n")
_NAMED = re.compile(
    r"(?:\b(?:option|choice|answer|letter|antwort|number)s?\s*(?:is|:)?\s*|\bis\s+|^|[\s(\[\"'*_`]|\bit['’]s\s+)"
    r"[(\[\"'*_`]*([A-Za-z]{1,2}|\d{1,5})(?=$|[)\].,:;!?\"'*_`”’»」\s\n–—-])",
    re.IGNORECASE,
)


_SHORTENED = re.compile(r"\w['’]$")
"""What stands before the "d" of "I'd"."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_BY_PLACE = re.compile(
    r"\bthe\s+(first|second|third|fourth|fifth|sixth|last)\s+(?:one|option|choice|answer|statement|alternative)\b",
    re.IGNORECASE,
)


class Choice(Scalar):
    """One of the options that the question lists ("A) … B) …"), by its label or its text."""

    name = "choice"
    beside = Scalar.beside | {"option", "choice", "letter", "number", "answer"}

    def given(self, question: str) -> set[str]:
        """The options that the question names before it lists them."""
        first = _LABEL.search(question)
        before = set(words(question[: first.start()])) if first else set()
        return {label for label, option in options(question).items() if option and before.issuperset(words(option))}

    def find(self, text: str, question: str) -> Sequence[Found]:
        listed = options(question)
        if not listed:
            return _named_letters(text)
        labels = _labels(text, listed)
        by_words = {
            tuple(words(option)): label
            for label, option in listed.items()
            if words(option) and not (labels and STOP.issuperset(words(option)))  # no vote for "be" in "it would be A"
        }
        found = [*labels, *_texts(text, by_words)]
        return [] if _mislabelled(text, found) else sorted(_merged(found), key=lambda one: one.start)

    def read(self, reply: Reply, question: str) -> Answer | None:
        return super().read(reply, question) if _is_labelled(question) else _WORDS.read(reply, question)

    def key(self, truth: str, question: str) -> str | None:
        return super().key(truth, question) if _by_label(truth, question) else _WORDS.key(truth, question)

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:
        if _by_label(truth, question):
            return super().equals(reply, truth, question, lures)
        return _WORDS.equals(reply, truth, question, lures)


_WORDS = Short()
"""For a choice between unlabelled options: "a fruit, a vegetable or a grain"."""


def _is_labelled(question: str) -> bool:
    return len(options(question)) > 1


def _by_label(truth: str, question: str) -> bool:
    return _is_labelled(question) or all(len(one.strip("().: ")) < 2 for one in aliases(truth))


def options(question: str) -> dict[str, str]:
    """The options that a question lists, by upper-case label; empty if it lists none.

    Labels are letters or numbers in parentheses, or followed by one, a dot or a colon, and count up from A or 1.
    """
    marks = list(_LABEL.finditer(question))[:MAX_OPTIONS]
    found: dict[str, str] = {}
    rows: list[tuple[str, int, int]] = []
    for match in marks:
        label = (match[1] or match[2]).upper()
        if rows and _follows(rows[-1][0], label):
            rows.append((label, match.start(), match.end()))
        elif not rows and label in ("A", "1"):
            rows = [(label, match.start(), match.end())]
    for place, (label, _, start) in enumerate(rows):
        end = rows[place + 1][1] if place + 1 < len(rows) else len(question)
        text = question[start : min(end, start + 512)].strip()
        line = _IN_LINE_END.split(text, maxsplit=1)[0]
        if place + 1 == len(rows):
            line = re.split(r"[.?!](?:\s|$)", line, maxsplit=1)[0]
        found[label] = line.strip(" ,;.")
    return found if len(found) > 1 else {}


def _follows(before: str, label: str) -> bool:
    if before.isdigit() or label.isdigit():
        return before.isdigit() and label.isdigit() and int(label) == int(before) + 1
    return _number(label) == _number(before) + 1


def _number(letters: str) -> int:
    value = 0
    for mark in letters:
        value = value * 26 + ord(mark) - ord("A") + 1
    return value


def _labels(text: str, listed: dict[str, str]) -> list[Found]:
    found = []
    for match in _NAMED.finditer(text):
        label = match[1].upper()
        if label not in listed or _SHORTENED.search(text[: match.start(1)][-2:]):
            continue
        before, after = text[: match.start(1)], text[match.end(1) :]
        alone = not re.search(r"\w", before) and not re.search(r"\w", after)
        named = re.search(
            r"(?:option|choice|answer|letter|antwort|number|\bis|['’]s|:)\s*[(\[\"'*_`]*$", before[-24:], re.IGNORECASE
        )
        enclosed = before[-1:] in "([\"'*_`" and after[:1] in ")]\"'*_`" and bool(before[-1:])
        pointed = after[:1] in ").:" or re.match(
            r"\s*[,;.!?]|\s*$|\s+(?:is|or|and|fits|but|nor|not)\b|\s*[–—-]\s", after
        )
        listed_so = re.search(
            r"(?:\bor|\band|,|\bnot|\bnor|\bneither|\bbut|\beither)\s*[(\[\"']*$", before[-10:], re.IGNORECASE
        )
        capital = match[1].isupper() or match[1].isdigit()
        word = match[1] in ("a", "I", "i") or (
            match[1] == "A" and re.match(r"\s+[a-z]", after) and not re.match(r"\s+(?:is|or|and)\b", after)
        )
        if (
            alone
            or (not re.search(r"\w", before) and re.match(r"\s+is\b", after))
            or match[1] in _NO_WORDS
            or enclosed
            or (named and not word)
            or (capital and (pointed or listed_so) and not word)
            or (after[:1] in ").:" and not re.search(r"\w", before))
        ):
            found.append(Found(match.start(1), match.end(1), label, label, _LABEL_WEIGHT))
    names = {"last": list(listed)[-1], **dict(zip(_ORDINALS, listed, strict=False))}
    for match in _BY_PLACE.finditer(text):
        label = names.get(match[1].lower(), "")
        found.extend([Found(match.start(), match.end(), label, label, _LABEL_WEIGHT)] if label else [])
    return found


def _texts(text: str, by_words: dict[tuple[str, ...], str]) -> list[Found]:
    spelt = [
        (word, match.start(), match.end()) for match in _TOKEN.finditer(text) for word in words(match[0])
    ]  # a token may be several words: "1.2"
    sizes = sorted({len(option) for option in by_words if len(option) <= _MOST_WORDS}, reverse=True)
    found, place = [], 0
    while place < len(spelt):
        for size in sizes:
            label = by_words.get(tuple(word for word, _, _ in spelt[place : place + size]))
            if label is not None:
                end = min(place + size, len(spelt)) - 1
                found.append(Found(spelt[place][1], spelt[end][2], label, label))
                place = end
                break
        place += 1
    return found


def _mislabelled(text: str, found: Sequence[Found]) -> bool:
    """Whether a label stands right before another option's text: "B) Oxygen" has not decided."""
    ends = {one.end: one.key for one in found if one.weight}
    between = [(one, text[end : one.start], key) for one in found if not one.weight for end, key in ends.items()]
    return any(one.key != key and re.fullmatch(r"[).:]\s", gap) for one, gap, key in between)


def _merged(found: Sequence[Found]) -> list[Found]:
    """Labels and texts, without those that belong to another: a letter within an option's text, and an option's text
    right after its own label ("3) 14"). A number that could be either is a label."""
    labels, texts = ([one for one in found if bool(one.weight) == is_label] for is_label in (True, False))
    behind = [
        one for one in texts if any(one.key == label.key and 0 <= one.start - label.end <= _NEAR for label in labels)
    ]
    spans = {(one.start, one.end) for one in behind}
    labels = [label for label in labels if (label.start, label.end) not in spans]
    texts = [_with_label(one, labels) for one in texts]
    taken = {(label.start, label.end) for label in labels}
    texts = [one for one in texts if (one.start, one.end) not in taken]
    wide = [(one.start, one.end) for one in texts if one.end - one.start > _NEAR]
    return [*texts, *(one for one in labels if not any(a <= one.start and one.end <= b for a, b in wide))]


def _with_label(text: Found, labels: Sequence[Found]) -> Found:
    """An option's text together with its own label before it."""
    before = [one for one in labels if one.key == text.key and 0 <= text.start - one.end <= _NEAR]
    return Found(before[-1].start, text.end, text.key, text.value, before[-1].weight) if before else text


def _named_letters(text: str) -> list[Found]:
    """Labels when the question lists no options: single letters and numbers that stand alone."""
    found = []
    for match in re.finditer(r"(?<![\w'’])[(\[*\"]{0,3}([A-H]|[1-9])(?=$|[)\].,:;!?\"*\s])", text):
        if match[1] == "A" and re.match(r"\s+[a-z]", text[match.end(1) :]):
            continue
        found.append(Found(match.start(1), match.end(1), match[1], match[1]))
    return found
