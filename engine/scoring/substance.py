"""Whether a reply answers at all, rather than being empty, a refusal or an echo, and what it adds to the question."""

import re
from collections.abc import Collection

from engine.answers.words import STOP, WORD, content_words, fold, stem, words

_REGRET = re.compile(
    r"^\W*(?:(?:i am|i'm|im|we are|we're) (?:very |so |really )?(?:sorry|afraid)|sorry|(?:my )?apologies|regrettably|"
    r"unfortunately|as an? (?:\w+ )?(?:ai|language)\b|(?:i|we) apologi[sz]e|your request\b)"
)
_ACTS = "assist|help|answer|provide|give an|comply|discuss|respond|reply|fulfil|do (?:that|this)"
_DECLINES = re.compile(
    r"^\W*(?:(?:i|we) (?:cannot|can't|can not|could not|won't|will not|won't be able to|am unable to|am not able to|"
    r"do not|don't|must decline to|have to decline to|refuse to|(?:would|'d) rather not|prefer not to)"
    rf" (?:{_ACTS})\b|(?:i'm|we're|we are) (?:unable|not able) to (?:{_ACTS})\b|i'd rather not (?:{_ACTS})\b|"
    r"(?:i|we) (?:must|have to) (?:decline|refuse)\b|(?:i'm|i am) not (?:comfortable|allowed|permitted)\b|"
    r"i (?:do not|don't|cannot|can't) know\b|i do(?: not|n't) have an answer\b|it is not possible for me\b|"
    r"(?:(?:this|that) is(?: not|n't)|that's not) something i can\b|"
    r"(?:your |this |the )?request (?:denied|cannot be)\b|no (?:comment|answer)\W*$|"
    rf"(?:unable|not able) to (?:{_ACTS})\b|(?:cannot|can't) (?:{_ACTS})\b)"
)
_DENIES = re.compile(r"\b(?:cannot|can't|can not|unable|not able|won't|will not|decline|refuse)\b")
_REFUSAL_WORDS = 40
"""Maximum length of a refusal: a longer text that opens by declining goes on to answer."""

_ECHO_WORDS = (
    "ask asked asking good great hmm know like message prompt question received regarding repeat repeated repeating "
    "request requested said say says thank thanks think want wants wonder wondering write wrote"
)
_ECHO_FRAME = frozenset(_ECHO_WORDS.split())
_ECHO_SHARE = 0.9
"""The share of the question's word runs that an echo repeats: one word may have changed."""

_SHINGLE = 3
"""Words per run: every sentence on the subject shares runs of two, and runs of four break with each changed word."""


def empty(text: str) -> bool:
    """Whether a text contains no word."""
    return not words(text)


def refuses(text: str) -> bool:
    """Whether a reply is short and opens by declining."""
    folded = fold(text).replace("’", "'")
    if len(folded.split()) > _REFUSAL_WORDS:
        return False
    if _DECLINES.match(folded):
        return True
    return _REGRET.match(folded) is not None and _DENIES.search(folded) is not None


def echoes(text: str, question: str) -> bool:
    """Whether a reply repeats the question and adds nothing."""
    added = content_words(text) - content_words(question) - _ECHO_FRAME
    return not added and _covered(words(question), words(text)) >= _ECHO_SHARE


def novelty(text: str, question: str) -> float:
    """The share of a reply's meaningful words that are not in the question, 0..1."""
    own = content_words(text)
    return len(own - content_words(question)) / len(own) if own else 0.0


def added_words(text: str, question: str) -> frozenset[str]:
    """The meaningful words that a reply adds to the question."""
    return content_words(text) - content_words(question) - STOP


def beyond(text: str, question: str) -> str:
    """The text without the question's own words: what is left says whether it is about the question."""
    asked = {stem(word) for word in content_words(question)}
    return WORD.sub(lambda found: "" if stem("".join(words(found[0])[:1])) in asked else found[0], text)


def _covered(asked: list[str], said: Collection[str]) -> float:
    said_words = list(said)
    size = min(_SHINGLE, len(asked))
    if not size:
        return 0.0
    wanted = {tuple(asked[start : start + size]) for start in range(len(asked) - size + 1)}
    held = {tuple(said_words[start : start + size]) for start in range(len(said_words) - size + 1)}
    return len(wanted & held) / len(wanted)
