"""The stages of an answer are those that scikit-learn's k-means finds."""

import random

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from engine.scoring.loosh.cosine import Vectors, unit
from engine.scoring.loosh.stages import SEED, STAGES, stages
from tests.unit.loosh_helpers import encoder

WORDS = "river mountain harbour lantern needle desert bridge zebra window garden the of paper".split()  # noqa: SIM905


def found_by_scikit_learn(sentences: Vectors) -> Vectors:
    centres = KMeans(n_clusters=STAGES, n_init=3, random_state=SEED).fit(sentences).cluster_centers_
    return np.asarray(centres[np.argsort(np.linalg.norm(centres, axis=1))], dtype=np.float32)


@pytest.mark.parametrize("count", [5, 6, 7, 11, 30])
@pytest.mark.parametrize("dim", [8, 384])
def test_rows_anywhere(count: int, dim: int) -> None:
    for seed in range(10):
        rows = unit(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))
        assert stages(rows) == pytest.approx(found_by_scikit_learn(rows), abs=1e-6)


def test_sentences_of_a_few_words_which_tie_often() -> None:
    lots = random.Random(1)
    for _ in range(60):
        sentences = [" ".join(lots.choices(WORDS, k=lots.randint(3, 6))) for _ in range(lots.randint(5, 14))]
        rows = encoder("bow").encode(sentences)
        assert stages(rows) == pytest.approx(found_by_scikit_learn(rows), abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_sentences_that_repeat_themselves() -> None:
    rows = encoder("bow").encode(
        ["a river runs", "a river runs", "the lantern burns", "a river runs", "a zebra sleeps"]
    )
    found = stages(rows)
    with pytest.warns(ConvergenceWarning):
        assert found == pytest.approx(found_by_scikit_learn(rows), abs=1e-6)
    assert np.isfinite(stages(np.zeros((6, 8), dtype=np.float32))).all()
