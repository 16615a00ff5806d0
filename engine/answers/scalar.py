"""Answer types with a single value among other words: which of a reply's values is its answer."""

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

from msgspec import Struct

from engine.answers import asserted
from engine.answers.base import MAX_TRUTH, Answer, AnswerType, aliases
from engine.answers.said import Said, said, stated, tidy, worded
from engine.answers.words import STOP, asking, content_words, related, sentences, stem, words
from engine.values import Reply


class Found(Struct, frozen=True):
    """A value in a text, from `start` to `end`; `weight` is the evidence for it from its form alone."""

    start: int
    end: int
    key: str
    value: Any
    weight: float = 0.0


_CONCLUDES = re.compile(
    r"\b(?:therefore|hence|thus|so|(?:we|i) (?:get|obtain)|that makes|comes to|need|answer is|result is|total is|"
    r"in total|"
    r"daher|also|donc|final(?:ly)?|leaves)\W{0,6}$",
    re.IGNORECASE,
)
_STATES = re.compile(
    r"(?:\b(?:gives|yields|leaves|makes?|gets?|equals|is|are|was|were|reached at|costs?|total|at|on|in|ist|sind|"
    r"est|sont|es|"
    r"son|beträgt|hat|lautet)\b|[=:→≈])\W{0,6}(?:day\W+)?$",
    re.IGNORECASE,
)
_OPERATES = re.compile(r" ?[-+−*×÷/·^] ?[\d(\\$€£]")
_OPERATOR_BEFORE = re.compile(r"[\w)]\s?[-+−*×÷/·^]\s?[(]?$")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n")
_CALCULATES = re.compile(r"\d\s?=")
_EQUALS = re.compile(r"=|≈|→|=>")
_OR = re.compile(
    r"^(?:\s*[\"'”’)\]]?\s*(?:[,;/&|.!?]|[-–—]|\.{3}|…|\bor\b|\band\b|\bto\b|\bmaybe\b|\bperhaps\b|\bpossibly\b|"
    r"\balso\b|\beven\b|\beither\b|\balternatively\b|"
    r"\bit\s+could\s+be\b|\bit(?:['’]s|\s+is)\b|\boder\b|\bund\b|\bou\b|\bet\b|\bo\b|\by\b|\bили\b|"
    r"\bи\b)\s*(?:\b(?:the|an?|le|la|les|el|der|die|das)\b)?\s*[\"'“‘(\[]?)*\s*$",
    re.IGNORECASE,
)
_ELSE = re.compile(r"\b(?:or|alternatively|maybe|perhaps|possibly|oder|ou|или)\b", re.IGNORECASE)
_MOST_VALUES, _MOST_SENTENCES = 256, 64
_MOST_OF = 0.75
"""The share of the question's words that a repetition of it has at least."""

_LABELS = re.compile(r"\w:\s")
_REASON = re.compile(
    r"\b(?:because|since|as|for|including|counting|such as|like|which is|that is|weil|car|porque)\s|"
    r"^\s?\([^)]*[=,;×+*/−][^)]*$"
)
_HOW_MANY = re.compile(r"\bhow\s+many\s+([^\W\d_]+)(?:\s+([^\W\d_]+))?", re.IGNORECASE)
_COUNTED = re.compile(r"\s([^\W\d_]{3,})")
_VARIABLE = re.compile(r"\b[A-Za-z]₁?₂?\s?=")
_BETWEEN = re.compile(r"[^\W\d_]+")
_MOST_LISTED = 3
"""From so many values with nothing but commas between them on, they are a listing, of which none is the answer."""

_OPENING = 2.5
"""Evidence for the only value that the first sentence states: the answer before its working."""

DOUBTFUL = -4.0
"""The weight of a value that counts only if there is no other."""

_SO = re.compile(r"\b(?:so|therefore|thus|hence)\b[^.,;!?\n=]{0,30}$", re.IGNORECASE)
_ASIDE = re.compile(r"\w\s+(?:after|because|since|when|if)\b[^.,;!?\n]{0,40}$", re.IGNORECASE)
"""A clause that gives the condition or reason for the rest of its sentence."""

_ALONE = 3.0
"""Evidence for a value that is a whole sentence by itself."""

_BEFORE = 24
_NEAR = 4
"""The most characters between two spellings of one value."""


class Scalar(AnswerType):
    """An answer that is a single value: a number, a date, a version. A subclass finds the values in a text and spells
    them; which of them is the answer is decided here, for all types alike."""

    @abstractmethod
    def find(self, text: str, question: str) -> Sequence[Found]:
        """All values in a text, in order."""

    def given(self, question: str) -> set[str]:
        """The values that the question itself contains, which are less likely to be its answer."""
        return {one.key for one in self.find(question[-4_096:], "")}

    def same(self, value: Any, truth: str, question: str) -> bool:
        """Whether a value that was read equals the known one."""
        wanted = self.truth(truth, question)
        return wanted is not None and wanted.key == self._key_of(value)

    beside: ClassVar[frozenset[str]] = (STOP - {"yes", "no", "not"}) | {"number"}
    """Words that may stand beside a value without saying more."""

    def _key_of(self, value: Any) -> str:
        return str(value)

    def read(self, reply: Reply, question: str) -> Answer | None:
        given = said(reply.text, question)
        found = self._settled(given, question)
        if found is None or any(one.key != found[0].key for one in self._stated(given, question)):
            return None
        return Answer(found[0].key, marked=found[1])

    def key(self, truth: str, question: str) -> str | None:
        known = [self.truth(one, question) for one in aliases(truth)]
        return known[0].key if known and all(known) and known[0] else None

    def truth(self, truth: str, question: str) -> Found | None:
        """A known answer as a value; None if it contains none, or several."""
        if len(truth) > MAX_TRUTH:
            return None
        found = self._settled(worded(tidy(truth)), question)
        return found[0] if found else None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        given, known = said(reply.text, question), aliases(truth)
        found = self._settled(given, question)
        values = [*self._stated(given, question), found[0]] if found else []
        return bool(values) and all(any(self.same(one.value, right, question) for right in known) for one in values)

    def _settled(self, reply: Said, question: str) -> tuple[Found, bool] | None:
        """The value that a reply gives as its answer, and whether it marks it; None if it gives none, or several."""
        corrected = self._settled(reply.corrected, question) if reply.corrected else None
        if corrected is not None:
            return corrected
        chosen: dict[str, Found] = {}
        for phrase in reply.phrases:
            found = self._asserted(phrase, question)
            if found:
                one = self._chosen(phrase, found, question)
                if one is None:
                    return None
                chosen[one.key] = one
        if len(chosen) > 1 and reply.boxed:
            return None
        if chosen:
            return [*chosen.values()][-1], True
        found = self._asserted(reply.text, question)
        one = self._chosen(reply.text, found, question) if found else None
        return None if one is None else (one, False)

    def _stated(self, reply: Said, question: str) -> list[Found]:
        """The values of the sentences that say one of them and nothing else, or only repeat the question with it."""
        said_alone = [self._alone(one.phrase, question) for one in stated(reply)]
        text = reply.corrected.text if reply.corrected else reply.text
        restated = [self._restated(one, question) for one in sentences(text)[:_MOST_SENTENCES]]
        return [one for one in (*said_alone, *restated) if one is not None]

    def _alone(self, phrase: str, question: str) -> Found | None:
        """The only value of a phrase that says nothing beside it but words of the question."""
        found = self.find(phrase, question)
        if len({one.key for one in found}) != 1 or asserted.denied(phrase) or _CALCULATES.search(phrase):
            return None
        if found[0].weight <= DOUBTFUL or _LABELS.search(phrase[: found[0].start]):
            return None
        rest = words(phrase[: found[0].start]) + words(phrase[found[-1].end :])
        asked = related(asking(question))
        return found[0] if all(word in self.beside or stem(word) in asked for word in rest) else None

    def _restated(self, sentence: str, question: str) -> Found | None:
        """The only value that a sentence adds to the question, most of which it repeats."""
        asked = content_words(asking(question))
        if not asked or len(asked & content_words(sentence)) < _MOST_OF * len(asked):
            return None
        given = _given(self, question)
        added = [one for one in self.find(sentence, question) if one.key not in given]
        if len({one.key for one in added}) != 1 or asserted.denied(sentence):
            return None
        return added[0] if _STATES.search(sentence[: added[0].start]) else None

    def _asserted(self, text: str, question: str) -> list[Found]:
        """The values that a text does not deny; those in its questions only if there are no others."""
        found = list(self.find(text, question))[-_MOST_VALUES:]
        no, asking, wrong = asserted.denied(text), asserted.asked(text), asserted.rejected(text)
        held = [
            one
            for one in found
            if not asserted.denies(no, one.start)
            and not asserted.within(wrong, one.start)
            and not asserted.is_rejected(text, one.end)
        ]
        places = {one.start for one in held}
        lost = [one for one in found if one.start not in places]
        held = [one for one in held if not any(_goes_on(before, one) for before in lost)]
        stated = [one for one in held if not asserted.within(asking, one.start)] or held
        return [one for one in stated if one.weight > DOUBTFUL] or stated

    def _chosen(self, text: str, found: Sequence[Found], question: str) -> Found | None:
        """The one of several values that is most likely the answer; None if the text offers more than one.

        Evidence for a value is a concluding or stating phrase before it, being all that the first sentence says, being
        last, repetition, and absence from the question; being part of a calculation is evidence against it.
        """
        if len({one.key for one in found}) == 1:
            return found[0]
        given = _given(self, question)
        alone = _alone(text)
        opening_end = len(_SENTENCES.split(text, maxsplit=1)[0])
        opening = [one for one in found if one.end <= opening_end]
        times = Counter(one.key for one in found)
        last = found[-1].key
        cues: dict[str, float] = {}
        for place, one in enumerate(found):
            before = text[max(0, one.start - _BEFORE) : one.start]
            clause = text[max(0, one.start - 2 * _BEFORE) : one.start]
            is_result = _EQUALS.search(before[-3:]) is not None
            cue = 4.0 if _CONCLUDES.search(before) else 2.0 if is_result or _STATES.search(before) else 0.0
            operates = _OPERATES.match(text, one.end) is not None
            cue -= 2.0 * operates
            if _OPERATOR_BEFORE.search(before) and not is_result:
                cue -= 2.0
            if _SO.search(clause) and not operates:
                cue = max(cue, 3.0)
            if _ASIDE.search(clause):
                cue -= 2.0
            if one.key in given and _context(text, one) in question:
                cue -= 3.0
            if _COUNTED.match(text, one.end) and _counts(text, one, question):
                cue += 2.5
            if place and _explains(text, found[0], one):
                cue -= 4.0
            if cue > 0 and place == 0 and len(opening) == 1 < len(found):
                cue += _OPENING
            if text[one.start : one.end].strip() in alone:
                cue += _ALONE
            cues[one.key] = max(cues.get(one.key, -9.0), cue + one.weight)
        listed = _listed(text, found)
        best = max(cues, key=lambda key: cues[key] + 0.5 * min(times[key], 8) + 2 * (key == last) - 2 * (key in given))
        alone_too = any(one.key == best and place not in listed for place, one in enumerate(found))
        rest = [one for place, one in enumerate(found) if place not in listed] if alone_too else found
        if _torn(text, rest, best, given, related(asking(question))):
            return None
        return next(one for one in reversed(found) if one.key == best)


@lru_cache(maxsize=256)
def _given(kind: Scalar, question: str) -> set[str]:
    return kind.given(question)


def _goes_on(first: Found, second: Found) -> bool:
    """Whether two values are one, said twice: "B: carbon dioxide", "Michelangelo (3)"."""
    return first.key == second.key and 0 <= second.start - first.end <= _NEAR


def _alone(text: str) -> set[str]:
    return {sentence.strip(" .!*_") for sentence in _SENTENCES.split(text) if len(sentence) < 40}


def _counts(text: str, one: Found, question: str) -> bool:
    """Whether what a value counts is what the question asks the number of: "29 wheels"."""
    asked = _HOW_MANY.search(question)
    noun = _COUNTED.match(text, one.end)
    return (
        asked is not None
        and noun is not None
        and stem(noun[1].lower()) in {stem(asked[1].lower()), stem((asked[2] or "").lower())}
    )


def _context(text: str, one: Found) -> str:
    """A value with the word before it and the one behind it."""
    before, after = text[: one.start].split()[-1:], text[one.end : one.end + 32].split()[:1]
    return " ".join([*before, text[one.start : one.end], *after]).strip(" .,;:!?")


def _explains(text: str, first: Found, one: Found) -> bool:
    """Whether a value stands in the reason that a sentence gives for its first one: "0.07, because 0.07² = 0.0049"."""
    between = text[first.end : one.start]
    return first.key != one.key and _REASON.search(between) is not None and not _SENTENCES.search(between)


def _listed(text: str, found: Sequence[Found]) -> set[int]:
    """The places of values that are listed with others, with nothing but commas between them."""
    places: set[int] = set()
    run = [0]
    for place, (first, second) in enumerate(pairwise(found), 1):
        between = text[first.end : second.start]
        if len(between) < 8 and re.fullmatch(r"\s*(?:,|→|->|<|,?\s*and|&)\s*", between):
            run.append(place)
        else:
            places.update(run if len(run) >= _MOST_LISTED else ())
            run = [place]
    places.update(run if len(run) >= _MOST_LISTED else ())
    return places


def _torn(text: str, found: Sequence[Found], best: str, given: set[str], asked: frozenset[str]) -> bool:
    """Whether another value is offered as an alternative to the best one: "42 or 43", "42. Maybe 43."."""
    for first, second in pairwise(found):
        if first.key == second.key or best not in (first.key, second.key):
            continue
        other = second.key if first.key == best else first.key
        between = text[first.end : second.start]
        if len(between) < 64:
            between = _VARIABLE.sub(" ", between)
            between = _BETWEEN.sub(
                lambda word: "" if stem(word[0].lower()) in asked and not _ELSE.match(word[0]) else word[0], between
            )
        offered = other not in given or best in given or _ELSE.search(between)
        if offered and len(between) < 64 and _OR.match(between):
            return True
    return False
