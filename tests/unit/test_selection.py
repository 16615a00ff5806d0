"""Who is asked: fairness over time, addresses that are never called, and who is left out."""

import time
from collections import Counter

import pytest

from engine.transport.dialect import Availability
from engine.validator.selection import FIRST_REST_S, LONGEST_REST_S, Refusals, Selection, Sweeper
from engine.values import Metagraph, Neuron, Peer
from tests.unit.engine_helpers import Obliging


def a_neuron(uid: int, *, ip: str = "", port: int = 8091) -> Neuron:
    return Neuron(uid=uid, hotkey=f"hk{uid}", coldkey=f"ck{uid}", ip=ip or f"9.9.9.{uid + 1}", port=port)


def a_metagraph(*neurons: Neuron) -> Metagraph:
    return Metagraph(netuid=1, block=1, neurons=neurons)


def a_selection(sample: int = 4, *, allow_private: bool = False, extra: tuple[Peer, ...] = ()) -> Selection:
    return Selection(own_hotkey="hk0", sample=sample, seed=7, allow_private=allow_private, extra=extra)


def all_available(selection: Selection) -> None:
    for hotkey in selection.candidates:
        selection.note(hotkey, Availability(available=True, reason="", ms=1.0))


def asked(selection: Selection, turns: range) -> Counter[str]:
    return Counter(one.peer.hotkey for turn in turns for one in selection.pick(turn))


def test_every_miner_gets_the_same_number_of_questions() -> None:
    selection = a_selection(sample=4)
    selection.see(a_metagraph(*(a_neuron(uid) for uid in range(11))))
    all_available(selection)
    counts = asked(selection, range(25))
    assert set(counts.values()) == {10}
    assert "hk0" not in counts


def test_the_lots_depend_on_the_seed_and_the_turn_alone() -> None:
    def picks() -> list[list[int]]:
        selection = a_selection(sample=3)
        selection.see(a_metagraph(*(a_neuron(uid) for uid in range(9))))
        all_available(selection)
        return [[one.neuron.uid for one in selection.pick(turn)] for turn in range(6)]

    assert picks() == picks()
    assert len({tuple(picked) for picked in picks()}) > 1


def test_a_new_miner_starts_where_the_others_are() -> None:
    selection = a_selection(sample=2)
    old = tuple(a_neuron(uid) for uid in range(5))
    selection.see(a_metagraph(*old))
    all_available(selection)
    asked(selection, range(20))
    selection.see(a_metagraph(*old, a_neuron(5)))
    all_available(selection)
    counts = asked(selection, range(20, 45))
    assert counts["hk5"] == 10


def test_a_miner_that_is_not_available_is_not_asked_until_it_is() -> None:
    selection = a_selection(sample=8)
    selection.see(a_metagraph(*(a_neuron(uid) for uid in range(4))))
    assert selection.pick(0) == ()
    all_available(selection)
    selection.note("hk2", Availability(available=False, reason="loading", ms=1.0))
    assert [one.neuron.uid for one in selection.pick(1)] == [1, 3]
    selection.note("hk2", Availability(available=True, reason="", ms=1.0))
    assert [one.neuron.uid for one in selection.pick(2)] == [1, 2, 3]


def test_addresses_inside_a_network_are_refused_with_a_reason_unless_allowed() -> None:
    inside = ("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "224.0.0.1", "::1", "fe80::1")
    metagraph = a_metagraph(*(a_neuron(uid + 1, ip=ip) for uid, ip in enumerate(inside)))
    strict = a_selection()
    strict.see(metagraph)
    assert not strict.candidates
    assert all(strict.refused[f"hk{uid + 1}"] for uid in range(len(inside)))
    lenient = a_selection(allow_private=True)
    lenient.see(metagraph)
    assert "hk2" in lenient.candidates
    assert "hk5" in lenient.refused


def test_who_does_not_serve_is_not_a_candidate_unless_the_operator_named_an_address() -> None:
    silent = a_neuron(3, ip="0.0.0.0", port=0)
    selection = a_selection(extra=(Peer("hk3", "9.9.9.9", 9000),))
    selection.see(a_metagraph(a_neuron(1), silent))
    assert selection.candidates["hk3"].peer.port == 9000
    assert a_selection().candidates == {}


def test_whoever_leaves_the_subnet_is_forgotten() -> None:
    selection = a_selection()
    selection.see(a_metagraph(a_neuron(1), a_neuron(2)))
    all_available(selection)
    selection.see(a_metagraph(a_neuron(2)))
    assert list(selection.candidates) == ["hk2"]
    assert selection.availability("hk1") is None


def test_our_own_axon_is_never_asked_under_another_hotkey() -> None:
    selection = a_selection(allow_private=True)
    selection.see(a_metagraph(a_neuron(0), a_neuron(1), a_neuron(2, ip="9.9.9.1")))
    assert list(selection.candidates) == ["hk1"]
    assert "our own address" in selection.refused["hk2"]


def test_a_miner_that_is_busy_passes_its_turn_and_is_not_asked_more_often_for_it_later() -> None:
    refusals = Refusals()
    selection = Selection(own_hotkey="hk0", sample=2, seed=7, allow_private=False, refusals=refusals)
    selection.see(a_metagraph(*(a_neuron(uid) for uid in range(5))))
    all_available(selection)
    refusals.note_refusal("hk2", time.monotonic(), 3600.0)
    while_busy = asked(selection, range(60))
    assert while_busy["hk2"] == 0
    refusals.keep(())
    later = asked(selection, range(60, 100))
    assert all(19 <= later[hotkey] <= 21 for hotkey in ("hk1", "hk2", "hk3", "hk4"))


def test_while_all_are_busy_nobody_is_asked_and_nobodys_turn_passes() -> None:
    refusals = Refusals()
    selection = Selection(own_hotkey="hk0", sample=2, seed=7, allow_private=False, refusals=refusals)
    selection.see(a_metagraph(*(a_neuron(uid) for uid in range(3))))
    all_available(selection)
    for hotkey in ("hk1", "hk2"):
        refusals.note_refusal(hotkey, time.monotonic(), 3600.0)
    assert asked(selection, range(50)) == {}


async def test_who_is_too_busy_to_say_whether_it_is_available_is_asked_when_it_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    caller = Obliging()
    caller.availability = Availability(available=False, reason="429: Rate limit exceeded", retry_after=40.0)
    selection = a_selection()
    selection.see(a_metagraph(a_neuron(0), a_neuron(1)))
    sweeper = Sweeper(selection, caller)
    await sweeper.sweep()
    now += 39.0
    await sweeper.sweep()
    assert caller.probed == ["hk1"]
    now += 2.0
    await sweeper.sweep()
    assert caller.probed == ["hk1", "hk1"]


async def test_a_fault_with_one_peer_ends_no_sweep() -> None:
    class Faulty(Obliging):
        async def available(self, peer: Peer, *, timeout: float) -> Availability:
            if peer.hotkey == "hk1":
                raise OverflowError("by a fault of ours")
            return await super().available(peer, timeout=timeout)

    selection = a_selection()
    selection.see(a_metagraph(a_neuron(0), a_neuron(1), a_neuron(2)))
    await Sweeper(selection, Faulty()).sweep()
    assert selection.probed
    assert [one.neuron.uid for one in selection.pick(0)] == [2]
    assert "OverflowError" in selection.why_not("hk1")


def refused(refusals: Refusals, hotkey: str = "hk1", *, retry_after: float | None = None) -> bool:
    """Whether one more refusal is excused."""
    return refusals.note_refusal(hotkey, 0.0, retry_after) is None


def test_two_in_a_row_are_excused_and_the_third_is_silence_until_it_answers() -> None:
    refusals = Refusals()
    assert [refused(refusals) for _ in range(5)] == [True, True, False, False, False]
    for _ in range(100):
        refusals.note_reply("hk1", answered=True)
    assert refused(refusals)


def test_why_it_is_not_excused_is_reported() -> None:
    refusals = Refusals()
    assert [refusals.note_refusal("hk1", 0.0, None) for _ in range(3)] == [None, None, "refused 3 times in a row"]
    refusals.note_reply("hk1", answered=True)
    assert refusals.note_refusal("hk1", 0.0, None) == "refused 4 of the last 5 challenges"


def test_a_failure_of_another_kind_is_not_an_answer() -> None:
    refusals = Refusals()
    refused(refusals)
    refused(refusals)
    refusals.note_reply("hk1", answered=False)
    assert not refused(refusals)


@pytest.mark.parametrize("every", [2, 3, 5, 9])
def test_who_refuses_more_than_a_tenth_is_soon_excused_no_more(every: int) -> None:
    refusals = Refusals()
    excused: list[int] = []
    for turn in range(1, 1000):
        if turn % every:
            refusals.note_reply("hk1", answered=True)
        elif refused(refusals):
            excused.append(turn)
    assert max(excused) <= 200
    assert len(excused) <= 20


def test_who_refuses_a_tenth_is_excused_each_time() -> None:
    refusals = Refusals()
    for turn in range(1, 1000):
        if turn % 10 == 0:
            assert refused(refusals)
        else:
            refusals.note_reply("hk1", answered=True)


def test_refusing_what_it_would_fail_at_gains_a_ninth_at_most() -> None:
    """The best that a cheat can do which knows what it would fail at, against answering all of it."""
    best = 0.0
    for hard_in_a_hundred in range(1, 60):
        refusals = Refusals()
        scores: list[float] = []
        for turn in range(5000):
            is_hard = turn * hard_in_a_hundred % 100 < hard_in_a_hundred
            if not is_hard:
                refusals.note_reply("hk1", answered=True)
                scores.append(1.0)
            elif not refused(refusals):
                scores.append(0.0)
        best = max(best, sum(scores) / len(scores) / (1 - hard_in_a_hundred / 100))
    assert 1.0 < best < 1.12


def test_a_miner_is_left_alone_for_as_long_as_it_asks_and_a_minute_at_most() -> None:
    refusals = Refusals()
    assert refusals.rest_of("hk1", 0.0) == 0
    refused(refusals, retry_after=7.0)
    assert (refusals.rest_of("hk1", 0.0), refusals.rest_of("hk1", 5.0), refusals.rest_of("hk1", 8.0)) == (7, 2, 0)
    refused(refusals, retry_after=86_400.0)
    assert refusals.rest_of("hk1", 0.0) == LONGEST_REST_S


def test_without_a_time_it_is_left_alone_for_longer_each_time() -> None:
    refusals = Refusals()
    rests = []
    for _ in range(2000):
        refused(refusals)
        rests.append(refusals.rest_of("hk1", 0.0))
    assert rests[:6] == [5, 10, 20, 40, 60, 60]
    assert rests[-1] == LONGEST_REST_S
    refusals.note_reply("hk1", answered=True)
    refused(refusals)
    assert refusals.rest_of("hk1", 0.0) == FIRST_REST_S


def test_each_miner_has_an_account_of_its_own_for_as_long_as_it_is_there() -> None:
    refusals = Refusals()
    for _ in range(4):
        refused(refusals, "hk1")
    assert refused(refusals, "hk2")
    refusals.keep({"hk2"})
    assert refused(refusals, "hk1")
