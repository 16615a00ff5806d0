"""Who resembles whom, as a bounded frozen value that travels with the scoring history.

It is stored with that history: fields may be added at the end, none renamed or moved (`array_like`).
"""

from collections.abc import Mapping

from msgspec import Struct

from engine.values import Finite

MAX_MINERS = 1_024
"""Four times a subnet's 256 uids: a hotkey that returns within a few epochs is still known."""

MAX_PAIRS = 512
"""Most pairs to track, out of the 32,640 of 256 miners; what is stored stays below 250 kB."""

FORGOTTEN_AFTER = 2_000
"""Rounds after which a miner that was not seen is forgotten, and every pair with it."""

FADE = 0.995
"""The factor by which a count fades each time: about the last two hundred chances matter."""

STEADY = 50
"""Rounds over which a miner's own pace is averaged."""


class Share(Struct, frozen=True, array_like=True):
    """How often something happened, out of how often it could have. Both counts fade."""

    hits: Finite = 0.0
    chances: Finite = 0.0

    def after(self, hit: float) -> "Share":
        """One chance later; `hit` is 1 or 0, or any number whose mean is wanted."""
        return Share(FADE * self.hits + hit, FADE * self.chances + 1)

    @property
    def mean(self) -> float:
        """Hits per chance; 0 without a chance."""
        return self.hits / self.chances if self.chances else 0.0

    @property
    def cautious(self) -> float:
        """The share with one more miss added, so that few chances say little."""
        return self.hits / (self.chances + 1)


class Pace(Struct, frozen=True, array_like=True):
    """A miner's time against the round's, as logarithm: its mean and variance over `count` rounds."""

    count: int = 0
    mean: Finite = 0.0
    variance: Finite = 0.0

    def after(self, rest: float) -> "Pace":
        count = min(self.count + 1, STEADY)
        off = rest - self.mean
        return Pace(count, self.mean + off / count, (1 - 1 / count) * (self.variance + off * off / count))


class Miner(Struct, frozen=True, array_like=True):
    """What is known about one hotkey: its last uid and round, how often it missed a known answer, its pace."""

    uid: int
    seen: int
    wrong: Share = Share()
    pace: Pace = Pace()


class Pair(Struct, frozen=True, array_like=True):
    """What two hotkeys have in common, by view, since they first had anything.

    `rounds`: both answered. `wording`: nearly the same words, out of free texts; `ahead`: of those, how often the first
    hotkey came first. `mistakes`: missed by both with the same answer, out of known answers that either missed.
    `answers`: equal, out of comparable ones. `meaning`: closer to each other than to the rest, out of open texts.
    `structure`: the same layout other than plain text, weighted by its rarity. `lockstep`: its mean is the correlation
    of their paces. `lag`: its mean is the second's time minus the first's, in seconds.
    """

    rounds: int = 0
    wording: Share = Share()
    ahead: Share = Share()
    mistakes: Share = Share()
    answers: Share = Share()
    meaning: Share = Share()
    structure: Share = Share()
    lockstep: Share = Share()
    lag: Share = Share()
    address: bool = False
    coldkey: bool = False

    @property
    def interest(self) -> float:
        """The priority of tracking this pair. A new pair with something in common comes before an old one that rarely
        has."""
        behaviour = 4 * self.wording.cautious + 2 * self.mistakes.cautious + self.meaning.cautious
        return behaviour + (self.address + self.coldkey) / 4


Pairs = dict[str, dict[str, Pair]]
"""Pairs by the smaller hotkey, then by the greater."""


class Evidence(Struct, frozen=True):
    """Miners by hotkey, and the pairs that have something in common, after `rounds` rounds."""

    rounds: int = 0
    miners: dict[str, Miner] = {}
    pairs: Pairs = {}

    def after(self, miners: Mapping[str, Miner], pairs: Mapping[tuple[str, str], Pair]) -> "Evidence":
        """The evidence one round later, with these miners and pairs updated.

        Beyond the bounds, the miners last seen longest ago and the pairs of lowest priority are dropped.
        """
        known = {
            hotkey: miner
            for hotkey, miner in {**self.miners, **miners}.items()
            if miner.seen > self.rounds - FORGOTTEN_AFTER
        }
        if len(known) > MAX_MINERS:
            kept = sorted(known, key=lambda hotkey: (known[hotkey].seen, hotkey))[-MAX_MINERS:]
            known = {hotkey: known[hotkey] for hotkey in kept}
        watched = {
            both: pair for both, pair in {**self.by_both(), **pairs}.items() if both[0] in known and both[1] in known
        }
        if len(watched) > MAX_PAIRS:
            best = sorted(watched, key=lambda both: (-watched[both].interest, both))[:MAX_PAIRS]
            watched = {both: watched[both] for both in best}
        return Evidence(self.rounds + 1, known, _nested(watched))

    def by_both(self) -> dict[tuple[str, str], Pair]:
        """What is known of each pair, by its two hotkeys."""
        return {(first, second): pair for first, others in self.pairs.items() for second, pair in others.items()}


def _nested(flat: Mapping[tuple[str, str], Pair]) -> Pairs:
    nested: Pairs = {}
    for (first, second), pair in flat.items():
        nested.setdefault(first, {})[second] = pair
    return nested
