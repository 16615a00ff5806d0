"""Questions made by the validator itself, as many as it likes."""

import math
import random
import secrets
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

from engine.challenges.errors import ChallengeError
from engine.challenges.kinds import kind
from engine.challenges.kinds.base import OPEN_SHARE, Question
from engine.challenges.sources.base import Cursor
from engine.values import Challenge


class Deck:
    """All questions of one seed: question k depends on the seed, the shares and k alone.

    `kinds` maps names of kinds to their shares, which need not add up to 1.
    """

    def __init__(self, seed: int, kinds: Mapping[str, float], *, open_share: float = OPEN_SHARE) -> None:
        self.seed = seed
        self._kinds = {name: kind(name, open_share=open_share) for name in sorted(kinds)}
        self._shares = [kinds[name] for name in self._kinds]
        if not all(0 <= share < math.inf for share in self._shares) or not sum(self._shares):
            raise ChallengeError(f"the shares of kinds must be 0 or more and not all 0, not {dict(kinds)}")

    def question(self, k: int) -> tuple[str, Question]:
        """The name of the kind and question number `k`, from 0."""
        rng = random.Random(f"{self.seed}:{k}")
        (name,) = rng.choices([*self._kinds], self._shares)
        return name, self._kinds[name].generate(rng)


class SyntheticSource:
    """The questions of a deck in turn; without a seed it is a fresh deck. `clock` gives unix seconds."""

    name = "synthetic"

    def __init__(
        self,
        kinds: Mapping[str, float],
        seed: int | None = None,
        position: int = 0,
        *,
        open_share: float = OPEN_SHARE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.seed = secrets.randbits(63) if seed is None else seed
        self._deck = Deck(self.seed, kinds, open_share=open_share)
        self._position = position
        self._clock = clock

    @property
    def cursor(self) -> Cursor:
        return Cursor(f"synthetic:{self.seed}", self._position)

    def resume(self, position: int) -> None:
        self._position = position

    async def next(self) -> Challenge:
        kind_name, question = self._deck.question(self._position)
        self._position += 1
        return Challenge(
            id=f"c-{uuid4().hex[:12]}",
            kind=kind_name,
            source="synthetic",
            created_at=self._clock(),
            request=question.request,
            answer_type=question.answer_type,
            truth=question.truth,
        )
