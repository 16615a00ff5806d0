"""A verdict's parts and its reasons in words, for the profile loosh."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.scoring.loosh.consensus import MIN_COSINE, MIN_QUALITY, Consensus
from engine.scoring.loosh.quality import Quality
from engine.scoring.loosh.sybil import AlikePair
from engine.scoring.verdicts import cluster_name
from engine.values import Reply, Verdict

QUALITY = ("relevance", "coherence", "coverage", "complexity", "density", "specificity")
PAIRS_TOLD = 5
"""Of an answer's suspicious pairs, those that its reasons name: as many as fit in a line of the screen."""

_HOW = {"semantic": "meaning", "fusion": "meaning, wording or structure", "trajectory": "the course of its sentences"}


class RoundFindings(Struct, frozen=True, kw_only=True):
    """Everything found about the n answers of a round; arrays have shape (n,). `best` got the factor `bonus`.

    `alike` holds each answer's suspicious pairs, the most alike first.
    """

    consensus: Consensus
    qualities: tuple[Quality, ...]
    votes: NDArray[np.float64]
    peers: NDArray[np.float64]
    scores: NDArray[np.float64]
    time: NDArray[np.float64]
    emissions: NDArray[np.float64]
    best: int | None
    bonus: float
    alike: Mapping[int, Sequence[AlikePair]]


def verdict(index: int, replies: Sequence[Reply], findings: RoundFindings) -> Verdict:
    """The verdict on one answer of the round, with its reasons."""
    quality = findings.qualities[index]
    parts = {
        **{name: getattr(quality, name) for name in QUALITY},
        "question": quality.full,
        "peers": float(findings.peers[index]),
        "vote": float(findings.votes[index]),
        "time": float(findings.time[index]),
        "bonus": findings.bonus if index == findings.best else 1.0,
    }
    cluster = next((place for place, group in enumerate(findings.consensus.clusters) if index in group), None)
    return Verdict(
        hotkey=replies[index].hotkey,
        uid=replies[index].uid,
        quality=float(findings.consensus.quality[index]),
        score=float(findings.scores[index]),
        emission=float(findings.emissions[index]),
        cluster="" if cluster is None else cluster_name(cluster),
        parts=parts,
        reasons=tuple(_reasons(index, replies, findings, parts)),
    )


def alone(reply: Reply, cosine: float, *, accepted: bool) -> Verdict:
    """The verdict on the only answer of a round."""
    why = "the only answer, and on the question" if accepted else "the only answer, but off the question"
    return Verdict(
        hotkey=reply.hotkey,
        uid=reply.uid,
        quality=min(1.0, max(0.0, cosine)),
        score=float(accepted),
        emission=float(accepted),
        cluster=cluster_name(0) if accepted else "",
        parts={"question": cosine},
        reasons=(f"{why} (cosine {cosine:.2f}, {MIN_COSINE:.2f} wanted)",),
    )


def nothing(reply: Reply, why: str) -> Verdict:
    """The verdict on a reply that earns nothing, and why."""
    return Verdict(hotkey=reply.hotkey, uid=reply.uid, quality=0.0, score=0.0, emission=0.0, reasons=(why,))


def _reasons(index: int, replies: Sequence[Reply], findings: RoundFindings, parts: dict[str, float]) -> Iterator[str]:
    yield _standing(index, findings, parts)
    yield "quality is made of " + ", ".join(f"{name} {parts[name]:.2f}" for name in QUALITY)
    share = parts["time"]
    inside = ", times 1.2 for being in the consensus" if findings.consensus.fates[index] == "consensus" else ""
    score = findings.consensus.score
    if score > 0:
        yield f"took {share:.0%} of the time: keeps {1 - share:.0%} of the consensus score {score:.2f}{inside}"
    else:
        yield "no two answers agree, so the consensus score is 0: nobody is paid"
    if parts["vote"] < 1:
        yield f"one vote shared by {round(1 / parts['vote'])} hotkeys behind one address or coldkey"
    if parts["bonus"] > 1 and score > 0:
        yield f"the best score of all: pay times {parts['bonus']:.4f}"
    alike = findings.alike.get(index, ())
    for pair in alike[:PAIRS_TOLD]:
        other = replies[pair.second if pair.first == index else pair.first]
        yield f"like uid {other.uid} by {_HOW[pair.how]} ({pair.likeness:.2f}): noted, without effect"
    if len(alike) > PAIRS_TOLD:
        yield f"like {_counted(len(alike) - PAIRS_TOLD, 'other')}, too: noted, without effect"


def _standing(index: int, findings: RoundFindings, parts: dict[str, float]) -> str:
    consensus = findings.consensus
    others, quality = len(consensus.members) - 1, consensus.quality[index]
    match consensus.fates[index]:
        case "consensus":
            company = f"with {_counted(others, 'other')}, likeness {parts['peers']:.2f}" if others else "alone"
            return f"in the consensus {company}, quality {quality:.2f}"
        case "off topic":
            return f"off the question: cosine {parts['question']:.2f} is below {MIN_COSINE:.2f}"
        case "poor":
            return f"out of the consensus: quality {quality:.2f} is below {MIN_QUALITY:.2f}"
        case "outlier":
            return "out of the consensus: an outlier among the good answers"
        case "ousted":
            return "out of the consensus: the outliers among the good answers were better than the rest, and ousted it"
        case "outside":
            return f"out of the consensus: in a smaller cluster than the {_counted(others + 1, 'answer')} in it"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
