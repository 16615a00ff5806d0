"""Users' requests on their way to miners: whom they reach, what is handed on and when, and what the record keeps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from console.roles.gateway import finish_of, usage_of
from engine.gateway.demand import Demand
from engine.gateway.desk import Broken, NobodyWilling, OrganicError, RoutedRequest, Unanswerable
from engine.gateway.form import calls_of, is_well_formed
from engine.gateway.load import Load
from engine.gateway.organic import Organic
from engine.store.store import Store
from engine.transport.dialect import Availability, TimedAnswer
from engine.transport.errors import WireError
from engine.transport.wire import Completion
from engine.values import Challenge, GatewayMode, Peer, Reply, Request, Round
from tests.unit.engine_helpers import Obliging, until
from tests.unit.store_helpers import recorded
from tests.unit.test_validator import MINERS, Bench, a_bench, store

__all__ = ["store"]

ASKED = Request(messages=({"role": "user", "content": "What is six times seven?"},))
JSON = Request(prompt="Six times seven, as JSON.", response_format={"type": "json_object"})


class Speaking(Obliging):
    """Peers that speak piece by piece: those in `pieces` say theirs, and the last one after `gate`."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: dict[str, list[str]] = {}
        self.left: list[str] = []

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        tell = on_text or (lambda _: None)
        *begin, last = self.pieces.get(peer.hotkey, [""])
        for piece in begin:
            tell(piece)
        try:
            answer = await super().ask(peer, challenge, timeout=timeout, max_bytes=max_bytes)
        except asyncio.CancelledError:
            self.left.append(peer.hotkey)
            raise
        if peer.hotkey not in self.pieces:
            tell(answer.completion.text)
            return answer
        tell(last)
        return TimedAnswer(Completion(text="".join((*begin, last))), 1.0)


@asynccontextmanager
async def a_gateway(
    store: Store, *earning: str, load: Load | None = None
) -> AsyncIterator[tuple[Bench, Speaking, Organic]]:
    async with a_bench(store) as bench:
        caller = Speaking()
        bench.rounds._dispatch._caller = caller
        for hotkey in earning:
            bench.scores._averages.add(hotkey, 1e9, 0.5)
            bench.scores._averages._tracks[hotkey].samples[0] = (4e9, 0.5)
        organic = Organic(
            bench.rounds, bench.selection, bench.scores, asked=3, demand=Demand(30, 8192, 60.0), load=load or Load()
        )
        try:
            yield bench, caller, organic
        finally:
            await organic.close()


async def stored(bench: Bench, store: Store, errand: RoutedRequest) -> Round:
    await until(lambda: errand.round in bench.told)
    found = await recorded(store, errand.round)
    assert found is not None
    return found


async def test_a_fast_request_goes_to_one_miner_that_earns_and_is_answered_piece_by_piece(store: Store) -> None:
    async with a_gateway(store, "hk2") as (bench, caller, organic):
        caller.pieces["hk2"] = ["It ", "is ", "42."]
        caller.gate.clear()
        errand, heard = RoutedRequest("fast"), list[str]()
        answering = asyncio.create_task(organic.answer(errand, ASKED, heard.append))
        await until(lambda: heard == ["It ", "is "])
        caller.gate.set()
        reply = await answering
        assert (reply.text, heard, errand.uid) == ("It is 42.", ["It ", "is ", "42."], 2)
        assert [hotkey for hotkey, _ in caller.asked] == ["hk2"]
        judged = await stored(bench, store, errand)
        assert (judged.challenge.source, judged.challenge.request.question) == ("organic", ASKED.question)
        assert judged.counted(judged.replies[0]) == "alone", "one answer has nothing to be compared with"
        assert bench.scores.scored == 0


async def test_users_are_answered_where_judging_cannot_keep_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.gateway.organic.MOST_UNJUDGED", 2)
    async with a_gateway(store, "hk2") as (bench, _, organic):
        async with bench.rounds._judging:
            errands = [RoutedRequest("fast") for _ in range(5)]
            for errand in errands:
                assert (await organic.answer(errand, ASKED)).text == "42"
        await until(lambda: len(bench.told) == 2 and not organic._going)
        assert [errand.round for errand in errands[:2]] == list(bench.told), "the first ones are judged"


async def test_a_miner_that_fails_is_paid_for_that_and_another_one_answers(store: Store) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.answers = {"hk1": WireError("timeout", "too late"), "hk2": "", "hk3": "42"}
        errand = RoutedRequest("fast")
        reply = await organic.answer(errand, ASKED)
        assert (reply.hotkey, errand.uid) == ("hk3", 3)
        await until(lambda: len(bench.told) == len(caller.asked))
        await stored(bench, store, errand)
        assert bench.scores.tally("hk3").failed == 0
        if "hk1" in dict(caller.asked):
            assert bench.scores.tally("hk1").failed == 1
            assert bench.scores.scored >= 1, "a failure counts, with or without company"


async def test_nothing_is_told_twice_when_a_miner_breaks_off_after_its_first_words(store: Store) -> None:
    async with a_gateway(store, "hk1") as (_, caller, organic):
        caller.pieces["hk1"] = ["It is ", "42"]
        caller.answers["hk1"] = WireError("unreachable", "connection lost")
        heard = list[str]()
        with pytest.raises(Broken, match="uid 1 broke off: connection lost"):
            await organic.answer(RoutedRequest("fast"), ASKED, heard.append)
        assert heard == ["It is "]


async def test_in_a_race_the_first_well_formed_answer_wins_and_the_round_is_judged_with_all(store: Store) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.answers = {"hk1": WireError("refused", "busy"), "hk2": "41", "hk3": "42"}
        errand = RoutedRequest("race")
        reply = await organic.answer(errand, ASKED)
        assert reply.hotkey in ("hk2", "hk3")
        judged = await stored(bench, store, errand)
        assert sorted(one.hotkey for one in judged.replies) == sorted(MINERS)
        assert bench.scores.scored == 3
        assert errand.uid == reply.uid


async def test_consensus_hands_on_what_the_round_has_chosen_and_nothing_before(store: Store) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.answers = {"hk1": "The answer is 42.", "hk2": "It is 42.", "hk3": "Bananas grow in bunches."}
        errand, heard = RoutedRequest("consensus"), list[str]()
        reply = await organic.answer(errand, ASKED, heard.append)
        assert "42" in reply.text
        assert heard == []
        judged = await stored(bench, store, errand)
        assert judged.judgement.winner == reply.hotkey


async def test_a_users_round_does_not_wait_for_an_earlier_one_that_still_asks(store: Store) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.hold("slow")
        slow = asyncio.create_task(bench.rounds.run(_question("slow"), bench.selection.pick(1)))
        await until(lambda: len(caller.asked) == len(MINERS))
        assert (await organic.answer(RoutedRequest("consensus"), ASKED)).text == "42"
        caller.gates["slow"].set()
        assert await slow is not None


@pytest.mark.parametrize("mode", ["fast", "race", "consensus"])
async def test_a_user_who_leaves_frees_the_miners_and_leaves_no_round(store: Store, mode: GatewayMode) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.gate.clear()
        answering = asyncio.create_task(organic.answer(RoutedRequest(mode), ASKED))
        await until(lambda: caller.asked)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        await until(lambda: len(caller.left) == len(caller.asked))
        assert bench.told == []


@pytest.mark.parametrize("mode", ["fast", "race", "consensus"])
async def test_without_a_miner_and_with_none_that_answers_the_reason_is_given(store: Store, mode: GatewayMode) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.answers = dict.fromkeys(MINERS, WireError("malformed", "no JSON"))
        with pytest.raises(OrganicError, match="no JSON"):
            await organic.answer(RoutedRequest(mode), ASKED)
        for hotkey in MINERS:
            bench.selection.note(hotkey, Availability(False, "asleep"))
        with pytest.raises(NobodyWilling):
            await organic.answer(RoutedRequest(mode), ASKED)
        assert organic.unwilling
        with pytest.raises(Unanswerable, match="no question"):
            await organic.answer(RoutedRequest(mode), Request(messages=({"role": "system", "content": "Be brief."},)))


async def test_where_json_was_asked_for_only_json_is_handed_on(store: Store) -> None:
    async with a_gateway(store) as (_, caller, organic):
        caller.answers = {"hk1": "Sure: 42", "hk2": "Sure: 42", "hk3": '{"answer": 42}'}
        heard = list[str]()
        reply = await organic.answer(RoutedRequest("race"), JSON, heard.append)
        assert (reply.text, heard) == ('{"answer": 42}', [])


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
OTHER = {"type": "function", "function": {"name": "time"}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("reply", "asked", "good"),
    [
        ({"text": "42"}, {}, True),
        ({"text": " \n"}, {}, False),
        ({"text": "42", "status": "timeout"}, {}, False),
        ({"tool_calls": (CALL,)}, {"tools": (TOOL,)}, True),
        ({"tool_calls": (CALL,)}, {}, False),
        ({"tool_calls": (CALL,)}, {"tools": (TOOL,), "tool_choice": "none"}, False),
        ({"tool_calls": (CALL,)}, {"tools": (TOOL,), "tool_choice": TOOL}, True),
        ({"tool_calls": (CALL,)}, {"tools": (TOOL, OTHER), "tool_choice": OTHER}, False),
        ({"tool_calls": ({"function": {"name": "shell", "arguments": "{}"}},)}, {"tools": (TOOL,)}, False),
        ({"tool_calls": ({"function": "weather"},)}, {"tools": (TOOL,)}, False),
        ({"text": "It rains."}, {"tools": (TOOL,)}, True),
        ({"text": "It rains."}, {"tools": (TOOL,), "tool_choice": "required"}, False),
        ({"text": '{"a": 1}'}, {"response_format": {"type": "json_object"}}, True),
        ({"text": "[1]"}, {"response_format": {"type": "json_object"}}, False),
        ({"text": "[" * 10_000}, {"response_format": {"type": "json_schema"}}, False),
    ],
)
def test_an_answer_has_the_form_that_was_asked_for(reply: dict[str, Any], asked: dict[str, Any], good: bool) -> None:
    assert is_well_formed(Reply(uid=1, hotkey="hk1", **reply), Request(prompt="How is it?", **asked)) is good


async def test_nobody_is_ahead_by_blanks_and_what_is_not_heard_holds_no_race(store: Store) -> None:
    async with a_gateway(store) as (_, caller, organic):
        caller.pieces["hk1"] = [" ", "\n", "41"]
        caller.answers["hk1"] = WireError("timeout", "too late")
        heard = list[str]()
        reply = await organic.answer(RoutedRequest("race"), ASKED, heard.append)
        assert reply.hotkey in ("hk2", "hk3")
        assert heard == ["42"]
        caller.pieces["hk1"] = ["It is ", "41"]
        assert (await organic.answer(RoutedRequest("race"), ASKED)).hotkey in ("hk2", "hk3")


async def test_no_round_begins_once_the_gateway_is_closed(store: Store) -> None:
    async with a_gateway(store, "hk1") as (_, caller, organic):
        caller.pieces["hk1"] = ["It is ", "42"]
        caller.gate.clear()
        heard = list[str]()
        answering = asyncio.create_task(organic.answer(RoutedRequest("fast"), ASKED, heard.append))
        await until(lambda: heard)
        await organic.close()
        with pytest.raises(Broken):
            await answering
        with pytest.raises(NobodyWilling, match="stopping"):
            await organic.answer(RoutedRequest("fast"), ASKED)
        assert len(caller.asked) == 1


def test_tool_calls_and_counts_are_told_as_clients_know_them_whatever_a_miner_sends() -> None:
    odd = {"index": 7, "id": 5, "function": {"name": "weather", "arguments": {"city": "Rome"}}, "more": "x" * 400}
    reply = Reply(uid=1, hotkey="hk1", tool_calls=(odd,), finish_reason="</s>", usage={"prompt_tokens": 2**52})
    assert calls_of(reply) == (
        {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
    )
    assert finish_of(reply) == "tool_calls"
    assert [finish_of(Reply(uid=1, hotkey="hk1", finish_reason=one)) for one in ("length", "eos", "")] == [
        "length",
        "stop",
        "stop",
    ]
    used = usage_of(reply, ASKED)
    assert used["prompt_tokens"] < 200
    assert used["completion_tokens"] > 100
    assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"]


def _question(id: str) -> Challenge:
    return Challenge(id=id, kind="chat", source="synthetic", created_at=1.0, request=ASKED)
