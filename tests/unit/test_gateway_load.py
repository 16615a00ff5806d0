"""What users cause is not held against miners: how much they may demand, and how much of it each miner gets."""

import asyncio
from collections import Counter

import pytest

from engine.gateway import organic as organic_module
from engine.gateway.demand import Demand, TooLong
from engine.gateway.desk import Lengthy, NobodyWilling, OrganicError, RoutedRequest
from engine.gateway.load import FIRST_AT_ONCE, MINUTE_S, Load
from engine.store.store import Store
from engine.transport.errors import Busy, WireError
from engine.validator.selection import Candidate
from engine.values import Neuron, Peer, Request
from tests.unit.engine_helpers import until
from tests.unit.test_gateway_organic import ASKED, a_gateway, stored
from tests.unit.test_validator import MINERS, store

__all__ = ["store"]

MINER = Candidate(Neuron(uid=1, hotkey="hk1", coldkey="ck1", ip="10.0.0.1", port=1), Peer("hk1", "10.0.0.1", 1))
LATE = WireError("timeout", "too late")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("asked", "given"), [(16, 16), (1_000_000, 1350), (4096, 1350)], ids=["little", "a million", "the usual"]
)
def test_an_answer_may_be_as_long_as_any_miner_can_say_by_the_deadline(asked: int, given: int) -> None:
    request = Request(prompt="Count to a million.", max_tokens=asked)
    assert Demand(30, 8192, 60.0).fitted(request).max_tokens == given


def test_a_request_and_its_answer_fit_into_what_any_miner_holds() -> None:
    demand = Demand(1000, 1000, 60.0)
    assert demand.fitted(Request(prompt="x" * 1500, max_tokens=4096)).max_tokens < 500
    with pytest.raises(TooLong, match="may have 1,000"):
        demand.fitted(Request(prompt="x" * 3000))
    with pytest.raises(TooLong):
        demand.fitted(Request(prompt="x", tools=({"description": "x" * 3000},)))


def test_a_miner_gets_more_as_long_as_it_answers_and_less_once_it_is_too_much() -> None:
    clock = Clock()
    load = Load(clock=clock)
    hold = [load.hold([MINER]) for _ in range(int(FIRST_AT_ONCE))]
    assert not load.has_room("hk1")
    hold.pop().end("hk1", answered=True)
    hold += [load.hold([MINER]), load.hold([MINER])]
    assert load.going("hk1") == FIRST_AT_ONCE + 1
    assert not load.has_room("hk1")
    assert load.excuse(MINER, Busy("full", None)).status == "cancelled"
    assert load.excuse(MINER, WireError("refused", "full", code=503)).status == "cancelled"
    for one in hold:
        one.end_all()
    assert load.going("hk1") == 0
    assert not load.has_room("hk1"), "it rests"
    clock.now += 3.0
    room = 0
    while load.has_room("hk1"):
        load.hold([MINER])
        room += 1
    assert room == 0, "ten began within this minute, and one after another said that this was too much"
    clock.now += MINUTE_S
    while load.has_room("hk1"):
        load.hold([MINER])
        room += 1
    assert room == 6, "seven tenths of nine at once; the second refusal of one burst changes nothing"


def test_what_users_cannot_have_caused_counts() -> None:
    load = Load()
    load.hold([MINER])
    assert load.excuse(MINER, LATE) is LATE, "it had nothing else to do"
    load.hold([MINER])
    assert load.excuse(MINER, LATE).status == "cancelled"
    assert load.excuse(MINER, WireError("refused", "no tools", code=422)).status == "cancelled"
    for failure in (
        WireError("unreachable", "no route"),
        WireError("malformed", "no JSON"),
        WireError("refused", "no", code=401),
    ):
        assert load.excuse(MINER, failure) is failure


def test_a_miner_that_left_is_forgotten_once_it_has_nothing_to_do() -> None:
    load = Load()
    hold = load.hold([MINER])
    load.keep({})
    assert load.going("hk1") == 1
    hold.end("hk1", answered=True)
    hold.end("hk1", answered=True)
    load.keep({})
    assert load.going("hk1") == 0


async def test_a_burst_of_users_costs_a_busy_miner_nothing(store: Store) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.answers = dict.fromkeys(MINERS, Busy("429: full", 30.0))
        for _ in range(5):
            errand = RoutedRequest("consensus")
            with pytest.raises(OrganicError):
                await organic.answer(errand, ASKED)
            if errand.round:
                judged = await stored(bench, store, errand)
                assert {judged.counted(reply) for reply in judged.replies} == {"cancelled"}
            bench.rounds._dispatch._refusals.keep(())
        assert bench.scores.scored == 0
        assert all(not bench.selection.why_not(hotkey) for hotkey in MINERS), "our own challenges go on"


async def test_a_users_request_tells_nothing_about_how_often_a_miner_refuses_ours(store: Store) -> None:
    async with a_gateway(store) as (bench, caller, organic):
        caller.answers = {"hk1": Busy("429: full", 30.0)}
        await organic.answer(RoutedRequest("consensus"), ASKED)
        assert bench.rounds._dispatch._refusals._accounts == {}


async def test_requests_are_spread_over_the_miners_that_have_least_to_do(store: Store) -> None:
    async with a_gateway(store) as (_, caller, organic):
        caller.gate.clear()
        answering = [asyncio.create_task(organic.answer(RoutedRequest("fast"), ASKED)) for _ in range(24)]
        await until(lambda: len(caller.asked) == 24)
        assert Counter(hotkey for hotkey, _ in caller.asked) == dict.fromkeys(MINERS, FIRST_AT_ONCE)
        waiting = asyncio.create_task(organic.answer(RoutedRequest("fast"), ASKED))
        await asyncio.sleep(0)
        assert len(caller.asked) == 24, "nobody has room"
        caller.gate.set()
        assert {reply.text for reply in await asyncio.gather(*answering, waiting)} == {"42"}


async def test_who_waits_too_long_for_room_is_told_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organic_module, "WAIT_S", 0.05)
    load = Load()
    async with a_gateway(store, load=load) as (bench, _, organic):
        for miner in bench.selection.candidates.values():
            for _ in range(int(FIRST_AT_ONCE)):
                load.hold([miner])
        with pytest.raises(NobodyWilling, match="busy with users' requests"):
            await organic.answer(RoutedRequest("race"), ASKED)


async def test_what_a_user_demands_is_bounded_before_a_miner_is_asked(store: Store) -> None:
    async with a_gateway(store) as (_, caller, organic):
        await organic.answer(RoutedRequest("fast"), Request(prompt="Count to a million.", max_tokens=1_000_000))
        assert caller.asked[0][1].request.max_tokens == 1350
        with pytest.raises(Lengthy, match="8,192"):
            await organic.answer(RoutedRequest("fast"), Request(prompt="x" * 100_000))
        assert len(caller.asked) == 1
