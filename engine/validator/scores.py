"""What a validator knows about each hotkey: its average, how often and how fast it answered, and when it last did.

With dropout, as the Inference Subnet Template specifies it, some rounds are not scored, and only a limited number of a
miner's answers count in each period.
"""

import random
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from engine.limit import RollingLimit
from engine.validator.round_log import RoundLog, Tally
from engine.values import Reply, Round, Verdict, percentile
from engine.weights.averages import MANY_HOTKEYS, AverageBook, Rule, Sample
from engine.weights.plan import HotkeyScore

LATENCIES_KEPT = 50
"""Of each miner, for the median that is shown."""


def is_scored(position: int, *, seed: int, unscored_share: float) -> bool:
    """Whether the challenge at this position of its source is scored; depends on the seed and the position alone."""
    return random.Random(f"unscored:{seed}:{position}").random() >= unscored_share


class Cap:
    """At most `limit` of a miner's answers count in any `period_s` seconds. Failures always count."""

    def __init__(self, limit: int, period_s: float) -> None:
        self._limit = limit
        self.period_s = period_s
        self._counted: dict[str, RollingLimit] = {}

    def load(self, answers: Mapping[str, Iterable[float]]) -> None:
        """Load the times of counted answers from earlier runs: unix times by hotkey, oldest first."""
        for hotkey, times in answers.items():
            for at in times:
                self._count(hotkey, at)

    def over(self, judged: Round) -> frozenset[str]:
        """Hotkeys whose answer in this round exceeds their quota."""
        return frozenset(
            hotkey
            for hotkey in _answering(judged)
            if (counted := self._counted.get(hotkey)) and counted.is_reached(judged.started_at)
        )

    def add(self, judged: Round) -> None:
        """Count the answers of a round that are within their quota."""
        for hotkey in _answering(judged):
            self._count(hotkey, judged.started_at)

    def _count(self, hotkey: str, at: float) -> None:
        if hotkey not in self._counted and len(self._counted) >= MANY_HOTKEYS:
            self._counted = {known: limit for known, limit in self._counted.items() if not limit.is_idle(at)}
        self._counted.setdefault(hotkey, RollingLimit(self._limit, self.period_s)).add(at)


def _answering(judged: Round) -> list[str]:
    """Hotkeys whose answers count in this round."""
    return [reply.hotkey for reply in judged.replies if reply.status == "ok" and judged.counted(reply) == "yes"]


class Scores:
    """Averages and tallies by hotkey, restored from the store at the start of a run.

    `scored` counts the replies that became samples, loaded ones included; `rounds` the rounds added since.
    """

    def __init__(self, rule: Rule, cap: Cap | None = None) -> None:
        self.rule = rule
        self._averages = AverageBook(rule)
        self._cap = cap
        self._tallies: dict[str, Tally] = {}
        self._latencies: dict[str, deque[float]] = {}
        self.scored = 0
        self.rounds = 0

    async def recall(self, store: RoundLog, netuid: int, profile: str) -> None:
        """Restore from stored rounds judged by this profile. Raises StoreError."""
        now = time.time()
        self.load(
            await store.samples_by_hotkey(netuid, profile, now - self.rule.window_s, self.rule.depth),
            await store.tallies(netuid),
            await store.answers_counted(netuid, now - self._cap.period_s, now) if self._cap else {},
        )

    def load(
        self,
        samples: Mapping[str, Sequence[Sample]],
        tallies: Mapping[str, Tally],
        answers: Mapping[str, Sequence[float]],
    ) -> None:
        """Restore from stored values; `answers` are the times of counted answers, for the cap."""
        for hotkey, known in samples.items():
            for at, emission in known:
                self._averages.add(hotkey, at, emission)
        self.scored = sum(map(len, samples.values()))
        self._tallies = dict(tallies)
        if self._cap is not None:
            self._cap.load(answers)

    def add(self, judged: Round) -> None:
        """Count a judged round. Cancelled replies are nobody's fault and do not count."""
        self.rounds += 1
        for reply, verdict in zip(judged.replies, judged.judgement.verdicts, strict=True):
            if judged.counted(reply) == "yes":
                self._averages.add(reply.hotkey, judged.started_at, verdict.emission)
                self.scored += 1
            if reply.status != "cancelled":
                self._count(reply, verdict, judged.started_at)
        if self._cap is not None:
            self._cap.add(judged)

    def over_cap(self, judged: Round) -> frozenset[str]:
        """Hotkeys whose answer in this round exceeds their quota."""
        return self._cap.over(judged) if self._cap is not None else frozenset()

    @property
    def hotkeys(self) -> frozenset[str]:
        """All hotkeys ever asked, except those forgotten since."""
        return frozenset(self._tallies)

    def tally(self, hotkey: str) -> Tally:
        """How often a hotkey was asked, and with what result."""
        return self._tallies.get(hotkey, Tally())

    def latency_ms(self, hotkey: str) -> float:
        """Median latency of a hotkey's last answers in this run; 0 if there are none."""
        return percentile(self._latencies.get(hotkey, ()), 0.5)

    def ema(self, hotkey: str, now: float) -> float:
        """The average of a hotkey at the unix time `now`; 0 if it has no samples."""
        return self._averages.value(hotkey, now) or 0.0

    def ema_history(self, hotkey: str) -> tuple[float, ...]:
        """The averages of a hotkey after each of its last samples, newest last."""
        return self._averages.history(hotkey)

    def scores(self, hotkeys: Iterable[str], now: float) -> tuple[HotkeyScore, ...]:
        """The scores at the unix time `now`, as used for weights."""
        return tuple(
            HotkeyScore(
                hotkey=hotkey,
                score=self.ema(hotkey, now),
                last_answer_at=self.tally(hotkey).last_answer_at or 0.0,
            )
            for hotkey in hotkeys
        )

    def _count(self, reply: Reply, verdict: Verdict, at: float) -> None:
        if reply.hotkey not in self._tallies and len(self._tallies) >= MANY_HOTKEYS:
            self._forget_the_unscored()
        if reply.status == "ok":
            self._latencies.setdefault(reply.hotkey, deque(maxlen=LATENCIES_KEPT)).append(reply.ms)
        self._tallies[reply.hotkey] = self.tally(reply.hotkey).after(reply.status, verdict.emission, at)

    def _forget_the_unscored(self) -> None:
        """Drop hotkeys without an average, so that hotkeys that come and go do not accumulate."""
        self._tallies = {hotkey: tally for hotkey, tally in self._tallies.items() if self._averages.history(hotkey)}
        self._latencies = {hotkey: times for hotkey, times in self._latencies.items() if hotkey in self._tallies}
