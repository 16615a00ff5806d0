"""A short fact: a name, a word, a day. With a known truth, `naming` finds the name that a reply gives; as a vote, its
answer is what it marks, or what it adds to the question's words."""

import re
from collections.abc import Collection, Sequence

from engine.answers import asserted
from engine.answers.base import MAX_TRUTH, Answer, AnswerType, aliases
from engine.answers.mentions import Names, named
from engine.answers.naming import gives
from engine.answers.number import spelled
from engine.answers.numerals import numerals
from engine.answers.said import Said, said, stated
from engine.answers.words import (
    FRAME,
    INTERJECTIONS,
    POSSESSIVES,
    STOP,
    content_words,
    fold,
    is_empty,
    sentences,
    stem,
    words,
)
from engine.values import Reply

_ASIDE = re.compile(r"\s(?:\(|[—–-]\s)|—")
_COURTESY = re.compile(
    r"\b(?:hope (?:this|that|it)(?: helps|(?:'s| is) helpful)|let me know|feel free to|(?:happy|glad) to help)\b",
    re.IGNORECASE,
)
_SLASH = re.compile(r"(?<=[^\W\d]) / (?=[^\W\d])")
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_BESIDE_NOUN = POSSESSIVES | {"a", "an", "the"}
_MOST_WORDS = 6
"""The words of a short answer: "the University of California, Los Angeles" has six."""

_SENTENCE_WORDS = 4
"""From so many words that carry meaning on, a line is a sentence and not an answer."""


class Short(AnswerType):
    """A short fact in words."""

    name = "short"

    def read(self, reply: Reply, question: str) -> Answer | None:
        given = said(reply.text, question)
        return _marked(given, question) or _spoken(given.text, question, frozenset())

    def read_all(self, replies: Sequence[Reply], question: str) -> list[Answer | None]:
        """Marked answers first; an unmarked reply is then read as a phrase that others marked, if it says one."""
        given = [said(reply.text, question) for reply in replies]
        answers = [_marked(one, question) for one in given]
        known = {answer.key for answer in answers if answer}
        return [
            None if _says_several(one, question, known) else answer or _spoken(one.text, question, known)
            for answer, one in zip(answers, given, strict=True)
        ]

    def key(self, truth: str, question: str) -> str | None:
        if len(truth) > MAX_TRUTH:
            return None
        answer = self.read(Reply(uid=0, hotkey="", text=aliases(truth)[0]), question)
        return answer.key if answer else None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:
        if len(truth) > MAX_TRUTH:
            return False
        right = aliases(truth)
        given = said(_SLASH.sub(" or ", _first_names_first(reply.text, right)), question)
        wrong = [lure for lure in lures if fold(lure) not in map(fold, right)]
        names = named(right, question)
        if not _gives(given, names) or _says_another(given, names):
            return False
        return not wrong or not _gives(given, named(wrong, question))


def _first_names_first(text: str, names: Sequence[str]) -> str:
    """The text with "Austen, Jane" as "Jane Austen"."""
    for name in names:
        first, _, last = name.rpartition(" ")
        if first and f"{last}, {first}" in text:
            text = text.replace(f"{last}, {first}", name)
    return text


def _gives(given: Said, names: Names) -> bool | None:
    """True if a reply gives one of the names, False if it gives another or several, None if it gives none."""
    corrected = _gives(given.corrected, names) if given.corrected else None
    if corrected is not None:
        return corrected
    told = [gives(_held(phrase), names) for phrase in given.phrases]
    if given.boxed or any(one is not None for one in told):
        return all(one is not False for one in told) and any(told)
    return gives(_held(given.text), names)


def _says_another(given: Said, names: Names) -> bool:
    """Whether a sentence that is nothing but an answer gives another name than the right one.

    A common noun that is announced after the right one may as well describe it: "Mercury. It is a metal."
    """
    told_right = False
    for one in stated(given):
        held = _held(one.phrase)
        gives_name = gives(held, names) if len(one.phrase.split()) <= _MOST_WORDS else None
        told_right = told_right or gives_name is True
        if gives_name is not False:
            continue
        told = [word for word in words(held) if word not in _BESIDE_NOUN]
        new = len(told) == 1 and not is_empty(told[0], names.asked) and told[0] not in INTERJECTIONS
        if names.proper and one.announced and held != held.lower():
            return True
        if one.labelled or (new and not names.proper and not (one.announced and told_right)):
            return True
    return False


def _held(text: str) -> str:
    """What a text asserts, with spaces for the rest."""
    return asserted.blanked(text, [*asserted.denied(text), *asserted.asked(text)])


def is_asked(word: str, asked: frozenset[str]) -> bool:
    """Whether a word is one of the question's, in any inflection, or carries no meaning."""
    return word in STOP or word in FRAME or stem(word) in asked


def _marked(given: Said, question: str) -> Answer | None:
    for phrase in reversed(given.phrases):
        held = asserted.blanked(phrase, asserted.denied(phrase)).strip(" ,;:")
        key = _phrase_key(held, question) if words(held) else None
        if key:
            return Answer(key, marked=True)
    return None


def _says_several(given: Said, question: str, known: Collection[str]) -> bool:
    """Whether a reply states several of the answers that are `known` from others."""
    said_alone = {_phrase_key(one.phrase, question) for one in stated(given) if len(one.phrase.split()) <= _MOST_WORDS}
    return len(said_alone & set(known)) > 1


def _phrase_key(phrase: str, question: str) -> str | None:
    found = [one for one in numerals(phrase) if not one.worded]
    if (
        len(found) == 1
        and len(words(phrase)) <= 2
        and phrase.strip(" .!*")[found[0].start :][: found[0].end] == phrase.strip(" .!*")
    ):
        return spelled(found[0].value)
    return phrase_key(phrase, question) or None


def _spoken(text: str, question: str, known: Collection[str]) -> Answer | None:
    key = spoken(text, question, known)
    return Answer(key) if key else None


def phrase_key(phrase: str, question: str) -> str:
    """A marked answer in one spelling: without the question's words, articles and frame words, if any word is left."""
    found, asked = words(_ASIDE.split(phrase, maxsplit=1)[0]) or words(phrase), content_words(question)
    for ignored in (STOP | FRAME | asked, STOP | FRAME, STOP):
        kept = [word for word in found if word not in ignored]
        if kept:
            break
    else:
        kept = found
    if len(found) >= _SENTENCE_WORDS:
        added = added_phrases(phrase, question)
        return max(added, key=lambda part: added[part]) if added else " ".join(kept)
    return " ".join(kept)


def spoken(text: str, question: str, known: Collection[str]) -> str | None:
    """The answer of an unmarked reply: of the phrases that it adds to the question, preferably one that others marked
    as their answer (`known`), otherwise the one with the most evidence."""
    added = added_phrases(text, question)
    if not added:
        return None
    return max(added, key=lambda part: (part in known, added[part]))


def added_phrases(text: str, question: str) -> dict[str, float]:
    """Runs of words that are neither the question's nor frame words, with the evidence for each."""
    asked = content_words(question)
    found: dict[str, float] = {}
    for place, sentence in enumerate(sentences(text)):
        if _COURTESY.search(sentence):
            continue
        overlap = len(asked & content_words(sentence)) / max(1, len(asked))
        size = len(words(sentence))
        for run in _runs(sentence, asked):
            name = (0.3 if sentence.startswith(run[0]) else 0.6) * run[0][:1].isupper()
            alone = size == len(run)
            weight = overlap + name + 0.8 * alone - 0.02 * place
            part = " ".join(word for token in run for word in words(token))
            found[part] = max(found.get(part, 0.0), weight)
    return found


def _runs(sentence: str, asked: frozenset[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in _TOKEN.findall(sentence):
        folded = " ".join(words(word))
        if folded in STOP or folded in FRAME or folded in asked:
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if 0 < len(run) <= _MOST_WORDS]
