"""Reading yes or no, also from a reply that only states what is the case."""

import re

from engine.scoring.words import content_words, fold, plain, sentences, words

_WORD = re.compile(
    r"^(?:[a-z']+\s*[,:]\s*|[a-z']+ [a-z']+\s*[,:]\s*|[a-z', ]{1,60}:\s*)?(yes|no|true|false)"
    r"\s*(?:$|[^\w\s]|(?=\s(?:because|since|it|this|that|they|there|we|i)\b))"
)
_SIGNS = re.compile(r"^[\W_]+")
_INSTRUCTION = re.compile(
    r"\b(?:answer|reply|respond)\b[^.?!]{0,200}\byes\b[^.?!]*[.?!]?|\btrue or (?:not|false)\b\W*", re.IGNORECASE
)
_ALONE = re.compile(r"\b(yes|no)\b(?=\s*(?:$|[.,;!)\"']))")
_QUOTED = re.compile(r"[\"“”]([^\"“”]{3,})[\"“”]")
_NEGATION_WORDS = "not no never none cannot neither nor different impossible invalid incorrect untrue without"
_NEGATIONS = frozenset(_NEGATION_WORDS.split())
_OPPOSITES = (
    (
        "larger bigger greater more higher longer taller heavier older",
        "smaller less fewer lower shorter lighter younger",
    ),
    ("prime", "composite"),
    ("even", "odd"),
    ("true correct valid possible", "false wrong invalid impossible"),
    ("before earlier", "after later"),
    ("increase rise", "decrease fall"),
)
_MOST_STRANGE = 2
_REFERRING = frozenset(("claim", "conclusion", "inference", "statement"))
"""Words that stand for what the question asks about: "the conclusion does not follow"."""

_POLE = {word: (axis, side) for axis, pair in enumerate(_OPPOSITES) for side in (0, 1) for word in pair[side].split()}


def said(phrase: str) -> str | None:
    """ "yes" or "no" when the phrase opens with it ("Indeed, yes", "Not quite: no", "True")."""
    match = _WORD.match(_SIGNS.sub("", fold(phrase)))
    return None if not match else "yes" if match[1] in ("yes", "true") else "no"


def said_in(text: str) -> str | None:
    """The first "yes" or "no" that opens a sentence of the reply."""
    return next((answer for sentence in sentences(text) if (answer := said(sentence))), None)


def restated(text: str, question: str) -> str | None:
    """ "yes" or "no" when a sentence of the reply repeats the question as a claim or as its denial."""
    clause = _asked_clause(question)
    asked = content_words(clause)
    return next((answer for sentence in sentences(text) if (answer := _restated(sentence, clause, asked))), None)


def alone(text: str) -> str | None:
    """The "yes" or "no" that stands at the end of a phrase ("I would say yes."), when the reply has no other there."""
    found = set(_ALONE.findall(fold(plain(text))))
    return found.pop() if len(found) == 1 else None


def _asked_clause(question: str) -> str:
    """The part of the question that is to be affirmed or denied: what it quotes, else its asking sentence."""
    bare = _INSTRUCTION.sub(" ", question).strip()
    asking = [sentence for sentence in sentences(bare) if sentence.endswith("?")] or [bare]
    quoted = _QUOTED.search(asking[-1])
    return quoted[1] if quoted else asking[-1]


def _restated(sentence: str, question: str, asked: frozenset[str]) -> str | None:
    pole, asked_pole = _pole(sentence), _pole(question)
    own = content_words(sentence)
    common = len(own & (asked | _REFERRING)) + (pole is not None and pole[0] == (asked_pole or pole)[0])
    strange = own - asked - _REFERRING - _NEGATIONS - _POLE.keys()
    if common < max(2, len(asked) // 3) or len(strange) > _MOST_STRANGE:
        return None
    denied = _negated(sentence) != _negated(question)
    if pole and asked_pole and pole[0] == asked_pole[0]:
        denied ^= pole[1] != asked_pole[1]
        denied ^= _swapped(sentence, question)
    return "no" if denied else "yes"


def _negated(text: str) -> bool:
    found = words(text)
    return bool(_NEGATIONS.intersection(found)) or any(word.endswith(("n't", "n’t")) for word in found)


def _pole(text: str) -> tuple[int, int] | None:
    return next((_POLE[word] for word in words(text) if word in _POLE), None)


def _swapped(sentence: str, question: str) -> bool:
    """Whether the sentence begins with another of the question's names than the question ("B is larger than A")."""
    names = [word for word in re.findall(r"\b[A-Z]\w+", question)[1:] if len(word) > 2]
    here = [word for word in re.findall(r"\b[A-Z]\w+", sentence) if word in names]
    return bool(here) and here[0] != names[0] and len(set(names)) > 1
