"""How texts are split: an answer into sentences, the question into the parts that an answer should cover.

Fewer than three words are not a part. The validator would use a trained splitter if its data were installed; it never
installs the data, so its simple rule applies. The patterns are written so that no text makes them slow.
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice, pairwise

MIN_WORDS = 3
"""As in the network's validator."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LIST_MARK = re.compile(r"(?:^|(?<!\s)[^\S\n]*+\n)\s*+(?:\d+[.)]|[-•*])\s*")
_CONJUNCTION = re.compile(r"(?<!\s)\s++(?:and|or)\s+", re.IGNORECASE)
_CLAUSE = re.compile(
    r",\s*(?:which|who|that|where|when|while|although|because|since|if|unless|whereas|though|even though|after|before|"
    r"until|once)\b"
    r"|\b(?:which|who|that)\b\s+(?:\w+\s+){0,3}(?:is|are|was|were|has|have|had)\b",
    re.IGNORECASE,
)


def sentences(text: str, limit: int) -> list[str]:
    """The first `limit` sentences of at least three words."""
    return list(islice(_long_enough(_SENTENCE_END.split(text.strip())), limit))


def components(question: str) -> list[str]:
    """The parts of a question by the first rule that finds two; otherwise the whole question.

    Several questions are always taken as the parts; if all are too short, there are none.
    """
    asked = [part.strip() + "?" for part in question.split("?") if part.strip()]
    if len(asked) >= 2:
        return list(_long_enough(asked))
    for split in _SPLITS:
        parts = list(_long_enough(split(question)))
        if len(parts) >= 2:
            return parts
    return [question.strip()] if question.strip() else []


def _long_enough(parts: Sequence[str]) -> "filter[str]":
    return filter(lambda part: len(part.split()) >= MIN_WORDS, (part.strip() for part in parts))


def _clauses(question: str) -> list[str]:
    """The question, cut before each subordinate clause."""
    cuts = [0, *(match.start() for match in _CLAUSE.finditer(question)), len(question)]
    return [question[start:end] for start, end in pairwise(cuts)]


_SPLITS: tuple[Callable[[str], list[str]], ...] = (
    _LIST_MARK.split,
    lambda question: question.split("\n"),
    lambda question: question.split(":"),
    lambda question: question.split(";"),
    _CONJUNCTION.split,
    _clauses,
)
