"""Right answers of every type, in all usual forms, are read as right, and wrong ones as wrong.

The figures in docs/scoring.md for unseen forms are of these files as they were when each was first tried.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.answers.registry import answer_type
from engine.values import Reply

DATA = Path(__file__).parent.parent / "data" / "answers"


def pairs(name: str) -> Iterator[tuple[str, str, str, str, bool]]:
    """Type, question, truth, reply, and whether it is right."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        case: dict[str, Any] = json.loads(line)
        for side in ("right", "wrong"):
            for text in case[side]:
                yield case["type"], case["question"], case["truth"], text, side == "right"


def met(kind: str, question: str, truth: str, text: str) -> bool:
    return answer_type(kind).equals(Reply(uid=0, hotkey="a", text=text), truth, question)


CASES = [*pairs("forms.jsonl"), *pairs("forms-kept-back.jsonl"), *pairs("spellings.jsonl")]
PHRASES: dict[str, Any] = json.loads((DATA / "phrases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[3][:40]!r}")
def test_a_form_is_read_as_what_it_says(case: tuple[str, str, str, str, bool]) -> None:
    kind, question, truth, text, right = case
    assert met(kind, question, truth, text) == right


@pytest.mark.parametrize("phrase", PHRASES["right"])
def test_an_answer_is_read_behind_whatever_announces_hedges_or_corrects_it(phrase: str) -> None:
    for one in PHRASES["questions"]:
        text = phrase.format(x=one["right"], w=one["wrong"])
        assert met(one["type"], one["question"], one["truth"], text), text


@pytest.mark.parametrize("phrase", PHRASES["wrong"])
def test_an_answer_is_not_read_where_it_is_rejected_or_one_of_several(phrase: str) -> None:
    for one in PHRASES["questions"]:
        text = phrase.format(x=one["right"], w=one["wrong"])
        assert not met(one["type"], one["question"], one["truth"], text), text
