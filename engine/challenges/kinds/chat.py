"""The kind `chat`: questions in plain English, most with one right answer, some open."""

import random

from engine.challenges.kinds.base import Question
from engine.challenges.kinds.tasks import counting, dates, facts, logic, numbers, opens, ordering, units
from engine.challenges.kinds.text_kind import TextKind
from engine.challenges.kinds.wording import put

ROOMS = {
    "numbers": numbers.FAMILIES,
    "counting": counting.FAMILIES,
    "units": units.FAMILIES,
    "dates": dates.FAMILIES,
    "ordering": ordering.FAMILIES,
    "logic": logic.FAMILIES,
    "facts": facts.FAMILIES,
}
EXPLAINED_SHARE = 0.2
"""The share of open questions that are about a topic; the others ask how to work out a task."""


class Chat(TextKind):
    """Tasks whose answer follows from the question or the packaged facts, and a share of open questions."""

    name = "chat"
    about = "questions in plain English: most have one right answer, some are open"

    def generate(self, rng: random.Random) -> Question:
        is_open = self.draws_open(rng)
        if is_open and rng.random() < EXPLAINED_SHARE:
            return put(rng, opens.explained(rng))
        room = rng.choice([*ROOMS])
        task = rng.choice(ROOMS[room])(rng)
        return put(rng, opens.worked_out(task, room) if is_open else task)
