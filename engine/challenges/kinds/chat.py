"""The kind `chat`: questions in plain words, most with one right answer, some open."""

import random

from engine.challenges.errors import ChallengeError
from engine.challenges.kinds.base import OPEN_SHARE, Question
from engine.challenges.kinds.tasks import counting, dates, facts, logic, numbers, opens, ordering, units
from engine.challenges.kinds.text import TextKind
from engine.challenges.kinds.wording import put
from engine.values import Round

ROOMS = (numbers, counting, units, dates, ordering, logic, facts)


class Chat(TextKind):
    """Tasks whose truth follows from the question or the packaged facts, and a share of open questions."""

    name = "chat"
    asks_open = True
    columns: tuple[str, ...] = ("question", "answer_type", "truth")

    def __init__(self, open_share: float = OPEN_SHARE) -> None:
        if not 0 <= open_share <= 1:
            raise ChallengeError(f"the share of open questions is {open_share}, not 0 to 1")
        self._open_share = open_share

    def generate(self, rng: random.Random) -> Question:
        is_open = rng.random() < self._open_share
        task = opens.open_question(rng) if is_open else rng.choice(rng.choice(ROOMS).FAMILIES)(rng)
        return Question(
            request=put(rng, task.text),
            answer_type=task.answer_type,
            topic=task.topic,
            truth=task.truth,
            lures=task.lures,
            points=task.points,
        )

    def cells(self, round_: Round) -> tuple[str, ...]:
        challenge = round_.challenge
        return challenge.request.question, challenge.answer_type, challenge.truth or ""
