"""What answers have in common besides their meaning: wording, structure, and the course of their sentences."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.scoring.loosh.cosine import Vectors, cosines

FEATURES = 5_000
STAGES = 5
SEED = 42
_SENTENCE_ENDS = re.compile(r"[.!?]+")
_NUMBERED = re.compile(r"^[^\S\n]*\d+[.)]\s", re.MULTILINE)
_BULLETED = re.compile(r"^[^\S\n]*[-•*]\s", re.MULTILINE)


def wordings(texts: Sequence[str]) -> Vectors | None:
    """Shape (n, n): cosines of the words and word pairs by TF-IDF; None where there are only stop words."""
    try:
        weights = TfidfVectorizer(max_features=FEATURES, stop_words="english", ngram_range=(1, 2)).fit_transform(texts)
    except ValueError:
        return None
    return np.asarray((weights @ weights.T).toarray(), dtype=np.float32)


def structures(texts: Sequence[str]) -> Vectors:
    """Shape (n, n): cosines of seven measures of an answer's shape."""
    return cosines(np.array([_measures(text) for text in texts], dtype=np.float32))


def courses(sentences: Sequence[Vectors]) -> NDArray[np.float64]:
    """Shape (n, n): how alike the stages are that the sentences go through, the shortest centre first.

    -1 for answers of fewer than five sentences.
    """
    found = np.full((len(sentences), len(sentences)), -1.0)
    with_course = [index for index, rows in enumerate(sentences) if len(rows) >= STAGES]
    stages = np.array([_stages(sentences[index]) for index in with_course])
    if len(stages):
        by_stage = np.array([cosines(stages[:, stage]) for stage in range(STAGES)], dtype=np.float64)
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


def _stages(sentences: Vectors) -> Vectors:
    """The centres of five clusters, shape (5, dim), by their length."""
    centres = KMeans(n_clusters=STAGES, n_init=3, random_state=SEED).fit(sentences).cluster_centers_
    return np.asarray(centres[np.argsort(np.linalg.norm(centres, axis=1))], dtype=np.float32)
