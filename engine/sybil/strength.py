"""How strongly each view speaks for two hotkeys being one, and what the views come to together.

One view is a hint, however strong it is: only the same free text again and again is a verdict by itself. Two honest
miners that run the same popular model are close in meaning, make many of the same mistakes and lay out alike: that one
cause explains all three, so they do not add up. What it does not explain is that they never differ in any answer.
"""

import math

from msgspec import Struct

from engine.sybil.evidence import Miner, Pair, Share

VERDICT = 0.6
"""The suspicion from which a penalty is in question."""

CLEARED = 0.5
"""The suspicion below which it is over: between the two, whoever was under the verdict before still is shown."""

HINT = 0.45
_OPERATOR = 0.30
_TIMING = 0.15
_STRUCTURE = 0.10
_MOST_BY_CIRCUMSTANCE = 0.55

_WORDING = (0.20, 0.50)
_MISTAKES = (0.40, 0.80)
_MEANING = (0.40, 0.80)
_RARITY = (0.30, 0.80)
_LOCKSTEP = (0.60, 0.90)
_ENOUGH_ROUNDS, _ENOUGH_TEXTS, _ENOUGH_MISTAKES, _ENOUGH_TIMES = 10, 5, 4, 12

_APART_ALONE, _APART_TOGETHER = 0.10, 0.02
"""How often two of one popular model answer differently, and how often two mouths of one mind are read differently."""

_SURE = (3.0, 5.5)
"""The logarithm of the odds between the two from which it is evidence, and full evidence."""

_SOME = 0.01
_ALWAYS_FIRST = 0.9
_WORTH_COPYING = 0.6


class Strength(Struct, frozen=True):
    """By view 0..1, already scaled to what each may weigh, and the suspicion that follows.

    `known` is 0..1: how well the pair is known, by the rounds that both answered.
    """

    known: float
    wording: float
    mistakes: float
    answers: float
    meaning: float
    structure: float
    timing: float
    address: float
    coldkey: float

    @property
    def suspicion(self) -> float:
        content = max(self.wording, _either(self.mistakes, self.answers), self.meaning)
        circumstance = _either(self.address, self.coldkey, self.timing, self.structure)
        return self.known * _either(content, min(circumstance, _MOST_BY_CIRCUMSTANCE))


def strength(pair: Pair) -> Strength:
    """What is known of a pair, as strengths."""
    mistakes = _ramp(pair.mistakes.cautious, _MISTAKES) * _enough(pair.mistakes.hits, _ENOUGH_MISTAKES)
    return Strength(
        known=_enough(pair.rounds, _ENOUGH_ROUNDS),
        wording=_ramp(pair.wording.cautious, _WORDING) * _enough(pair.wording.hits, _ENOUGH_TEXTS),
        mistakes=HINT * mistakes,
        answers=HINT * mistakes * never_apart(pair.answers),
        meaning=HINT * _ramp(pair.meaning.cautious, _MEANING) * _enough(pair.meaning.hits, _ENOUGH_TEXTS),
        structure=_STRUCTURE * _ramp(pair.structure.mean, _RARITY) * _enough(pair.structure.chances, _ENOUGH_TIMES),
        timing=_TIMING * _ramp(pair.lockstep.mean, _LOCKSTEP) * _enough(pair.lockstep.chances, _ENOUGH_TIMES),
        address=_OPERATOR * pair.address,
        coldkey=_OPERATOR * pair.coldkey,
    )


def never_apart(answers: Share) -> float:
    """0..1: how much likelier it is that one mind gave these answers than that two of one model did."""
    apart = max(0.0, answers.chances - answers.hits)
    odds = answers.hits * math.log((1 - _APART_TOGETHER) / (1 - _APART_ALONE))
    return _ramp(odds + apart * math.log(_APART_TOGETHER / _APART_ALONE), _SURE)


def copied(pair: Pair, first: Miner, second: Miner) -> tuple[bool, bool]:
    """Whether the first, or the second, of a pair is the one whose words are copied, and blameless.

    That is who had the same words first nearly every time, and is not mostly wrong: nobody copies a miner that is.
    Where something else speaks more than the words, nobody is blameless.
    """
    found = strength(pair)
    if found.wording < max(found.mistakes, found.answers, found.meaning, _SOME):
        return False, False
    ahead = pair.ahead.mean
    return ahead >= _ALWAYS_FIRST and _worthy(first), ahead <= 1 - _ALWAYS_FIRST and _worthy(second)


def _worthy(miner: Miner) -> bool:
    return miner.wrong.cautious < _WORTH_COPYING


def _ramp(value: float, bounds: tuple[float, float]) -> float:
    none, full = bounds
    return max(0.0, min(1.0, (value - none) / (full - none)))


def _enough(count: float, wanted: float) -> float:
    return min(1.0, count / wanted)


def _either(*chances: float) -> float:
    return 1 - math.prod(1 - chance for chance in chances)
