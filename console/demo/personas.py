"""The demo's miners as backends: what each says is fixed by the seed, its name and the question's text.

Copycats look up on a board what another miner has just answered.
"""

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any, NoReturn

from console.demo import phrases
from console.demo.answer_key import AnswerKey
from console.demo.cast import LEADER, Persona
from console.demo.forms import formed
from engine.challenges.kinds.base import Question
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.abilities import REQUIRED_TOOL, USUAL
from miner_server.backends.interface import PROOF
from miner_server.errors import BackendUnavailable

GOOD_ACCURACY = 0.985
WEAK_ACCURACY = 0.6
FAILING_SHARE = 0.5
HANGING_SHARE = 0.2
HANG_S = 3.0
EDITED_SHARE = 0.5
COPY_WAIT_S = 2.5
ALL_POINTS = 99
"""How the demo's miners behave."""


CARELESS = ("lazy", "echo", "refusal", "garbage")
"""Roles that ignore the requested form."""

FRESH_S = 10.0
MOST_QUESTIONS = 256
"""How long others' answers can be copied, and for how many questions."""


class _Post:
    def __init__(self) -> None:
        self.posted = asyncio.Event()
        self.answer = ""
        self.at = 0.0


class Board:
    """Recent answers by question, for use in one event loop. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Post] = {}

    def post(self, question: str, answer: str) -> None:
        """Publish `answer` to those waiting for it and to those who look within `FRESH_S`."""
        entry = self._fresh(question)
        entry.answer, entry.at = answer, self._clock()
        entry.posted.set()

    async def read(self, question: str, within: float) -> str | None:
        """The recent answer to `question`, waiting up to `within` seconds for it; None if there is none."""
        entry = self._fresh(question)
        try:
            async with asyncio.timeout(within):
                await entry.posted.wait()
        except TimeoutError:
            return None
        return entry.answer

    def _fresh(self, question: str) -> _Post:
        entry = self._entries.pop(question, None)
        if entry is None or (entry.posted.is_set() and self._clock() - entry.at > FRESH_S):
            entry = _Post()
        self._entries[question] = entry
        if len(self._entries) > MOST_QUESTIONS:
            del self._entries[next(iter(self._entries))]
        return entry


class PersonaBackend:
    """A backend (miner_server.backends.interface) that plays one persona of the cast.

    All personas of a demo share the seed, the answer key and the board, and live on one event loop. `stock` is the one
    answer of a lazy one.
    """

    name = "persona"
    can = USUAL | {"response_format", "tools", REQUIRED_TOOL}

    def __init__(
        self, persona: Persona, *, seed: int, key: AnswerKey, board: Board, stock: str = phrases.LAZY_ANSWER
    ) -> None:
        self.model = f"demo-{persona.role}"
        self._persona = persona
        self._seed = seed
        self._key = key
        self._board = board
        self._stock = stock

    async def readiness(self) -> str:
        return ""

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,
        caller: str = "",  # noqa: ARG002
        on_text: Callable[[str], None] | None = None,  # noqa: ARG002
    ) -> Completion:
        """Answer in character. Raises BackendUnavailable when a flapping miner is down for this question."""
        if request is PROOF:
            return Completion(text="Yes.")
        known = self._key.find(request.question)
        text = known.request.question if known else request.question
        rng = Random(f"{self._seed}:{self._persona.name}:{text}")
        if self._persona.role == "flapping" and rng.random() < FAILING_SHARE:
            await _fail(rng, min(HANG_S, timeout))
        answer = await self._copied(rng, text) if self._persona.role == "copycat" else self._own(rng, request, known)
        await asyncio.sleep(rng.uniform(*self._persona.delay))
        if self._persona.name == LEADER:
            self._board.post(text, answer)
        calls: tuple[dict[str, Any], ...] = ()
        if self._persona.role not in CARELESS:
            answer, calls = formed(answer, request)
        return Completion(
            text=answer,
            tool_calls=calls,
            finish_reason="tool_calls" if calls else "stop",
            usage=_usage(request.question, answer),
        )

    async def close(self) -> None:
        return None

    def _own(self, rng: Random, request: Request, known: Question | None) -> str:
        match self._persona.role:
            case "lazy":
                return self._stock
            case "echo":
                return request.question
            case "refusal":
                return phrases.refusal(rng)
            case "garbage":
                return phrases.garbage(rng)
        return self._answer(rng, known or Question(request=request, answer_type="text", topic="unknown"))

    def _answer(self, rng: Random, question: Question) -> str:
        match self._persona.role:
            case "strong" | "slow":
                return phrases.right(rng, question, ALL_POINTS)
            case "weak":
                return phrases.careless(rng, question, knows=rng.random() < WEAK_ACCURACY)
            case "clique":
                return phrases.wrong(Random(f"{self._seed}:clique:{question.request.question}"), question)
            case _:
                knows = rng.random() < GOOD_ACCURACY
                return phrases.right(rng, question, rng.randint(3, 4)) if knows else phrases.wrong(rng, question)

    async def _copied(self, rng: Random, text: str) -> str:
        answer = await self._board.read(text, COPY_WAIT_S)
        if answer is None:
            return phrases.ignorance(rng)
        return phrases.edited(rng, answer) if rng.random() < EDITED_SHARE else answer


async def _fail(rng: Random, hang_s: float) -> NoReturn:
    if rng.random() < HANGING_SHARE:
        await asyncio.sleep(hang_s)
    raise BackendUnavailable("the model is restarting")


def _usage(question: str, answer: str) -> dict[str, int]:
    """Counts words as tokens, since these miners have no model."""
    asked, said = len(question.split()), len(answer.split())
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
