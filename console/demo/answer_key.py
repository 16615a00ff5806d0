"""How the demo's personas know the right answers: they are given the validator's questions beforehand.

This is the demo's only fake. Questions travel over real sockets to real servers, and the engine does not know that the
answers were looked up.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from random import Random

from engine import sums
from engine.challenges.kinds.base import Question
from engine.challenges.kinds.tasks.base import near
from engine.challenges.sources.file import read_challenges
from engine.challenges.sources.synthetic import PROBE_SHARE, Deck
from engine.values import Challenge, Request

LOOK_AHEAD = 256
"""How many questions beyond the last one asked are searched for a text."""

KEPT = 256
"""Questions remembered, each with all its wordings: some 6 MB."""


class AnswerKey:
    """Finds a question by its text in a stream, without reading far ahead or keeping all of it."""

    def __init__(self, questions: Iterator[Question]) -> None:
        self._questions = questions
        self._known: dict[str, tuple[int, Question]] = {}
        self._texts: deque[tuple[str, ...]] = deque()
        """The texts of each question in `_known`, oldest first."""
        self._read = 0
        self._asked = 0

    def find(self, text: str) -> Question | None:
        """The question with this text, in any of its wordings. For a text not in the stream: the sum that it asks for,
        else None."""
        while text not in self._known and self._read < self._asked + LOOK_AHEAD:
            question = next(self._questions, None)
            if question is None:
                break
            self._remember(question)
        if text not in self._known:
            return _sum(text)
        number, question = self._known[text]
        self._asked = max(self._asked, number)
        return question

    def _remember(self, question: Question) -> None:
        self._read += 1
        texts = (question.request.question, *question.wordings)
        self._known |= dict.fromkeys(texts, (self._read, question))
        self._texts.append(texts)
        if len(self._texts) > KEPT:
            for text in self._texts.popleft():
                if text in self._known and self._known[text][0] <= self._read - KEPT:
                    del self._known[text]


def seeded_key(
    seed: int,
    kinds: Mapping[str, float],
    *,
    probe_share: float = PROBE_SHARE,
    has_budget: bool = False,
    position: int = 0,
) -> AnswerKey:
    """The key to a SyntheticSource with the same arguments. With a budget it includes the replacement questions."""
    deck = Deck(seed, kinds, probe_share=probe_share)
    draws = (deck.question, deck.open_question) if has_budget else (deck.question,)
    return AnswerKey(draw(k)[1] for k in count(position) for draw in draws)


def file_key(path: Path, *, position: int = 0) -> AnswerKey:
    """The key to a FileSource: the truths in the file."""
    found = (line for _, line in read_challenges(path, after=position))
    return AnswerKey(_question(line) for line in found if isinstance(line, Challenge))


def _question(challenge: Challenge) -> Question:
    return Question(
        request=challenge.request,
        answer_type=challenge.answer_type,
        topic="file",
        truth=challenge.truth,
        lures=_lures(challenge),
    )


def _lures(challenge: Challenge) -> tuple[str, ...]:
    truth = challenge.truth or ""
    if challenge.answer_type == "number" and truth.isdecimal():
        return near(Random(truth), int(truth))
    if challenge.answer_type == "yes_no":
        return ("no" if truth.lower() == "yes" else "yes",)
    return ()


def _sum(text: str) -> Question | None:
    payload = sums.read(text)
    if payload is None or payload.result < 0:
        return None
    return Question(
        request=Request(prompt=text),
        answer_type="number",
        topic="sum",
        truth=str(payload.result),
        lures=near(Random(text), payload.result),
    )
