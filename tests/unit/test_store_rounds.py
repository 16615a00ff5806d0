"""A round is stored whole and read back unchanged, together with the counts and history that it updates."""

import math
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.errors import StoreError
from engine.store.store import Store
from engine.validator.round_log import Tally
from engine.values import Reply, ReplyStatus, Request
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_reply, a_round, a_verdict, hotkey, recorded


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "store.db", retention_days=7)
    yield store
    await store.close()


LOGPROBS = {"content": [{"token": "4\ud800", "logprob": -0.5, "bytes": [52], "top_logprobs": []}]}


async def record(store: Store, number: int, *replies: Reply) -> None:
    await store.record(a_round(number, replies or None), netuid=NETUID, history=None, cursor=None)


async def test_a_round_comes_out_as_it_went_in(store: Store) -> None:
    call = {"type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}, "big": 2**200, "odd": "\ud800"}
    judged = a_round(
        0,
        [
            a_reply(
                1,
                text="nul \x00, escape \x1b[31m, שלום\n",
                tool_calls=(call,),
                usage={"total_tokens": 2**70},
                logprobs=LOGPROBS,
            ),
            a_reply(2, status="timeout", reason="no answer in 2 s", text="", ms=2000.0),
        ],
    )
    await store.record(judged, netuid=NETUID, history=None, cursor=None)
    assert await recorded(store, "round-0") == judged
    assert await store.has_round("round-0")


async def test_messages_and_tools_of_a_request_are_kept(store: Store) -> None:
    request = Request(
        messages=({"role": "user", "content": [{"type": "text", "text": "hi"}]},),
        tools=({"type": "function", "function": {"name": "add"}},),
        tool_choice={"type": "function", "function": {"name": "add"}},
    )
    plain = a_round()
    asked = type(plain)(
        challenge=type(plain.challenge)(
            id="with tools", kind="chat", source="file", created_at=T0, request=request, truth=None
        ),
        replies=plain.replies,
        judgement=plain.judgement,
        started_at=T0,
        duration_ms=1.0,
    )
    await store.record(asked, netuid=NETUID, history=None, cursor=None)
    assert await recorded(store, "with tools") == asked


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=())), number=st.integers(0, 2**31))
async def test_any_text_of_a_miner_is_stored(store: Store, text: str, number: int) -> None:
    if await store.has_round(text):
        return
    judged = a_round(number, [a_reply(1, text=text, reason=text, tool_calls=({text: text},))], id=text)
    await store.record(judged, netuid=NETUID, history=None, cursor=None)
    stored = await recorded(store, text)
    assert stored is not None
    expected = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    assert stored.replies[0].text == expected
    assert stored.replies[0].tool_calls == ({text: text},)


async def test_an_unknown_round_is_none(store: Store) -> None:
    assert await recorded(store, "never") is None
    assert not await store.has_round("never")


async def test_recording_again_what_is_there_changes_nothing(store: Store) -> None:
    judged = a_round()
    await store.record(judged, netuid=NETUID, history=b"first", cursor=("synthetic", 1))
    await store.record(judged, netuid=NETUID, history=b"second", cursor=("synthetic", 2))
    assert await store.history(NETUID, "robust") == b"first"
    assert await store.cursor("synthetic") == 1
    assert (await store.tallies(NETUID))[hotkey(0)].rounds == 1


async def test_an_id_belongs_to_one_round(store: Store) -> None:
    await record(store, 0)
    with pytest.raises(StoreError, match="round-0"):
        await store.record(a_round(1, id="round-0"), netuid=NETUID, history=None, cursor=None)


async def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    broken = a_round(0, [a_reply(1), a_reply(2, ms=float("nan"))])
    with pytest.raises(StoreError):
        await store.record(broken, netuid=NETUID, history=b"after", cursor=("synthetic", 1))
    assert not await store.has_round("round-0")
    assert await store.cursor("synthetic") is None
    assert await store.history(NETUID, "robust") is None
    assert await store.tallies(NETUID) == {}
    await record(store, 0)
    assert await store.has_round("round-0")


@pytest.mark.parametrize("field", ["quality", "score", "emission"])
async def test_a_score_that_is_not_a_number_is_refused(store: Store, field: str) -> None:
    reply = a_reply(1)
    judged = a_round(0, [reply], [a_verdict(reply, **{field: float("inf")})])
    with pytest.raises(ValueError, match=f"{field} of {hotkey(1)} is inf"):
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
    poisoned = a_round(0, [reply], [a_verdict(reply, parts={"speed": float("nan")})])
    with pytest.raises(ValueError, match="speed"):
        await store.record(poisoned, netuid=NETUID, history=None, cursor=None)


async def test_recent_rounds_are_newest_first_and_light(store: Store) -> None:
    for number in range(4):
        await record(store, number)
    await store.record(a_round(9), netuid=1, history=None, cursor=None)
    recent = await store.recent_rounds(NETUID, 3)
    assert [judged.challenge.id for judged in recent] == ["round-3", "round-2", "round-1"]
    assert [(reply.ms, reply.text) for reply in recent[0].replies] == [(100.0, ""), (101.0, ""), (102.0, "")]
    assert recent[0].judgement == a_round(3).judgement


async def test_history_and_cursor_follow_the_rounds(store: Store) -> None:
    assert await store.history(NETUID, "robust") is None
    assert await store.cursor("synthetic") is None
    for number in range(2):
        await store.record(
            a_round(number), netuid=NETUID, history=f"after {number}".encode(), cursor=("synthetic", number + 1)
        )
    assert await store.history(NETUID, "robust") == b"after 1"
    assert await store.history(NETUID, "loosh") is None
    assert await store.history(1, "robust") is None
    assert await store.cursor("synthetic") == 2
    await store.set_cursor("synthetic", 7)
    assert await store.cursor("synthetic") == 7


async def test_tallies_count_answers_and_failures(store: Store) -> None:
    await record(store, 0, a_reply(1), a_reply(2, status="refused", reason="HTTP 403"))
    await record(store, 1, a_reply(1, status="timeout"), a_reply(2, status="timeout"))
    assert await store.tallies(NETUID) == {
        hotkey(1): Tally(rounds=2, answered=1, failed=1, failures_in_a_row=1, last_answer_at=T0, last_emission=0.0),
        hotkey(2): Tally(rounds=2, failed=2, failures_in_a_row=2, last_emission=0.0),
    }
    await record(store, 2, a_reply(2))
    assert (await store.tallies(NETUID))[hotkey(2)] == Tally(
        rounds=3, answered=1, failed=2, last_answer_at=T0 + 120, last_emission=0.5
    )


async def test_the_store_counts_as_the_tally_does(store: Store) -> None:
    statuses: tuple[ReplyStatus, ...] = ("ok", "timeout", "cancelled")
    courses = list(product(statuses, repeat=3))
    expected = [Tally()] * len(courses)
    for number in range(3):
        replies = [a_reply(uid, status=course[number]) for uid, course in enumerate(courses)]
        await record(store, number, *replies)
        expected = [
            tally.after(reply.status, a_verdict(reply).emission, T0 + 60 * number)
            for tally, reply in zip(expected, replies, strict=True)
        ]
    assert await store.tallies(NETUID) == {hotkey(uid): tally for uid, tally in enumerate(expected) if tally.rounds}


async def test_a_reply_that_we_cancelled_counts_for_nothing(store: Store) -> None:
    await record(store, 0, a_reply(1), a_reply(2, status="cancelled", reason="we stop"))
    assert set(await store.tallies(NETUID)) == {hotkey(1)}
    assert set(await store.samples_by_hotkey(NETUID, PROFILE, 0.0, 10)) == {hotkey(1)}
    stored = await recorded(store, "round-0")
    assert stored is not None
    assert [reply.status for reply in stored.replies] == ["ok", "cancelled"]


async def test_a_miss_is_a_sample_under_robust_and_none_under_loosh(store: Store) -> None:
    replies = [a_reply(1), a_reply(2, status="timeout")]
    await record(store, 0, *replies)
    judged = a_round(1, replies)
    loosh = replace(judged, judgement=replace(judged.judgement, profile="loosh"))
    await store.record(loosh, netuid=NETUID, history=None, cursor=None)
    samples = await store.samples_by_hotkey(NETUID, PROFILE, 0.0, 10)
    assert {name: len(found) for name, found in samples.items()} == {hotkey(1): 1, hotkey(2): 1}
    samples = await store.samples_by_hotkey(NETUID, "loosh", 0.0, 10)
    assert {name: len(found) for name, found in samples.items()} == {hotkey(1): 1}


async def test_emissions_are_the_newest_samples_in_time_order(store: Store) -> None:
    for number in range(5):
        failed = number == 3
        await record(store, number, a_reply(1, status="timeout" if failed else "ok"))
    samples = await store.samples_by_hotkey(NETUID, PROFILE, T0 + 30, 3)
    assert samples == {hotkey(1): [(T0 + 120, 0.5), (T0 + 180, 0.0), (T0 + 240, 0.5)]}
    assert await store.samples_by_hotkey(NETUID, PROFILE, T0 + 1000, 3) == {}
    assert await store.samples_by_hotkey(1, PROFILE, 0.0, 3) == {}


async def test_subnets_are_counted_apart(store: Store) -> None:
    await record(store, 0, a_reply(1))
    await store.record(a_round(1, [a_reply(1)]), netuid=1, history=None, cursor=None)
    assert (await store.tallies(NETUID))[hotkey(1)].rounds == 1
    assert len((await store.samples_by_hotkey(1, PROFILE, 0.0, 10))[hotkey(1)]) == 1


async def test_commands_are_logged_newest_first(store: Store) -> None:
    await store.log_command(T0, "set_weights", "", "ok", "")
    await store.log_command(T0 + 1, "register", "uid 3", "rejected", "TooManyRegistrationsThisBlock: wait")
    newest, older = await store.recent_commands(10)
    assert (newest.name, newest.outcome, newest.at) == ("register", "rejected", T0 + 1)
    assert older.name == "set_weights"
    assert await store.recent_commands(1) == (newest,)


async def test_questions_from_outside_are_found_again_by_lot(store: Store) -> None:
    store._users_s = math.inf
    assert await store.challenge_from_outside(NETUID, 0.5) is None
    for number, source in enumerate(("synthetic", "organic", "file", "replay", "organic")):
        judged = a_round(number)
        judged = replace(judged, challenge=replace(judged.challenge, source=source))
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
    found = [await store.challenge_from_outside(NETUID, lot) for lot in (0.0, 0.4, 0.999)]
    assert [one.id for one in found if one] == ["round-1", "round-2", "round-4"]
    assert found[1] == replace(a_round(2).challenge, source="file")
    assert await store.challenge_from_outside(1, 0.5) is None


async def test_when_probes_were_asked(store: Store) -> None:
    for number in range(4):
        judged = a_round(number)
        judged = replace(judged, challenge=replace(judged.challenge, truth="42" if number % 2 else None))
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
    assert await store.probes_asked(NETUID, 0.0, T0 + 999) == [T0 + 60, T0 + 180]
    assert await store.probes_asked(NETUID, T0 + 60, T0 + 999) == [T0 + 180]
    assert await store.probes_asked(NETUID, 0.0, T0 + 60) == [T0 + 60], "the others are from the future"
    assert await store.probes_asked(1, 0.0, T0 + 999) == []
