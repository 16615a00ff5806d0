"""Questions made by the validator itself, as many as it likes; most are probes, whose right answer it knows.

Recorded questions may be asked again among them, so that probes are no islands in the traffic.
"""

import math
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

from msgspec.structs import replace

from engine.challenges import ChallengeError
from engine.challenges.kinds import kind
from engine.challenges.kinds.base import Kind, Question
from engine.challenges.kinds.wording import ask
from engine.challenges.sources.source import Cursor, new_id
from engine.limit import RollingLimit
from engine.values import Challenge, Request

PROBE_SHARE = 0.84


class Deck:
    """All questions of one seed: question k depends on the seed, the shares and k alone.

    `kinds` maps names of kinds to their shares, which need not add up to 1. `probe_share` of each kind's questions are
    probes, so that the kind does not tell them.
    """

    def __init__(self, seed: int, kinds: Mapping[str, float], *, probe_share: float = PROBE_SHARE) -> None:
        if not all(0 <= share < math.inf for share in kinds.values()) or not sum(kinds.values()):
            raise ChallengeError(f"the shares of kinds must be 0 or more and not all 0, not {dict(kinds)}")
        if not 0 <= probe_share <= 1:
            raise ChallengeError(f"the share of probes is {probe_share}, not 0 to 1")
        self.seed = seed
        self._names = sorted(kinds)
        self._shares = [kinds[name] for name in self._names]
        self._kinds = {name: kind(name, open_share=1 - probe_share) for name in self._names}
        self._open = {name: kind(name, open_share=1.0) for name in self._names}

    def question(self, k: int) -> tuple[str, Question]:
        """The name of the kind and question number `k`, from 0."""
        return self._draw(random.Random(f"{self.seed}:{k}"), self._kinds)

    def open_question(self, k: int) -> tuple[str, Question]:
        """What is asked in the place of question `k` when that is a probe too many."""
        return self._draw(random.Random(f"{self.seed}:{k}:open"), self._open)

    def _draw(self, rng: random.Random, kinds: Mapping[str, Kind]) -> tuple[str, Question]:
        (name,) = rng.choices(self._names, self._shares)
        return name, kinds[name].generate(rng)


class SyntheticSource:
    """The questions of a deck in turn; without a seed it is a fresh deck. `clock` gives unix seconds.

    A probe beyond the `budget` becomes an open question.
    """

    name = "synthetic"

    def __init__(
        self,
        kinds: Mapping[str, float],
        seed: int | None = None,
        position: int = 0,
        *,
        probe_share: float = PROBE_SHARE,
        budget: RollingLimit | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.seed = secrets.randbits(63) if seed is None else seed
        self._deck = Deck(self.seed, kinds, probe_share=probe_share)
        self._position = position
        self._budget = budget
        self._clock = clock

    @property
    def cursor(self) -> Cursor:
        return Cursor(f"synthetic:{self.seed}", self._position)

    def resume(self, position: int) -> None:
        self._position = position

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Challenge:
        now = self._clock()
        kind_name, question = self._draw(now)
        self._position += 1
        return Challenge(
            id=new_id(),
            kind=kind_name,
            source="synthetic",
            created_at=now,
            request=question.request,
            answer_type=question.answer_type,
            truth=question.truth,
            lures=question.lures,
        )

    def _draw(self, now: float) -> tuple[str, Question]:
        kind_name, question = self._deck.question(self._position)
        if question.truth is None or self._budget is None:
            return kind_name, question
        if self._budget.is_reached(now):
            return self._deck.open_question(self._position)
        self._budget.add(now)
        return kind_name, question


Recorded = Callable[[float], Awaitable[Challenge | None]]
"""A recorded challenge that came from outside, chosen by a lot of 0 to 1; None when there is none."""


class ReplaySource:
    """A synthetic source of whose questions a `share` gives way to recorded ones.

    Only plain questions are asked again, under a new id and with the sampling parameters of all others. One whose
    truth is known stays a probe, and is not asked when that is beyond the `budget`.
    """

    name = "replay"

    def __init__(
        self,
        synthetic: SyntheticSource,
        recorded: Recorded,
        *,
        share: float,
        budget: RollingLimit | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._synthetic = synthetic
        self._recorded = recorded
        self._share = share
        self._budget = budget
        self._clock = clock

    @property
    def cursor(self) -> Cursor:
        return self._synthetic.cursor

    def resume(self, position: int) -> None:
        self._synthetic.resume(position)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Challenge:
        position = self.cursor.position
        lots = random.Random(f"{self._synthetic.seed}:{position}:replay")
        if lots.random() < self._share:
            found = await self._recorded(lots.random())
            if found is not None and _is_plain(found.request) and self._may_ask(found):
                self.resume(position + 1)
                return replace(
                    found,
                    id=new_id(),
                    source="replay",
                    created_at=self._clock(),
                    request=ask(lots, found.request.question),
                )
        return await anext(self._synthetic)

    def _may_ask(self, found: Challenge) -> bool:
        if found.truth is None or self._budget is None:
            return True
        now = self._clock()
        if self._budget.is_reached(now):
            return False
        self._budget.add(now)
        return True


def _is_plain(request: Request) -> bool:
    """One question in words, which asks for nothing that the validator's own do not."""
    messages = request.messages
    worded = not messages or (len(messages) == 1 and messages[0].get("role") == "user")
    return worded and request == Request(
        prompt=request.prompt,
        messages=messages,
        model=request.model,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
    )
