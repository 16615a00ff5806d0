"""The ways to put a question: each asks the same, and each miner of a round gets one of its own."""

from random import Random

import pytest

from engine import sums
from engine.challenges.kinds.registry import kind
from engine.challenges.kinds.wording import CLOSERS, OPENERS, WORDINGS
from engine.challenges.sources.synthetic import SyntheticSource
from engine.validator.dispatch import Dispatch
from engine.validator.selection import Candidate
from engine.values import Challenge, Neuron, Peer, Request
from tests.unit.engine_helpers import Obliging

KINDS = {"chat": 0.8, "arithmetic": 0.2}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("open_share", [0.0, 1.0])
def test_a_question_is_put_in_many_ways_that_ask_for_as_much(name: str, open_share: float) -> None:
    for seed in range(25):
        asked = kind(name, open_share=open_share).generate(Random(seed))
        assert WORDINGS * 3 / 4 <= len(set(asked.wordings)) <= WORDINGS
        assert len({text.split(maxsplit=1)[0] for text in asked.wordings}) >= 10
        plain = next(closer for closer in reversed(CLOSERS) if asked.request.question.endswith(closer))
        assert all(plain in text for text in asked.wordings)
        assert all(sum(opener.strip() in text for opener in OPENERS) == 1 for text in asked.wordings)


def test_a_sum_is_the_same_sum_in_every_wording() -> None:
    for seed in range(25):
        asked = kind("arithmetic", open_share=0.0).generate(Random(seed))
        assert {sums.read(text) for text in asked.wordings} == {sums.read(asked.request.question)}


async def test_questions_are_worded_only_where_the_source_is_told_to() -> None:
    worded, plain = SyntheticSource(KINDS, 7), SyntheticSource(KINDS, 7, worded=False)
    first, second = await anext(worded), await anext(plain)
    assert first.request == second.request
    assert len(first.wordings) > 1 and second.wordings == ()


def candidate(uid: int) -> Candidate:
    neuron = Neuron(uid=uid, hotkey=f"hk{uid}", coldkey="", ip="127.0.0.1", port=1)
    return Candidate(neuron, Peer(neuron.hotkey, "127.0.0.1", 1))


async def test_each_miner_is_asked_in_its_own_words_and_its_reply_says_in_which() -> None:
    caller = Obliging()
    asked = Challenge(
        id="c-1",
        kind="chat",
        source="synthetic",
        created_at=1.0,
        request=Request(messages=({"role": "user", "content": "Why?"},), temperature=0.3),
        wordings=("Why so?", "And why?"),
    )
    dispatch = Dispatch(caller, timeout=1.0, round_timeout=2.0)
    told = await dispatch.ask(asked, [candidate(uid) for uid in range(3)], reply_limit=999, on_reply=lambda _: None)
    assert [reply.prompt for reply in told] == ["Why so?", "And why?", "Why so?"]
    sent = dict(caller.asked)
    assert {challenge.request.question for challenge in sent.values()} == {"Why so?", "And why?"}
    assert {(one.request.temperature, one.wordings) for one in sent.values()} == {(0.3, ())}


async def test_a_question_without_wordings_goes_out_as_it_is() -> None:
    caller = Obliging()
    asked = Challenge(id="c-1", kind="chat", source="file", created_at=1.0, request=Request(prompt="Why?"))
    dispatch = Dispatch(caller, timeout=1.0, round_timeout=2.0)
    (told,) = await dispatch.ask(asked, [candidate(0)], reply_limit=999, on_reply=lambda _: None)
    assert told.prompt == ""
    assert caller.asked[0][1].request == asked.request
