"""A verdict's parts and its reasons in words, for the profile robust."""

import math
from collections.abc import Sequence

from engine.scoring.ballot import Ballot
from engine.scoring.copies import copies_share
from engine.scoring.merit import Merit
from engine.scoring.reliability import Floats, accuracy
from engine.scoring.substance import novelty
from engine.values import Reply, Verdict

_SHOWN = 80
"""Characters of a known answer shown in a reason: one line of a terminal."""


def cluster_name(place: int) -> str:
    """A, B, … Z, AA, AB, …"""
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def verdicts(
    replies: Sequence[Reply],
    ballot: Ballot,
    worth: Merit,
    prompt: Floats,
    standing: Floats,
    pay: Floats,
    clusters: Sequence[Sequence[int]],
) -> tuple[Verdict, ...]:
    """One verdict per reply, in order; those that did not vote earn nothing, with the reason.

    The parts multiply: pay is `decided` (the sharpened belief, as far as it is settled) times coverage, promptness and
    standing, and finally `copying`, the share that it leaves.
    """
    lettered = {index: cluster_name(place) for place, cluster in enumerate(clusters) for index in cluster}
    voters = {place: index for index, place in enumerate(ballot.places)}
    decided, coverage = worth.decided, worth.coverage
    before_copying = decided * coverage * prompt * standing
    found = []
    for place, reply in enumerate(replies):
        index = voters.get(place)
        if index is None:
            found.append(_nothing(reply, ballot.barred[place]))
            continue
        parts = {
            "belief": float(worth.belief[index]),
            "settled": worth.settled,
            "decided": float(decided[index]),
            "coverage": float(coverage[index]),
            "novelty": novelty(reply.text, ballot.question),
            "promptness": float(prompt[index]),
            "standing": float(standing[index]),
            "copying": float(pay[index] / before_copying[index]) if before_copying[index] else 1.0,
            "vote": float(ballot.votes.own[index]),
            "accuracy": accuracy(ballot.records[index]),
        }
        found.append(
            Verdict(
                hotkey=reply.hotkey,
                uid=reply.uid,
                quality=parts["belief"] * worth.settled * parts["coverage"],
                score=float(pay[index]),
                emission=float(pay[index]),
                cluster=lettered[index],
                parts=parts,
                reasons=tuple(_reasons(index, ballot, worth, parts)),
            )
        )
    return tuple(found)


def _nothing(reply: Reply, why: str) -> Verdict:
    return Verdict(hotkey=reply.hotkey, uid=reply.uid, quality=0.0, score=0.0, emission=0.0, reasons=(why,))


def _reasons(index: int, ballot: Ballot, worth: Merit, parts: dict[str, float]) -> list[str]:
    """Why a reply earned what it did: how its pay is worked out, and what each part of that comes from."""
    reasons = [_worked_out(parts), _standing(index, ballot, worth), _read(index, ballot, worth)]
    leader = ballot.roots.leaders[index]
    if leader is not None:
        reasons.append(_copied(index, leader, ballot))
    copies = ballot.roots.leaders.count(index)
    if copies:
        reasons.append(f"first of {copies + 1} with these words, which costs it nothing")
    words = next(wording for wording in ballot.wordings if index in wording.members)
    if len(words.members) > 1 and not words.bare:
        reasons.append(f"one vote shared by {len(words.members)} near-identical answers")
    behind = ballot.entities.count(ballot.entities[index])
    if behind > 1:
        reasons.append(f"one vote shared by {behind} hotkeys behind one address or coldkey")
    if parts["coverage"] < 1 and ballot.kind.compared == "claims":
        reasons.append(f"says {parts['coverage']:.0%} of a full answer")
    if parts["standing"] < 1:
        reasons.append("recently missed known answers: paid little where the answer is unknown")
    if parts["promptness"] < 1 and parts["belief"] > 0:
        reasons.append(f"late: {1 - parts['promptness']:.1%} less")
    return reasons


def _copied(index: int, leader: int, ballot: Ballot) -> str:
    copies = ballot.roots.leaders.count(leader)
    share = f"{copies_share(copies) / copies:.0%} of its pay"
    uid = ballot.replies[leader].uid
    if index in ballot.roots.borrowed.proven:
        return f"copied from uid {uid}, in the words in which that one was asked: {share}"
    later = (ballot.replies[index].ms - ballot.replies[leader].ms) / 1_000
    if later >= 0:
        return f"copied from uid {uid}, {later:.1f} s later: {share}"
    return f"copied from uid {uid}, as often before: {share}"


def _worked_out(parts: dict[str, float]) -> str:
    """The pay as the product that it is, with the formula of its first factor."""
    factors = ("decided", "coverage", "promptness", "standing", "copying")
    product = " × ".join(f"{name} {parts[name]:.3f}" for name in factors)
    sharpened = f"b³ / (b³ + (1 − b)³) of belief b {parts['belief']:.3f}, × settled {parts['settled']:.3f}"
    return f"pay {math.prod(parts[name] for name in factors):.3f} = {product}; decided = {sharpened}"


def _read(index: int, ballot: Ballot, worth: Merit) -> str:
    """What was read, and against what: "read 984, expected 984000"."""
    if worth.read:
        return worth.read[index]
    read = ballot.kind.explain(ballot.answers[index])
    return f"{read}, expected {(ballot.truth or '')[:_SHOWN]}" if worth.known else read


def _standing(index: int, ballot: Ballot, worth: Merit) -> str:
    belief = float(worth.belief[index])
    if worth.known:
        return "equals the known answer" if belief >= 0.5 else "differs from the known answer"
    if ballot.kind.compared == "claims":
        return f"{belief:.0%} of its claims are backed, by voters trusted at {worth.settled:.0%}"
    if ballot.answers[index] is None:
        return f"no {ballot.kind.name.replace('_', ' ')} answer, so it has no vote"
    same = ballot.keys.count(ballot.keys[index])
    return f"same answer as {same - 1} of {len(ballot.keys) - 1}; believed at {belief:.0%}"
