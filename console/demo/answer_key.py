"""How the demo's personas know the right answers: they are given the validator's questions beforehand.

This is the demo's only fake. Questions travel over real sockets to real servers, and the engine does not know that the
answers were looked up.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from engine import sums
from engine.challenges.kinds.base import Kind, Question
from engine.challenges.kinds.registry import kind
from engine.challenges.kinds.tasks.base import near
from engine.challenges.sources.file import read_challenges
from engine.challenges.sources.synthetic import PROBE_SHARE, Deck
from engine.values import Challenge, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.challenges.kinds.base import Encode

LOOK_AHEAD = 256
"""How many questions beyond the last one asked are searched for a text."""

KEPT = 256
"""Questions remembered, each with all its wordings: some 6 MB."""


Put = Callable[[Question, str], Question]
"""The question with what is right for it in these words, which are one of its wordings."""


class AnswerKey:
    """Finds a question by its text in a stream, without reading far ahead or keeping all of it."""

    def __init__(self, questions: Iterator[tuple[Question, Put]]) -> None:
        self._questions = questions
        self._known: dict[str, tuple[int, Question, Put]] = {}
        self._texts: deque[tuple[str, ...]] = deque()
        """The texts of each question in `_known`, oldest first."""
        self._read = 0
        self._asked = 0

    def find(self, text: str) -> Question | None:
        """The question with this text, in any of its wordings, and what is right for it in these. For a text not in the
        stream: the sum that it asks for, else None."""
        while text not in self._known and self._read < self._asked + LOOK_AHEAD:
            following = next(self._questions, None)
            if following is None:
                break
            self._remember(*following)
        if text not in self._known:
            return _sum(text)
        number, question, put = self._known[text]
        self._asked = max(self._asked, number)
        return put(question, text)

    def _remember(self, question: Question, put: Put) -> None:
        self._read += 1
        texts = (question.request.question, *question.wordings)
        self._known |= dict.fromkeys(texts, (self._read, question, put))
        self._texts.append(texts)
        if len(self._texts) > KEPT:
            for text in self._texts.popleft():
                if text in self._known and self._known[text][0] <= self._read - KEPT:
                    del self._known[text]


def no_encoder(texts: list[str]) -> "NDArray[np.float32]":
    """Stands where no kind needs vectors."""
    raise LookupError(f"no encoder for {len(texts)} texts")


def seeded_key(
    seed: int,
    kinds: Mapping[str, float],
    *,
    probe_share: float = PROBE_SHARE,
    has_budget: bool = False,
    position: int = 0,
    encode: "Encode" = no_encoder,
) -> AnswerKey:
    """The key to a SyntheticSource with the same arguments. With a budget it includes the replacement questions.

    `encode` is for kinds whose answers are vectors.
    """
    deck = Deck(seed, kinds, probe_share=probe_share)
    draws = (deck.question, deck.open_question) if has_budget else (deck.question,)
    puts = {name: partial(_put, kind(name), encode) for name in kinds}
    drawn = (draw(k) for k in count(position) for draw in draws)
    return AnswerKey((question, puts[name]) for name, question in drawn)


def _put(asking: Kind, encode: "Encode", question: Question, text: str) -> Question:
    return asking.answered(question, text, encode)


def file_key(path: Path, *, position: int = 0) -> AnswerKey:
    """The key to a FileSource: the truths in the file."""
    found = (line for _, line in read_challenges(path, after=position))
    return AnswerKey((_question(line), _as_it_is) for line in found if isinstance(line, Challenge))


def _as_it_is(question: Question, _: str) -> Question:
    return question


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
