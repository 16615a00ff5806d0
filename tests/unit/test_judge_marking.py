"""Kinds that judge their replies themselves: their marks decide, and a kind that fails is named."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from engine import plugins
from engine.challenges.kinds.chat import Chat
from engine.judge.marking import READ, MarkingError, marks
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import Challenge, Mark, Reply, Request
from tests.unit.scoring_helpers import replies

PROBE = Challenge(
    id="r", kind="marked", source="synthetic", created_at=0.0, request=Request(prompt="Draw."), answer_type="json"
)


class Marked(Chat):
    """Marks replies by their length, or as the test says."""

    name: ClassVar[str] = "marked"
    given: ClassVar[Any] = None

    def marks(self, challenge: Challenge, replies: Sequence[Reply], encode: Any) -> Sequence[Mark] | None:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given if self.given is not None else [Mark(len(one.text) / 10, f"{one.text} is") for one in replies]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "marked"

        def load(self) -> object:
            return Marked

    monkeypatch.setattr(plugins, "added", lambda group: {"marked": Point()} if group == plugins.KINDS else {})
    monkeypatch.setattr(Marked, "given", None)


def encode(texts: list[str]) -> Any:
    return np.zeros((len(texts), 4), dtype=np.float32)


def test_marks_decide_who_is_paid_and_say_why() -> None:
    given = replies(["a" * 10, "b" * 9, "c" * 2, ""])
    found = marks(PROBE, given, encode)
    judgement, history = profiles.judge("robust", PROBE, given, {}, History(), found)
    paid = [verdict.emission for verdict in judgement.verdicts]
    assert paid[0] == 1.0 and 0.9 < paid[1] < 1.0 and paid[2] < 0.05 and paid[3] == 0
    assert judgement.winner == "m0"
    assert "aaaaaaaaaa is" in judgement.verdicts[0].reasons
    assert judgement.verdicts[3].reasons == ("says nothing",)
    assert history.of("m0") != history.of("m2")


def test_a_kind_that_is_not_here_leaves_it_to_the_answer_type() -> None:
    other = Challenge(id="r", kind="gone", source="file", created_at=0.0, request=Request(prompt="?"))
    assert marks(other, replies(["a"]), encode) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (RuntimeError("oh"), "the kind marked cannot judge: RuntimeError: oh"),
        ([Mark(1.0, "")], "1 marks for 2 replies"),
        ([Mark(1.0, ""), Mark(math.nan, "")], "a mark is not from 0 to 1"),
        ([Mark(1.0, ""), Mark(1.5, "")], "a mark is not from 0 to 1"),
        ([1, 2], "AttributeError"),
    ],
)
def test_a_kind_that_fails_is_named(given: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Marked, "given", given)
    with pytest.raises(MarkingError, match=words):
        marks(PROBE, replies(["a", "b"]), encode)


def test_what_a_kind_says_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Marked, "given", [Mark(0.5, "x" * 10_000)])
    assert marks(PROBE, replies(["a"]), encode) == (Mark(0.5, "x" * READ),)
