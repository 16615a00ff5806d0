"""Whether a reply is an answer at all, and what it adds: empty, refusing and echoing replies are none."""

import re
from collections.abc import Collection

from engine.scoring.words import STOP, content_words, fold, words

_REFUSAL = re.compile(
    r"^\W*(?:(?:i am|i'm|im) (?:very |so |really )?sorry|sorry|unfortunately|as an? (?:ai|language)\b|i apologi[sz]e|"
    r"i (?:cannot|can't|can not|could not|won't|will not|am unable|am not able|'m unable|do not|don't) "
    r"(?:assist|help|answer|provide|comply|do that|know)|no comment\b)"
)
_DENIES = re.compile(r"\b(?:cannot|can't|can not|unable|not able|won't|will not|decline|refuse)\b")
_REFUSAL_WORDS = 40
_ECHO_WORDS = (
    "ask asked asking know like prompt question repeat repeated request said say says want wants wonder wondering"
)
_ECHO_FRAME = frozenset(_ECHO_WORDS.split())
_ECHO_SHARE = 0.9
_SHINGLE = 3


def empty(text: str) -> bool:
    return not words(text)


def refuses(text: str) -> bool:
    """A short reply that opens by declining."""
    folded = fold(text).replace("’", "'")
    if len(folded.split()) > _REFUSAL_WORDS:
        return False
    opening = _REFUSAL.match(folded)
    return opening is not None and (opening[0].lstrip().startswith("i ") or _DENIES.search(folded) is not None)


def echoes(text: str, question: str) -> bool:
    """A reply that says the question again, and nothing that is not in it."""
    added = content_words(text) - content_words(question) - _ECHO_FRAME
    return not added and _covered(words(question), words(text)) >= _ECHO_SHARE


def novelty(text: str, question: str) -> float:
    """The share of a reply's meaningful words that the question did not hold already, 0..1."""
    own = content_words(text)
    return len(own - content_words(question)) / len(own) if own else 0.0


def added_words(text: str, question: str) -> frozenset[str]:
    """The meaningful words that a reply adds to the question."""
    return content_words(text) - content_words(question) - STOP


def _covered(asked: list[str], said: Collection[str]) -> float:
    said_words = list(said)
    size = min(_SHINGLE, len(asked))
    if not size:
        return 0.0
    wanted = {tuple(asked[start : start + size]) for start in range(len(asked) - size + 1)}
    held = {tuple(said_words[start : start + size]) for start in range(len(said_words) - size + 1)}
    return len(wanted & held) / len(wanted)
