"""What answers have in common besides meaning: wording, structure, and the course of their sentences."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.scoring.loosh.cosine import Vectors, cosines
from engine.scoring.loosh.stages import STAGES, stages

FEATURES = 5_000
"""The words and word pairs that count, the most frequent first; as in the network's validator."""

_SENTENCE_ENDS = re.compile(r"[.!?]+")
_NUMBERED = re.compile(r"^[^\S\n]*\d+[.)]\s", re.MULTILINE)
_BULLETED = re.compile(r"^[^\S\n]*[-•*]\s", re.MULTILINE)


def wordings(texts: Sequence[str]) -> Vectors | None:
    """Cosines of the TF-IDF of words and word pairs, shape (n, n); None if there are only stop words."""
    try:
        weights = TfidfVectorizer(max_features=FEATURES, stop_words="english", ngram_range=(1, 2)).fit_transform(texts)
    except ValueError:
        return None
    return np.asarray((weights @ weights.T).toarray(), dtype=np.float32)


def structures(texts: Sequence[str]) -> Vectors:
    """Cosines of seven measures of an answer's layout, shape (n, n)."""
    return cosines(np.array([_measures(text) for text in texts], dtype=np.float32))


def courses(sentences: Sequence[Vectors]) -> NDArray[np.float64]:
    """How alike the stages of the sentences are, the shortest centre first, shape (n, n).

    -1 for answers of fewer than five sentences.
    """
    found = np.full((len(sentences), len(sentences)), -1.0)
    with_course = [index for index, rows in enumerate(sentences) if len(rows) >= STAGES]
    if with_course:
        gone_through = np.array([stages(sentences[index]) for index in with_course])
        by_stage = np.array([cosines(gone_through[:, stage]) for stage in range(STAGES)], dtype=np.float64)
        found[np.ix_(with_course, with_course)] = by_stage.mean(axis=0)
    return found


def _measures(text: str) -> tuple[float, ...]:
    lengths = [len(part.split()) for part in _SENTENCE_ENDS.split(text) if part.strip()]
    return (
        len(text) / 10_000,
        len(lengths) / 50,
        float(_NUMBERED.search(text) is not None),
        float(_BULLETED.search(text) is not None),
        float("```" in text),
        sum(bool(paragraph.strip()) for paragraph in text.split("\n\n")) / 20,
        sum(lengths) / len(lengths) / 50 if lengths else 0.0,
    )
