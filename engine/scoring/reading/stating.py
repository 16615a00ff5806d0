"""Whether a reply states a known short answer in a frame of empty words: "What you are looking for is Samir."

Only for an answer that is known. A reply that says anything else beside it is left to the reader of marked and spoken
answers, so that naming many answers gains nothing.
"""

import re

from engine.scoring.reading.short import FRAME
from engine.scoring.words import content_words, sentences, words

_DENIED = re.compile(r"(?:\b(?:not|never|neither|nor|rather than|instead of)\b|\b\w+n['’]t\b)[^.,;:!?]*", re.IGNORECASE)
_CHOICE = frozenset(("or", "and", "either"))
_FILLER_WORDS = (
    "arrive arrives believe certain certainly checked clear clearly considered course far final found go going guess "
    "indeed know look maybe must once said say simply step sure think thought through true twice"
)
_EMPTY = FRAME | frozenset(_FILLER_WORDS.split())


def states(text: str, truth: str) -> bool:
    """Whether a sentence of `text` asserts `truth`, and the reply, but for what it denies, says nothing else."""
    wanted = words(truth)
    asserted = [_DENIED.sub(" ", sentence) for sentence in sentences(text)]
    if not wanted or not any(_asserts(words(sentence), wanted) for sentence in asserted):
        return False
    return all(content_words(sentence) <= _EMPTY.union(wanted) for sentence in asserted)


def _asserts(said: list[str], wanted: list[str]) -> bool:
    size = len(wanted)
    return any(
        said[start : start + size] == wanted
        and not _CHOICE.intersection(said[max(0, start - 1) : start] + said[start + size : start + size + 1])
        for start in range(len(said) - size + 1)
    )
