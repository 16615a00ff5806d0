"""What a sentence claims of the question, and whether it denies it: "Seven is not a prime number"."""

import re

from engine.answers.words import STOP, content_words, fold, is_empty, sentences, stem, words

YES, NO = "yes", "no"

INSTRUCTION = re.compile(
    r"\b(?:answer|reply|respond)\b[^.?!]{0,200}\byes\b[^.?!]*[.?!]?|\btrue or (?:not|false)\b\W*", re.IGNORECASE
)
_QUOTED = re.compile(r"[\"“”]([^\"“”]{3,})[\"“”]")
_FOLLOWING = re.compile(r"\b(?:statement|claim|sentence|assertion|following|this|it)\b", re.IGNORECASE)
_NEGATION_WORDS = (
    "not no never none cannot neither nor different impossible invalid incorrect untrue without "
    "false unable fails lacks"
)
_NEGATIONS = frozenset(_NEGATION_WORDS.split())
_OPPOSITES = (
    (
        "larger bigger greater more higher longer taller heavier older faster hotter farther further warmer stronger "
        "deeper wider",
        "smaller less fewer lower shorter lighter younger slower colder nearer closer cooler weaker shallower narrower",
    ),
    ("prime", "composite"),
    ("even", "odd"),
    ("true correct valid possible", "false wrong invalid impossible"),
    ("before earlier", "after later"),
    ("increase rise", "decrease fall"),
)
_MOST_STRANGE = 2
"""Words that a sentence may add to the question's and still only repeat it: an adverb, or the subject's kind."""

_REFERRING = frozenset(("claim", "conclusion", "inference", "statement"))
"""Words that refer to what the question asks about: "the conclusion does not follow"."""

_POLE = {word: (axis, side) for axis, pair in enumerate(_OPPOSITES) for side in (0, 1) for word in pair[side].split()}
_REFERRING_STEMS = frozenset(stem(word) for word in _REFERRING)
_EMPTY_STEMS = frozenset(stem(word) for word in (*_REFERRING, *_NEGATIONS, *_POLE))
PRONOUN = re.compile(r"^\W*(?:it|they|he|she|this|that|these|those)\s", re.IGNORECASE)


def claimed(sentence: str) -> tuple[bool, str]:
    """What a sentence says that something is true, or false, of ("There is no doubt that …"), and whether it denies it.

    An even number of negations in the words before "that" asserts the claim, an odd one denies it.
    """
    about = _CLAIM_IS.match(folded(sentence))
    if about:
        negations = sum(word in _NEGATIVE for part in words(about[2]) for word in part.split("'"))
        return negations % 2 == 1, about[1]
    for match in _THAT.finditer(sentence, 0, _WRAPPED_WITHIN):
        before = [word for part in words(sentence[: match.start()]) for word in part.replace("’", "'").split("'")]
        if before and all(word in _WRAPPING or is_empty(word, frozenset()) for word in before):
            return sum(word in _NEGATIVE for word in before) % 2 == 1, sentence[match.end() :].strip()
    return False, sentence


def without_reasons(sentence: str) -> str:
    """A sentence without the reasons that it gives."""
    first = _REASON_FIRST.match(sentence)
    if first:
        return first[1]
    main = _REASON.split(sentence, maxsplit=1)[0]
    return main if _VERB.search(main) else sentence


def _content(text: str) -> list[str]:
    return [stem(word) for word in words(text) if word not in STOP and word not in _NEGATIONS]


def repeats(claim: str, clause: str) -> bool:
    """Whether a claim has most of the words of a clause, in its order, and no others."""
    told, asked = _content(claim), _content(clause)
    rest = iter(asked)
    return len(told) > 1 and len(told) >= _MOST_OF * len(asked) and all(word in rest for word in told)


_MOST_OF = 0.6
"""The share of the question's words that a repetition of it has at least."""

_THAT = re.compile(r"\bthat\b(?!['’]s|\s+(?:is|was|are|would)\b)[:,]?|(?<=doubt):|(?<=question):")
_CLAIM_IS = re.compile(
    r"^\W*(?:the\s+)?(?:statement|claim|assertion|idea|notion|belief|proposition|sentence|that)\s+(?:that\s+)?[\"“']?(.{4,}?)[\"”']?"
    r"\s+(?:is|are)\s+((?:(?:not|never|no|an?|in|fact|indeed|quite|just|simply|also|common|popular|total|"
    r"complete|\w+ly)\s+){0,3}(?:true|correct|right|accurate|a fact|valid|false|wrong|incorrect|untrue|a myth|"
    r"mistaken|inaccurate|a misconception))\W*$"
)
_REASON_FIRST = re.compile(r"\W*(?:because|since|as)\s[^,]{4,160},\s+(.{8,})", re.IGNORECASE)
_REASON = re.compile(r"[,;:]?\s\b(?:because|since|as)\b|:\s|;\s|\s[—–]\s", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|does|do|did|can|could|will|would|has|have|had|should|may|cannot|\w+n['’]t|\w+ed)\b",
    re.IGNORECASE,
)
_NEGATIVE_WORDS = (
    "not no nobody never none neither cannot without false wrong incorrect untrue myth misconception mistake mistaken "
    "doubt doubts deny denied denying question dispute error inaccurate t"
)
_NEGATIVE = frozenset(_NEGATIVE_WORDS.split())
"""Negations, in their parts: "isn't" is "isn" and "t"."""

_WRAPPING_WORDS = (
    "true correct right fact case sure certain confident convinced positive known well say claim think believe "
    "agree argue means shows implies proves follows truth statement way evidence reason one someone can could "
    "would don isn doesn wouldn couldn won quite common widespread confirm denying simply plain proof shown "
    "proven established m s d ll ve re"
)
_WRAPPING = _NEGATIVE | frozenset(_WRAPPING_WORDS.split())
"""Words that say of a claim that it holds, or does not."""

_WRAPPED_WITHIN = 120
"""The characters in which such words stand, before "that": more than "There is no doubt among historians that"."""


def folded(text: str) -> str:
    """The text in lower case and without accents, with typewriter apostrophes."""
    return fold(text).replace("’", "'")


def asked_clause(question: str) -> str:
    """The part of the question to affirm or deny: what it quotes, otherwise its last question."""
    bare = INSTRUCTION.sub(" ", question[-4_096:]).strip()
    asking = [sentence for sentence in sentences(bare) if sentence.endswith("?")] or [bare]
    quoted = _QUOTED.search(asking[-1]) or (_QUOTED.search(bare) if _FOLLOWING.search(asking[-1]) else None)
    return quoted[1] if quoted else asking[-1]


IDIOMS = re.compile(
    r"\b(?:there (?:is|can be) )?(?:no|without(?: a)?|beyond(?: a)?) (?:doubt|question)(?: about it)?\b|"
    r"\bundoubtedly\b|\bnot only\b",
    re.IGNORECASE,
)
_CONTRAST = re.compile(
    r",\s+(?:and\s+)?not\s+(?:(?:just|only)\s+)?(?:an?|the|by|in|on)?\s*[\w-]+(?:\s[\w-]+)?\W*$", re.IGNORECASE
)


def affirmed(sentence: str, question: str, asked: frozenset[str]) -> str | None:
    """ "yes" if a sentence repeats the question, whose stems are `asked`, as a claim; "no" if it denies it."""
    sentence = _CONTRAST.sub("", IDIOMS.sub(" ", sentence))
    pole, asked_pole = _pole(sentence), _pole(question)
    own = stems(sentence)
    common = len(own & (asked | _REFERRING_STEMS)) + (pole is not None and pole[0] == (asked_pole or pole)[0])
    strange = own - asked - _EMPTY_STEMS
    common += PRONOUN.match(sentence) is not None
    if common < max(2, len(asked) // 3) or len(strange) > _MOST_STRANGE or any(map(_has_digit, strange)):
        return None
    denied = negated(sentence) != negated(question)
    if pole and asked_pole and pole[0] == asked_pole[0]:
        denied ^= pole[1] != asked_pole[1]
        denied ^= _swapped(sentence, question)
    return NO if denied else YES


def stems(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning."""
    return frozenset(stem(word) for word in content_words(text))


def _has_digit(word: str) -> bool:
    return any(mark.isdigit() for mark in word)


def negated(text: str) -> bool:
    """Whether a text is negative; a second negation undoes the first."""
    found = words(text)
    return sum(word in _NEGATIONS or word.endswith(("n't", "n’t")) for word in found) % 2 == 1


def _pole(text: str) -> tuple[int, int] | None:
    return next((_POLE[word] for word in words(text) if word in _POLE), None)


def _swapped(sentence: str, question: str) -> bool:
    """Whether the sentence begins with a different one of the question's names ("B is larger than A")."""
    names = [word for word in re.findall(r"\b[A-Z]\w+", question)[1:] if len(word) > 2]
    here = [word for word in re.findall(r"\b[A-Z]\w+", sentence) if word in names]
    return bool(here) and here[0] != names[0] and len(set(names)) > 1
