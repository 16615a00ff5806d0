"""Rates and the allow-list, on a clock that stands still until it is told."""

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.errors import Refusal
from miner_server.admission import (
    CLAIMS_BURST,
    HOTKEY_PER_MINUTE,
    MOST_KNOWN,
    STRANGER_PER_MINUTE,
    Admission,
)
from miner_server.allowlist import AllowList
from miner_server.hosts import network
from miner_server.limits import Limits, RateLimiter, Room
from tests.unit.miner_helpers import Clock, permit_holder


def passed(action: object, times: int) -> int:
    """How many of so many calls get through."""
    assert callable(action)
    through = 0
    for _ in range(times):
        try:
            action()
        except Refusal:
            continue
        through += 1
    return through


def test_a_server_that_is_told_nothing_has_the_limits_of_the_manual() -> None:
    limits = Limits()
    assert (limits.capacity, limits.queue, limits.queue_per_caller) == (8, 64, 16)


@given(per_minute=st.integers(1, 600), extra=st.integers(1, 50))
def test_a_minutes_worth_passes_at_once_and_no_more(per_minute: int, extra: int) -> None:
    limiter = RateLimiter(per_minute, clock=Clock())
    assert sum(limiter.take("key") == 0.0 for _ in range(per_minute + extra)) == per_minute


def test_the_bucket_fills_again_with_time() -> None:
    clock = Clock()
    limiter = RateLimiter(60, burst=2, clock=clock)
    assert [limiter.take("key") for _ in range(3)] == pytest.approx([0.0, 0.0, 1.0])
    clock.now += 1.0
    assert limiter.wait("key") == 0.0
    assert limiter.take("key") == 0.0
    assert limiter.take("key") == pytest.approx(1.0)


def test_the_table_is_bounded_and_forgets_who_was_quiet_longest() -> None:
    limiter = RateLimiter(1, keys=3, clock=Clock())
    for key in ("a", "b", "c", "a", "d"):
        limiter.take(key)
    assert len(limiter) == 3
    assert limiter.wait("a") > 0.0
    assert limiter.wait("b") == 0.0


@given(st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=5), max_size=8))
def test_large_bodies_never_take_more_room_than_there_is(bodies: list[list[int]]) -> None:
    room = Room(300, each=10)
    with ExitStack() as shares:
        held = 0
        for pieces in bodies:
            grow, length = shares.enter_context(room.share()), 0
            for piece in pieces:
                more = max(0, length + piece - 10) - max(0, length - 10)
                assert grow(length + piece) is (held + more <= 300)
                if held + more > 300:
                    break
                held, length = held + more, length + piece
    with room.share() as grow:
        assert grow(310) and not grow(311)


def test_what_a_challenge_usually_takes_needs_no_room() -> None:
    with Room(0).share() as grow:
        assert grow(64 * 1024)
        assert not grow(64 * 1024 + 1)
    with Room().share() as grow:
        assert grow(64 * 1024 + 64 * 1024 * 1024)
        assert not grow(64 * 1024 + 64 * 1024 * 1024 + 1)


def test_an_empty_allow_list_says_why_nobody_can_call() -> None:
    assert "no validator is known yet" in (AllowList().refusal("5Alice") or "")


def test_permit_holders_come_and_go_and_the_operators_own_stay() -> None:
    allow = AllowList(["5Own"])
    allow.set_neurons([permit_holder("5Permit")])
    assert allow.hotkeys == {"5Own", "5Permit"}
    allow.set_neurons([])
    assert allow.refusal("5Own") is None
    assert allow.refusal("5Permit") is not None


def test_a_name_without_proof_costs_its_owner_nothing() -> None:
    admission = Admission(AllowList(["5V"]), clock=Clock())
    assert passed(lambda: admission.unproven("6.6.6.6"), CLAIMS_BURST + 50) == CLAIMS_BURST
    admission.may("challenge", "5V")
    admission.unproven("1.2.3.4")
    rate = HOTKEY_PER_MINUTE["challenge"]
    assert rate >= 120
    assert passed(lambda: admission.spend("challenge", "5V"), rate + 10) == rate


def test_a_stranger_gains_nothing_by_a_name() -> None:
    admission = Admission(AllowList(["5V"]), clock=Clock())
    refusals = []
    for n in range(STRANGER_PER_MINUTE["handshake"] + 1):
        with pytest.raises(Refusal) as refused:
            admission.listed("handshake", "6.6.6.6", "/x", f"5Stranger{n}")
        refusals.append(refused.value)
    assert {refusal.status for refusal in refusals[:-1]} == {403}
    assert refusals[-1].status == 429
    assert refusals[-1].retry_after == pytest.approx(6.0)


async def test_an_address_that_spent_its_claims_is_heard_in_turn_with_all_others() -> None:
    admission = Admission(AllowList(["5V"]), clock=Clock())
    for host in ("6.6.6.6", "1.2.3.4"):
        assert passed(lambda host=host: admission.unproven(host), CLAIMS_BURST + 1) == CLAIMS_BURST
    heard: list[str] = []

    async def hear(host: str) -> None:
        if not admission.is_heard(host):
            await admission.hear(host)
        heard.append(host)

    await asyncio.gather(*(hear("6.6.6.6") for _ in range(20)), hear("1.2.3.4"), hear("5.5.5.5"))
    assert heard[0] == "5.5.5.5"
    assert heard.index("1.2.3.4") <= 3


def test_the_addresses_of_validators_are_known_in_a_bounded_number() -> None:
    admission = Admission(AllowList(["5V"]), clock=Clock())
    for number in range(MOST_KNOWN + 1):
        admission.proven(f"10.0.{number // 256}.{number % 256}")
    assert [admission.knows(host) for host in ("10.0.0.0", "10.0.0.1", "10.0.4.0", "6.6.6.6")] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.2.3.4", "1.2.3.5", False),
        ("::ffff:1.2.3.4", "1.2.3.4", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("not an address", "", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


def test_what_is_charged_beyond_what_is_there_is_waited_for() -> None:
    clock = Clock()
    limiter = RateLimiter(60, clock=clock)
    assert (limiter.left("a"), limiter.full_in("a"), limiter.wait("a")) == (60, 0.0, 0.0)
    limiter.charge("a", 20)
    assert (limiter.left("a"), limiter.full_in("a"), limiter.wait("a")) == (40, 20.0, 0.0)
    limiter.charge("a", 50)
    assert limiter.left("a") == 0
    assert limiter.wait("a") == pytest.approx(11.0)
    clock.now += 11
    assert (limiter.left("a"), limiter.wait("a")) == (1, 0.0)
