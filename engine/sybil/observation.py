"""What one round tells about who resembles whom, and the evidence after it.

Agreeing on a right answer is not evidence: everyone who is right agrees. What counts is what honest miners do not share
by chance: the same free text, the same mistakes, an equal answer every time, one pace, one operator.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from engine.scoring import ballot
from engine.scoring.entities import entities, public
from engine.scoring.reliability import Floats
from engine.sybil.evidence import Evidence, Miner, Pair, Share
from engine.sybil.resemblance import (
    PLAIN,
    Agreement,
    Bools,
    agreement,
    alike,
    chosen_alike,
    closer_than_the_rest,
    layout,
    rarity,
    rests,
    same_words,
    standing_out,
)
from engine.values import Challenge, Reply

COMPARED_CHARACTERS = 8_192
"""Characters of each text to compare word by word."""

MAX_NEW = 256
"""Most new pairs to track per round, so that no round takes long."""

_PRIME = 65_521
"""The largest prime below 2^16: more than the pairs of 256 miners, so that no two of equal weight collide."""

Vectors = Mapping[str, NDArray[np.float32]]


class _Seen(Struct, frozen=True, kw_only=True):
    """The n answers of a round in each view, ordered by hotkey; matrices are (n, n), the rest has one item per answer.

    `own` marks texts long enough to be the miner's own words. `close` is None except for open text.
    """

    replies: Sequence[Reply]
    own: Bools
    worded: Bools
    agreement: Agreement
    close: Bools | None
    laid_out: Bools
    rarity: Floats
    rests: Floats
    coldkey: Bools
    address: Bools


def learned(evidence: Evidence, challenge: Challenge, replies: Sequence[Reply], vectors: Vectors) -> Evidence:
    """The evidence after a round, which was judged with `vectors` by text."""
    seen = _look(challenge, replies, vectors)
    paces = [_late(evidence, reply, float(rest)) for reply, rest in zip(seen.replies, seen.rests, strict=True)]
    known = evidence.by_both()
    changed = {}
    for a, b in _met(seen, known, evidence.rounds):
        both = seen.replies[a].hotkey, seen.replies[b].hotkey
        changed[both] = _pair_after(known.get(both, Pair()), seen, a, b, paces[a], paces[b])
    miners = {reply.hotkey: _miner_after(evidence, seen, index) for index, reply in enumerate(seen.replies)}
    return evidence.after(miners, changed)


def _look(challenge: Challenge, replies: Sequence[Reply], vectors: Vectors) -> _Seen:
    """The answers of a round in each view. A reply that does not answer (a failure, a refusal, an echo) is left out."""
    kind, question = ballot.kind_of(challenge), challenge.request.question
    given = [reply for reply in ballot.trimmed(kind, replies) if not ballot.why_barred(reply, question, kind)]
    given.sort(key=lambda reply: reply.hotkey)
    same, own = same_words([reply.text[:COMPARED_CHARACTERS] for reply in given], question)
    if kind.worded_alike:
        own = np.zeros_like(own)
    layouts = [layout(reply.text) for reply in given]
    return _Seen(
        replies=given,
        own=own,
        worded=chosen_alike(same, own),
        agreement=agreement(kind, challenge, given, COMPARED_CHARACTERS),
        close=closer_than_the_rest([vectors.get(reply.text) for reply in given]) if kind.compared == "claims" else None,
        laid_out=np.array([each != PLAIN for each in layouts], dtype=np.bool_),
        rarity=rarity(layouts),
        rests=rests([reply.ms for reply in given], entities(given), same),
        coldkey=_shared([reply.coldkey for reply in given]),
        address=_shared([public(reply.ip) for reply in given]),
    )


def _met(seen: _Seen, known: Mapping[tuple[str, str], Pair], turn: int) -> list[tuple[int, int]]:
    """The pairs of this round to count: those being tracked, and the new ones with most in common. Which of equals come
    first changes from `turn` to turn, so that each is tracked eventually."""
    place = {reply.hotkey: index for index, reply in enumerate(seen.replies)}
    watched = [(place[a], place[b]) for a, b in known if a in place and b in place]
    weight = 4 * seen.worded.astype(np.int64) + seen.coldkey + seen.address
    if seen.close is not None:
        weight += seen.close
    if seen.agreement.right is not None:
        weight += 2 * (seen.agreement.equal & seen.agreement.comparable & ~seen.agreement.right[:, None])
    weight = np.triu(weight, 1)
    for a, b in watched:
        weight[a, b] = 0
    rows, columns = np.nonzero(weight)
    order = (rows * len(place) + columns) * (2 * turn + 1) % _PRIME
    most = np.lexsort((order, -weight[rows, columns]))[:MAX_NEW]
    return [*watched, *zip(rows[most].tolist(), columns[most].tolist(), strict=True)]


def _pair_after(pair: Pair, seen: _Seen, a: int, b: int, late_a: float | None, late_b: float | None) -> Pair:
    """The pair after a round that both answered."""
    timed = not np.isnan(seen.rests[a] + seen.rests[b])
    lag = (seen.replies[b].ms - seen.replies[a].ms) / 1000 if timed else 0.0
    fields: dict[str, Share] = {}
    if seen.own[a] and seen.own[b]:
        fields["wording"] = pair.wording.after(bool(seen.worded[a, b]))
    if seen.worded[a, b]:
        fields["ahead"] = pair.ahead.after(0.5 if lag == 0 else float(lag > 0))
    if seen.agreement.comparable[a, b]:
        equal = bool(seen.agreement.equal[a, b])
        fields["answers"] = pair.answers.after(equal)
        if seen.agreement.right is not None and not (seen.agreement.right[a] and seen.agreement.right[b]):
            fields["mistakes"] = pair.mistakes.after(equal)
    if seen.close is not None:
        fields["meaning"] = pair.meaning.after(bool(seen.close[a, b]))
    if seen.laid_out[a] or seen.laid_out[b]:
        fields["structure"] = pair.structure.after(float(seen.rarity[a, b]))
    if late_a is not None and late_b is not None:
        fields["lockstep"] = pair.lockstep.after(late_a * late_b)
    return structs.replace(
        pair,
        rounds=pair.rounds + 1,
        lag=pair.lag.after(lag) if timed else pair.lag,
        coldkey=bool(seen.coldkey[a, b]),
        address=bool(seen.address[a, b]),
        **fields,
    )


def _miner_after(evidence: Evidence, seen: _Seen, index: int) -> Miner:
    reply, rest = seen.replies[index], float(seen.rests[index])
    before = evidence.miners.get(reply.hotkey, Miner(reply.uid, evidence.rounds))
    return Miner(
        uid=reply.uid,
        seen=evidence.rounds,
        wrong=before.wrong.after(not seen.agreement.right[index]) if seen.agreement.right is not None else before.wrong,
        pace=before.pace if np.isnan(rest) else before.pace.after(rest),
    )


def _late(evidence: Evidence, reply: Reply, rest: float) -> float | None:
    miner = evidence.miners.get(reply.hotkey)
    return standing_out(rest, miner.pace) if miner else None


def _shared(marks: Sequence[str]) -> Bools:
    """Which answers have the same mark, other than the empty one, shape (n, n)."""
    marked = np.array([mark != "" for mark in marks], dtype=np.bool_)
    shared: Bools = alike(marks) & marked[:, None]
    return shared
