"""The profile "loosh": what the Loosh network's validator 1.2.8 computes, for validators that must agree with it.

1. Answers that announce a test mode earn nothing. A single other answer earns 1 if it is about the question.
2. Quality is judged by words and vectors; off-topic and poor answers drop out, then outliers, then smaller clusters.
3. The consensus score is how well the rest agree, weighted by quality and by one vote per entity.
4. Everyone who answered is paid that score times the share of time that it did not take; being in the consensus and
   having the best score of all add to it.
5. Answers that are too similar are noted, without effect.

Known weaknesses are part of the rule: a fast "ok" may earn the most, and a lone survivor leaves nothing for anyone. If
you are not bound by that network, use the profile robust. Ties go to the first, as they do there.

Not in the rule: vectors that are not finite count as zero; at most MAX_CHARACTERS of an answer and MAX_SENTENCES of a
round are read; if no time was measured, nobody is paid.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.scoring.loosh import individual
from engine.scoring.loosh.consensus import Consensus, form
from engine.scoring.loosh.cosine import Vectors, cosines, finite_rows
from engine.scoring.loosh.emissions import emissions, shares, time_shares, top_bonus
from engine.scoring.loosh.quality import EmbeddedAnswer, EmbeddedQuestion, Quality, assess
from engine.scoring.loosh.reasons import RoundFindings, alone, nothing, verdict
from engine.scoring.loosh.sentences import components, sentences
from engine.scoring.loosh.sybil import by_answer, suspects
from engine.scoring.loosh.word_measures import keywords
from engine.values import Challenge, Judgement, Reply, Verdict

NAME = "loosh"
TEST_MODE = "[TEST MODE]"
MIN_COSINE_ALONE = 0.20
MAX_CHARACTERS = 65_536
MAX_SENTENCES = 4_096
"""Shared evenly by the answers of a round, so that no long answer delays its judgement."""

Lookup = Mapping[str, NDArray[np.float32]]


def texts(challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """What must be embedded before judging: the question and its parts, the answers and their sentences."""
    question = challenge.request.question
    judged = list(compared(replies).values())
    spoken = [sentence for parts in _sentences(judged) for sentence in parts] if len(judged) > 1 else []
    parts = components(question) if len(judged) > 1 else []
    return list(dict.fromkeys([question, *parts, *judged, *spoken]))


def compared(replies: Sequence[Reply]) -> dict[int, str]:
    """The judged text of each reply that takes part, by the reply's index."""
    return {place: read(reply) for place, reply in enumerate(replies) if not why_unjudged(reply)}


def judge(challenge: Challenge, replies: Sequence[Reply], vectors: Lookup) -> Judgement:
    """Judge a round. `vectors` holds a unit vector for each of `texts(challenge, replies)`."""
    judged = [place for place, reply in enumerate(replies) if not why_unjudged(reply)]
    weigh = _several if len(judged) > 1 else _at_most_one
    consensus, verdicts = weigh(challenge.request.question, [replies[place] for place in judged], vectors)
    by_place = dict(zip(judged, verdicts, strict=True))
    everyone = tuple(by_place.get(place) or nothing(reply, why_unjudged(reply)) for place, reply in enumerate(replies))
    best = max(everyone, key=lambda one: one.emission, default=None)
    return Judgement(
        profile=NAME,
        consensus=consensus.score,
        agreement=len(consensus.members) / len(judged) if judged else 0.0,
        winner=best.hotkey if best is not None and best.emission > 0 else None,
        clusters=tuple(tuple(replies[judged[index]].hotkey for index in group) for group in consensus.clusters),
        verdicts=everyone,
    )


def why_unjudged(reply: Reply) -> str:
    """Why a reply takes no part; "" if it does."""
    if reply.status != "ok":
        return f"no answer ({reply.status}): this network skips such a round"
    return "announces a test mode" if reply.text.strip().startswith(TEST_MODE) else ""


def read(reply: Reply) -> str:
    """The part of an answer that is judged."""
    return reply.text[:MAX_CHARACTERS]


def _at_most_one(question: str, replies: Sequence[Reply], vectors: Lookup) -> tuple[Consensus, list[Verdict]]:
    """The judgement of a round with at most one answer, which only has to be about the question."""
    if not replies:
        return Consensus(quality=np.zeros(0), fates=(), clusters=(), score=0.0), []
    asked, said = _rows([question, read(replies[0])], vectors)
    cosine = float(cosines(asked[np.newaxis], said[np.newaxis])[0, 0])
    accepted = cosine >= MIN_COSINE_ALONE
    consensus = Consensus(
        quality=np.array([cosine]),
        fates=("consensus" if accepted else "off topic",),
        clusters=((0,),) if accepted else (),
        score=float(accepted),
    )
    return consensus, [alone(replies[0], cosine, accepted=accepted)]


def _several(question: str, replies: Sequence[Reply], vectors: Lookup) -> tuple[Consensus, list[Verdict]]:
    answers = [read(reply) for reply in replies]
    asked, said = _rows([question], vectors)[0], _rows(answers, vectors)
    spoken = [_rows(parts, vectors) for parts in _sentences(answers)]
    qualities = _qualities(question, asked, answers, said, spoken, vectors)
    votes = np.array(shares([(reply.ip, reply.coldkey) for reply in replies]))
    consensus = form(asked, said, np.array([quality.value for quality in qualities]), votes)
    peers = individual.likeness_to_consensus(consensus, said, votes)
    scores = individual.scores(consensus, answers, said, peers, votes)
    time = time_shares([reply.ms for reply in replies])
    best, factor = top_bonus(scores)
    findings = RoundFindings(
        consensus=consensus,
        qualities=tuple(qualities),
        votes=votes,
        peers=peers,
        scores=scores,
        time=time,
        emissions=emissions(time, consensus.score, consensus.members, scores),
        best=best,
        bonus=factor,
        alike=by_answer(suspects(answers, cosines(said), spoken).pairs),
    )
    return consensus, [verdict(index, replies, findings) for index in range(len(replies))]


def _qualities(
    question: str, asked: Vectors, answers: Sequence[str], said: Vectors, spoken: Sequence[Vectors], vectors: Lookup
) -> list[Quality]:
    parts = components(question)
    wanted = () if parts else tuple(keywords(question, answers))
    terms = EmbeddedQuestion(asked, _rows(parts, vectors), wanted)
    return [
        assess(terms, EmbeddedAnswer(text, vector, rows))
        for text, vector, rows in zip(answers, said, spoken, strict=True)
    ]


def _sentences(answers: Sequence[str]) -> list[list[str]]:
    limit = MAX_SENTENCES // len(answers)
    return [sentences(answer, limit) for answer in answers]


def _rows(wanted: Sequence[str], vectors: Lookup) -> Vectors:
    """The vectors of these texts, shape (n, dim); (0, 0) for none."""
    return finite_rows(np.array([vectors[text] for text in wanted])) if wanted else np.zeros((0, 0), dtype=np.float32)
