"""Scoring with dropout, as the subnet template promises it (facts: fiber_template §3.3).

Some rounds are asked and not scored, and of each miner only so many answers count in a period.
"""

import random
from collections.abc import Iterable, Mapping

from engine.limit import RollingLimit
from engine.values import Round
from engine.weights.averages import MANY_HOTKEYS


def is_scored(position: int, *, seed: int, unscored_share: float) -> bool:
    """Whether the challenge at this position of its source is scored; the same seed draws the same lots."""
    return random.Random(f"unscored:{seed}:{position}").random() >= unscored_share


class Cap:
    """At most `limit` answers of a miner count in any `period_s` seconds. Failures count always, and fill no place."""

    def __init__(self, limit: int, period_s: float) -> None:
        self._limit = limit
        self._period_s = period_s
        self._counted: dict[str, RollingLimit] = {}

    def load(self, answers: Mapping[str, Iterable[float]]) -> None:
        """Take in when answers of an earlier run counted, oldest first; unix seconds by hotkey."""
        for hotkey, times in answers.items():
            for at in times:
                self._count(hotkey, at)

    def over(self, judged: Round) -> frozenset[str]:
        """The hotkeys whose answers in this round are too many."""
        return frozenset(
            hotkey
            for hotkey in _answering(judged)
            if (counted := self._counted.get(hotkey)) and counted.is_reached(judged.started_at)
        )

    def add(self, judged: Round) -> None:
        """Count the answers of a round, but for those that are too many."""
        for hotkey in _answering(judged):
            self._count(hotkey, judged.started_at)

    def _count(self, hotkey: str, at: float) -> None:
        if hotkey not in self._counted and len(self._counted) >= MANY_HOTKEYS:
            self._counted = {known: limit for known, limit in self._counted.items() if not limit.is_idle(at)}
        self._counted.setdefault(hotkey, RollingLimit(self._limit, self._period_s)).add(at)


def _answering(judged: Round) -> list[str]:
    """The hotkeys whose answers are samples."""
    return [reply.hotkey for reply in judged.replies if reply.status == "ok" and judged.counted(reply) == "yes"]
