"""Recorded questions asked again: real ones among the validator's own, so that probes are no islands in the traffic."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Self

from msgspec.structs import replace

from engine.challenges.kinds.wording import ask
from engine.challenges.sources.base import Cursor, new_id
from engine.challenges.sources.synthetic import SyntheticSource
from engine.limit import RollingLimit
from engine.values import Challenge, Request

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
