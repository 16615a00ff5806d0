"""The quality of one answer: relevance, coherence, coverage, complexity, density and specificity through sigmoids.

Vectors are float32. The weights in use sum to 1.4; the quality is capped at 1.
"""

import math

import numpy as np
from msgspec import Struct
from sklearn.cluster import AgglomerativeClustering

from engine.scoring.loosh import word_measures
from engine.scoring.loosh.cosine import Vectors, cosines, neighbouring, unit, upper
from engine.scoring.loosh.word_measures import mentioned

COVERED = 0.45
BREAK = 0.25
MANY_BREAKS = 0.3
MIN_RELEVANCE, MIN_COHERENCE = 0.4, 0.3
STEP_DISTANCE = 0.7
BEST_STEPS, STEP_WIDTH = 4, 2.0
STEEPNESS = 8.0
"""The network's validator's: the cosine that covers a part of the question; that of neighbouring sentences between
which the thread breaks, and the share of such breaks that is punished; the gates; how far apart steps are, how many are
best and how wide their bell is; and the slope of the sigmoids."""


class EmbeddedAnswer(Struct, frozen=True):
    """An answer with its vector, shape (dim,), and those of its n sentences, shape (n, dim)."""

    text: str
    vector: Vectors
    sentences: Vectors


class EmbeddedQuestion(Struct, frozen=True):
    """A question with its vector and those of its parts. `keywords` stand in for missing parts."""

    vector: Vectors
    parts: Vectors
    keywords: tuple[str, ...] = ()


class Quality(Struct, frozen=True, kw_only=True):
    """A quality `value`, 0..1, and its parts.

    `full` is the cosine of question and answer, `sentence` the mean cosine of the better half of its sentences.
    """

    full: float
    sentence: float
    relevance: float
    coherence: float
    coverage: float
    complexity: float
    density: float
    specificity: float

    @property
    def value(self) -> float:
        weighed = (
            0.4 * _sigmoid(self.relevance, 0.45)
            + 0.2 * _sigmoid(self.coherence, 0.45)
            + 0.2 * _sigmoid(self.coverage, 0.40)
            + 0.2 * _sigmoid(self.complexity, 0.30)
            + 0.2 * _sigmoid(self.density, 0.40)
            + 0.2 * _sigmoid(self.specificity, 0.30)
        )
        return min(1.0, weighed)


def assess(question: EmbeddedQuestion, answer: EmbeddedAnswer) -> Quality:
    """The quality of an answer before the gates of the consensus."""
    full, sentence = _relevances(question.vector, answer)
    coherence = coherence_of(answer)
    coverage = _coverage(question, answer) if len(question.parts) else _without_parts(question, answer, full, sentence)
    relevance = 0.4 * full + 0.4 * sentence + 0.2 * coverage
    worth_it = relevance >= MIN_RELEVANCE and coherence >= MIN_COHERENCE
    return Quality(
        full=full,
        sentence=sentence,
        relevance=relevance,
        coherence=coherence,
        coverage=coverage,
        complexity=complexity_of(answer) if worth_it else 0.0,
        density=word_measures.density(answer.text),
        specificity=word_measures.specificity(answer.text),
    )


def coherence_of(answer: EmbeddedAnswer) -> float:
    """How similar consecutive sentences are, and how close all are to their centre; many breaks at most halve it."""
    if len(answer.sentences) < 2:
        return word_measures.shape(answer.text)
    steps = neighbouring(answer.sentences)
    centre = unit(answer.sentences.mean(axis=0, keepdims=True))
    local = min(1.0, max(0.0, float(np.mean(steps))))
    whole = min(1.0, max(0.0, float(cosines(answer.sentences, centre).mean())))
    breaks = sum(step < BREAK for step in steps) / len(steps)
    return (0.6 * local + 0.4 * whole) * (max(0.5, 1 - breaks) if breaks > MANY_BREAKS else 1.0)


def complexity_of(answer: EmbeddedAnswer) -> float:
    """Four reasoning steps that do not repeat each other score best; a single sentence is judged by its markers."""
    count = len(answer.sentences)
    if count < 2:
        return 1 - math.exp(-1.3 * word_measures.markers(answer.text)) if count else 0.0
    steps = AgglomerativeClustering(n_clusters=None, distance_threshold=STEP_DISTANCE, linkage="average")
    distance = (steps.fit(answer.sentences).n_clusters_ - BEST_STEPS) / STEP_WIDTH
    novelty = max(0.0, 1 - float(upper(cosines(answer.sentences)).mean()))
    return min(1.0, 0.6 * math.exp(-(distance**2)) + 0.4 * novelty)


def _relevances(question: Vectors, answer: EmbeddedAnswer) -> tuple[float, float]:
    """The cosines of the question with the answer and with the better half of its sentences."""
    asked = question[np.newaxis]
    full = float(cosines(asked, answer.vector[np.newaxis])[0, 0])
    count = len(answer.sentences)
    if count < 2:
        return full, full
    return full, float(np.sort(cosines(asked, answer.sentences)[0])[-(count // 2) :].mean())


def _coverage(question: EmbeddedQuestion, answer: EmbeddedAnswer) -> float:
    """The share of the question's parts that the answer, or one of its sentences, is close to."""
    said = answer.vector[np.newaxis]
    if len(answer.sentences) >= 2:
        said = np.vstack([said, answer.sentences])
    return float((cosines(question.parts, said).max(axis=1) >= COVERED).mean())


def _without_parts(question: EmbeddedQuestion, answer: EmbeddedAnswer, full: float, sentence: float) -> float:
    """Coverage of a question without parts: relevance, with the share of its keywords that the answer names."""
    named = mentioned(answer.text, question.keywords) if question.keywords else full
    return 0.4 * full + 0.4 * sentence + 0.2 * named


def _sigmoid(value: float, middle: float) -> float:
    return 1 / (1 + math.exp(-STEEPNESS * (value - middle)))
