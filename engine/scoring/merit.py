"""The merit of each voter's reply: how firmly it is believed to be right, and how much of an answer it gives."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from engine.answers.base import aliases
from engine.answers.words import sentences, words
from engine.scoring import votes
from engine.scoring.ballot import Ballot, asked_of
from engine.scoring.reliability import Floats
from engine.scoring.substance import added_words, beyond
from engine.scoring.votes import Votes
from engine.values import Mark

MAX_CLAIMS = 24
"""Most sentences of a reply to read as claims: more than an answer of 192 tokens, our own limit, has."""

_SAME_CLAIM, _OTHER_CLAIM = 0.9, 0.6
"""Cosines of the packaged model above which two sentences say the same, and below which they say different things. With
.5 the clique of population d is paid .021 instead of .015; with .7 a fifth more right answers are wronged."""

_TOPICAL = 0.1
"""The cosine to the question below which a sentence is unrelated to it. With .05 the winner is right in .006 fewer
rounds, with .2 in .002 fewer."""

_USUAL = 0.8
"""The share of the usual backing from which a claim counts as fully backed: half of all claims have less than usual.
With .6 the clique in d is paid .020; with 1 half as many again are wronged."""

_DOUBTED, _BACKED = 0.2, 0.9
"""The shares of backed claims below which a text is not believed at all, and above which it is believed fully. With .1
or .8 the clique in d is paid .018; with .3 or 1 a third more are wronged."""

ENOUGH = 0.7
"""The amount that is paid in full, so that nobody need write more than most do; a shorter text earns its share."""

_FULL = 1.1
"""The amount beyond which more adds nothing to a text's rank: without it the longest text would be forwarded, and the
winner would be right in .005 fewer rounds."""

_ABOUT = (0.12, 0.22)
"""The cosine between the question and a text without the question's words below which the text is about something else,
and above which it is about the question. Of honest texts of the recorded populations 99 % are above; of texts that only
turn the question's words over, 95 % below."""

_SAID_BEFORE = (0.4, 0.6)
"""The cosines of two sentences of one text from which the second adds less, and nothing: two wordings of one statement
are at .60, two statements on one subject at .35 (medians)."""

_STATES = 0.45
"""The cosine from which a sentence says what the closest known statement says: three quarters of all wordings do."""

_HALF_WRONG, _SOUND = 0.5, 0.8
"""The shares of true statements among those that are known to be true or false, below which a text is not believed at
all, and above which it is believed fully."""

_BENEFIT = 1.0
"""The benefit of the doubt: every claim counts as backed by one more average voter, so that what only a few say is not
held to be false."""

_QUOTED, _MOST_SHARES = 60, 8
"""Characters of a statement that are quoted in a reason, and most shares that it lists."""

_TINY = 1e-9
"""Keeps a division by an all but empty total finite."""

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|cannot|without|hardly)\b|n['’]t\b", re.IGNORECASE
)

Vectors = Mapping[str, NDArray[np.float32]]


class Merit(Struct, frozen=True):
    """One item per voter: `belief` that it is right, 0..1; `amount`, how much it gives relative to what is usual (1);
    `about`, how far it is about this question, 0..1; and `rank`, the highest of which is the reply to forward.
    `settled`, 0..1, is how far the voters' combined weight settles a belief that is a share of their backing. `known`:
    a known truth decided, not the votes. `read` says what was found in open text."""

    belief: Floats
    amount: Floats
    about: Floats
    rank: Floats
    settled: float = 1.0
    known: bool = False
    read: tuple[str, ...] = ()

    @property
    def decided(self) -> Floats:
        """The share of full pay that the belief earns, 0..1."""
        sharpened: Floats = np.array([votes.decided(float(belief)) for belief in self.belief])
        return sharpened * self.settled

    @property
    def coverage(self) -> Floats:
        """The share of full pay that the amount earns, 0..1: all from ENOUGH on, and little for a small part of it."""
        covered: Floats = np.clip(self.amount / ENOUGH, 0.0, 1.0) ** 2 * self.about
        return covered


def by_truth(ballot: Ballot, truth: str, lures: Sequence[str], vectors: Vectors) -> Merit | None:
    """Belief 1 for a reply that gives the known answer and 0 for any other, each by its own words alone; None if the
    truth cannot be read as an answer of its type. For open text, the truth is a list of statements."""
    if ballot.kind.key(truth, ballot.question) is None:
        return None
    if ballot.kind.compared == "claims":
        return by_statements(ballot, aliases(truth), lures, vectors)
    right = [ballot.kind.equals(reply, truth, asked_of(reply, ballot.question), lures) for reply in ballot.replies]
    return _decided(right, known=True)


def by_marks(marks: Sequence[Mark]) -> Merit:
    """Belief by what the kind of challenge has found, one mark per voter."""
    worth = _decided([mark.share for mark in marks], known=True)
    return structs.replace(worth, read=tuple(mark.read for mark in marks))


def by_statements(ballot: Ballot, truths: Sequence[str], lures: Sequence[str], vectors: Vectors) -> Merit:
    """Belief in open text by the statements that are known to be true or false, each reply by its own words alone.

    A sentence says what the closest statement says, or denies it if one of the two is negated. The amount is the number
    of different true things said.
    """
    statements = [*truths, *lures]
    known = np.array([vectors[statement] for statement in statements], dtype=np.float64)
    beliefs, amounts, read = [], [], []
    for reply in ballot.replies:
        true, false = [], set[int]()
        for claim in claims(reply.text, asked_of(reply, ballot.question)):
            cosines = known @ vectors[claim]
            best = int(cosines.argmax())
            if cosines[best] < _STATES and " ".join(words(statements[best])) not in " ".join(words(claim)):
                continue
            is_true = (best < len(truths)) == _same_polarity(claim, statements[best])
            if is_true and best < len(truths):
                true.append(claim)
            elif not is_true:
                false.add(best)
        share = len(true) / (len(true) + len(false)) if true else 0.0
        beliefs.append(min(1.0, max(0.0, (share - _HALF_WRONG) / (_SOUND - _HALF_WRONG))))
        amounts.append(float(_fresh(true, vectors).sum()))
        read.append(_read_of_statements(true, [statements[place] for place in sorted(false)], truths, lures))
    belief, amount = np.array(beliefs), np.array(amounts)
    usual = _mean(amount, ballot.votes.own * belief)
    amount = amount / max(usual, _TINY) if usual else amount
    return Merit(belief, amount, np.ones(len(belief)), belief * np.minimum(amount, _FULL), known=True, read=tuple(read))


def _read_of_statements(true: Sequence[str], false: Sequence[str], truths: Sequence[str], lures: Sequence[str]) -> str:
    said = f"says {len(true)} true and {len(false)} false of {len(truths)} and {len(lures)} known things"
    quoted = [f"true: {true[0][:_QUOTED]}"] if true else []
    return "; ".join([said, *quoted, *([f"against it: {false[0][:_QUOTED]}"] if false else [])])


def by_votes(ballot: Ballot) -> Merit:
    """Belief by the voters' weights, for answers that are compared as values."""
    if ballot.kind.compared == "fields":
        leaves = [answer.fields if answer else () for answer in ballot.answers]
        return _decided(votes.field_beliefs(leaves, ballot.votes))
    believed = votes.beliefs([answer and answer.key for answer in ballot.answers], ballot.votes)
    return _decided([believed[answer.key] if answer else 0.0 for answer in ballot.answers])


def by_claims(ballot: Ballot, vectors: Vectors) -> Merit:
    """Belief in open text: how well others back its claims, relative to those of the weightiest voters.

    The rank comes from a second pass, in which voters are also weighted by the belief from the first. Of texts that are
    believed alike, the one in the middle is forwarded: what claims have in common shows less in the vectors of single
    sentences than in those of whole texts (the winner of open rounds in dev is right in .955 instead of .925).
    """
    if not ballot.replies:
        return _decided([])
    asked = vectors[ballot.question]
    spoken = [
        [claim for claim in claims(reply.text, asked_of(reply, ballot.question)) if vectors[claim] @ asked >= _TOPICAL]
        for reply in ballot.replies
    ]
    rests = [vectors[beyond(reply.text, ballot.question)] for reply in ballot.replies]
    about = np.array([_ramp(float(rest @ asked), _ABOUT) for rest in rests])
    fresh = [_fresh(said, vectors) for said in spoken]
    backing = support(spoken, vectors, ballot.votes.scaled(about), ballot.apart)
    belief, amount = _standing_of_claims(backing, fresh, ballot.votes.own)
    stood = np.array([_weaker_part(backed) for backed in backing])
    trusted = ballot.votes.scaled(about * (stood / max(float(stood.max(initial=0.0)), _TINY)) ** 2)
    again, full = _standing_of_claims(support(spoken, vectors, trusted, ballot.apart), fresh, trusted.own)
    believers = [index for index, one in enumerate(belief) if one >= 0.5]
    settled = votes.settled(ballot.votes.together(believers)) if believers else 0.0
    texts = np.array([vectors[reply.text] for reply in ballot.replies], dtype=np.float64)
    middle = _middle(texts, trusted.own**2, ballot.apart)
    rank = middle * again * about * np.minimum(full, _FULL)
    read = tuple(_read_of_claims(said, backed) for said, backed in zip(spoken, backing, strict=True))
    return Merit(belief, amount, about, rank, settled, read=read)


def _read_of_claims(said: Sequence[str], backed: Floats) -> str:
    if not said:
        return "says nothing about the question beyond its words"
    shares = ", ".join(f"{share:.0%}" for share in backed[:_MOST_SHARES])
    least = said[int(backed.argmin())][:_QUOTED]
    return f"says {len(said)} things, backed by {shares} of the votes; the least backed: {least}"


def claims(text: str, question: str) -> list[str]:
    """At most MAX_CLAIMS sentences that say something beyond the question."""
    found = [part for part in sentences(text) if added_words(part, question)]
    return list(dict.fromkeys(found))[:MAX_CLAIMS]


def support(spoken: Sequence[Sequence[str]], vectors: Vectors, cast: Votes, apart: Floats) -> list[Floats]:
    """For each voter's claims, the share of the others' weight that backs each.

    Another voter backs a claim if one of its own is close: fully at a cosine of 0.9, not at all at 0.6. Those who are
    not `apart` from the sayer, shape (n, n), do not count: nobody backs its own words.
    """
    owner = np.repeat(np.arange(len(spoken)), [len(said) for said in spoken])
    flat = [claim for said in spoken for claim in said]
    if not flat:
        return [np.zeros(0) for _ in spoken]
    matrix = np.array([vectors[claim] for claim in flat], dtype=np.float64)
    alike = np.clip((matrix @ matrix.T - _OTHER_CLAIM) / (_SAME_CLAIM - _OTHER_CLAIM), 0.0, 1.0)
    alike[np.equal.outer(np.array(flat), np.array(flat))] = 1.0
    backing = np.zeros((len(flat), len(spoken)))
    for voter in range(len(spoken)):
        mine = owner == voter
        if mine.any():
            backing[:, voter] = alike[:, mine].max(axis=1)
    speaking = np.array([bool(said) for said in spoken])
    weighed = cast.behind(backing * apart[owner])
    total = cast.behind(apart * speaking)
    doubt = _BENEFIT * float(cast.own[speaking].mean())
    shares = (weighed + doubt) / np.maximum(total[owner] + doubt, _TINY)
    return [shares[owner == voter] for voter in range(len(spoken))]


def _standing_of_claims(backing: Sequence[Floats], fresh: Sequence[Floats], own: Floats) -> tuple[Floats, Floats]:
    """The belief and amount of each voter, from the backing of its claims, how much each adds to those before it, and
    the voters' weights."""
    usual = _mean([float(backed.mean()) if len(backed) else 0.0 for backed in backing], own)
    if usual <= 0:
        return np.zeros(len(own)), np.zeros(len(own))
    trusted = [np.minimum(backed / (_USUAL * usual), 1.0) for backed in backing]
    share = np.array([_weaker_part(one) for one in trusted])
    amount = np.array([float((one * new).sum()) for one, new in zip(trusted, fresh, strict=True)])
    belief = np.clip((share - _DOUBTED) / (_BACKED - _DOUBTED), 0.0, 1.0)
    return belief, amount / max(_mean(amount, own), _TINY)


def _middle(texts: Floats, trust: Floats, apart: Floats) -> Floats:
    """How close each text is to those of the others, 0..1, by their trust; `texts` are unit vectors, one a row."""
    near = np.clip(texts @ texts.T, 0.0, 1.0) * apart
    close: Floats = near @ trust / np.maximum(apart @ trust, _TINY)
    return close


def _fresh(said: Sequence[str], vectors: Vectors) -> Floats:
    """How much each sentence adds to those before it, 0..1: the same in other words adds nothing."""
    if not said:
        return np.zeros(0)
    matrix = np.array([vectors[claim] for claim in said], dtype=np.float64)
    before = np.tril(matrix @ matrix.T, -1).max(axis=1)
    return np.array([1 - _ramp(float(cosine), _SAID_BEFORE) for cosine in before])


def _same_polarity(one: str, other: str) -> bool:
    return len(_NEGATION.findall(one)) % 2 == len(_NEGATION.findall(other)) % 2


def _ramp(value: float, bounds: tuple[float, float]) -> float:
    none, full = bounds
    return min(1.0, max(0.0, (value - none) / (full - none)))


def _decided(beliefs: Sequence[float], *, known: bool = False) -> Merit:
    """The merit of answers that are right or wrong as a whole, by their beliefs."""
    belief = np.array(beliefs, dtype=np.float64)
    return Merit(belief, np.ones(len(belief)), np.ones(len(belief)), belief, known=known)


def _weaker_part(trusted: Floats) -> float:
    """The mean of the least trusted three quarters of the claims: one sound sentence does not save the others."""
    return float(np.sort(trusted)[: math.ceil(len(trusted) * 3 / 4)].mean()) if len(trusted) else 0.0


def _mean(values: Sequence[float] | Floats, own: Floats) -> float:
    total = float(own.sum())
    return float((np.asarray(values, dtype=np.float64) * own).sum()) / total if total > 0 else 0.0
