"""One challenge to many miners over real sockets: whatever a miner does, there is a reply with a reason, in time."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from engine.transport.callers import Callers
from engine.validator.dispatch import BYTES_A_TOKEN, Dispatch, bounded
from engine.validator.selection import Candidate, Refusals
from engine.values import Neuron, Peer, Reply, ReplyStatus, Request
from tests.unit.engine_helpers import Obliging, until
from tests.unit.store_helpers import a_reply
from tests.unit.transport_helpers import ALICE, BOB, ForeignMiner, Received, challenge, clear_answer, http_server, reply

LIMIT = 8192
Misdeed = Callable[[Fernet], bytes | Awaitable[bytes | None]]


def a_candidate(peer: Peer, uid: int = 7) -> Candidate:
    return Candidate(Neuron(uid=uid, hotkey=peer.hotkey, coldkey="cold", ip=peer.host, port=peer.port), peer)


@asynccontextmanager
async def a_dispatch(
    *, timeout: float = 5.0, round_timeout: float = 10.0, refusals: Refusals | None = None
) -> AsyncIterator[Dispatch]:
    caller = Callers(ALICE, allow_private=True)
    try:
        yield Dispatch(caller, timeout=timeout, round_timeout=round_timeout, refusals=refusals)
    finally:
        await caller.close()


async def asked(
    dispatch: Dispatch, *miners: Candidate, on_reply: Callable[[Reply], None] = lambda _: None
) -> tuple[Reply, ...]:
    return await dispatch.ask(challenge(), miners, reply_limit=LIMIT, on_reply=on_reply)


async def reply_of(miner: ForeignMiner, *, timeout: float = 5.0) -> Reply:
    async with http_server(miner) as peer, a_dispatch(timeout=timeout) as dispatch:
        (got,) = await asked(dispatch, a_candidate(peer))
        assert (got.uid, got.hotkey, got.coldkey, got.ip) == (7, BOB.ss58_address, "cold", "127.0.0.1")
        return got


def sealed(clear: bytes) -> Misdeed:
    return lambda fernet: reply(200, fernet.encrypt(clear))


def completion(text: str) -> bytes:
    return json.dumps({"response_text": text}).encode()


async def silence(_: Fernet) -> bytes | None:
    await asyncio.Event().wait()
    return None


async def hang_up(_: Fernet) -> bytes | None:
    return None


def flood(_: Fernet) -> bytes:
    return b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + bytes(20 * LIMIT)


def announced_100_mb(_: Fernet) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + bytes(1000)


def bomb(_: Fernet) -> bytes:
    return reply(200, gzip.compress(bytes(5_000_000)), content_encoding="gzip")


def redirect(_: Fernet) -> bytes:
    return reply(307, b"", location="http://169.254.169.254/latest/meta-data")


NESTED = b'{"response_text": ' + b"[" * 1000 + b"]" * 1000 + b"}"


async def test_a_busy_miner_is_excused_twice_and_then_silent_until_it_answers() -> None:
    miner, refusals = ForeignMiner(), Refusals()
    miner.answer = lambda _: reply(429, {"detail": "Rate limit exceeded"}, Retry_After="7")
    said = "challenge: 429: Rate limit exceeded"
    async with http_server(miner) as peer, a_dispatch(refusals=refusals) as dispatch:
        got = [(await asked(dispatch, a_candidate(peer)))[0] for _ in range(3)]
        assert [(one.status, one.reason) for one in got] == [
            ("cancelled", f"{said}; busy, not asked again for 7 s"),
            ("cancelled", f"{said}; busy, not asked again for 7 s"),
            ("refused", f"{said}; refused 3 times in a row"),
        ]
        assert 0 < refusals.rest_of(BOB.ss58_address, time.monotonic()) <= 7
        miner.answer = miner.honest
        assert (await asked(dispatch, a_candidate(peer)))[0].status == "ok"
        for _ in range(40):
            await asked(dispatch, a_candidate(peer))
        miner.answer = lambda _: reply(429, {"detail": "Rate limit exceeded"})
        (got_again,) = await asked(dispatch, a_candidate(peer))
        assert got_again.status == "cancelled"


async def test_a_miner_that_is_too_busy_for_a_handshake_is_excused_as_well() -> None:
    async def busy(_: Received) -> bytes:
        return reply(429, {"detail": "Rate limit exceeded"})

    async with http_server(busy) as peer, a_dispatch() as dispatch:
        (got,) = await asked(dispatch, a_candidate(peer))
    assert (got.status, got.reason.partition(";")[0]) == ("cancelled", "public key: 429: Rate limit exceeded")


@pytest.mark.parametrize(
    ("misdeed", "status", "reason"),
    [
        (hang_up, "unreachable", "closed"),
        (lambda _: b"\x00\xff garbage \r\n\r\n", "malformed", "HTTP"),
        (lambda _: reply(200, bytes(range(256))), "malformed", "decrypt"),
        (flood, "too_large", str(LIMIT)),
        (announced_100_mb, "too_large", "100000000"),
        (bomb, "malformed", "compressed"),
        (redirect, "malformed", "redirect"),
        (sealed(b"[1, 2]"), "malformed", "object"),
        (sealed(b'{"response_text": 42}'), "malformed", "response_text"),
        (sealed(b'{"text": "42"}'), "malformed", "response_text"),
        (sealed(b'{"response_text": "42", "usage": {"total_tokens": NaN}}'), "malformed", "JSON"),
        (sealed(NESTED), "malformed", "nested|depth"),
        (sealed(b'{"response_text": "\xff\xfe"}'), "malformed", "JSON"),
        (lambda _: reply(503, {"detail": "busy \x1b]52;c;aGk=\x07 now"}), "refused", "503: busy"),
        (lambda _: reply(200, Fernet(Fernet.generate_key()).encrypt(clear_answer("42"))), "malformed", "decrypt"),
    ],
)  # fmt: skip
async def test_a_misdeed_is_a_reply_with_a_reason(misdeed: Misdeed, status: ReplyStatus, reason: str) -> None:
    miner = ForeignMiner()
    miner.answer = misdeed
    got = await reply_of(miner)
    assert got.status == status, got
    assert any(word in got.reason for word in reason.split("|")), got
    assert got.reason.isprintable()
    assert (got.text, got.ms) == ("", 0.0)


async def test_control_characters_in_an_answer_are_kept_as_they_came() -> None:
    miner = ForeignMiner()
    miner.answer = sealed(completion("42 \x1b[2J\x00 \u202e \ud83d\ude00"))
    got = await reply_of(miner)
    assert got.status == "ok"
    assert got.text == "42 \x1b[2J\x00 \u202e 😀"


async def test_a_miner_that_sends_nothing_costs_its_own_time_and_no_more() -> None:
    miner = ForeignMiner()
    miner.answer = silence
    began = time.monotonic()
    got = await reply_of(miner, timeout=0.3)
    assert (got.status, got.reason) == ("timeout", "no complete answer within 0.3 s")
    assert time.monotonic() - began < 15


async def test_a_slow_drip_does_not_stretch_the_deadline() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n")
            while True:
                writer.write(b" ")
                await asyncio.sleep(0.02)
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    peer = Peer(BOB.ss58_address, "127.0.0.1", server.sockets[0].getsockname()[1])
    began = time.monotonic()
    async with a_dispatch(timeout=0.4) as dispatch:
        (got,) = await asked(dispatch, a_candidate(peer))
    server.close()
    assert got.status == "timeout"
    assert time.monotonic() - began < 15


async def test_nobody_listens() -> None:
    async with http_server(ForeignMiner()) as peer:
        pass
    async with a_dispatch() as dispatch:
        (got,) = await asked(dispatch, a_candidate(peer))
    assert got.status == "unreachable"
    assert "refused" in got.reason.lower()


async def test_the_round_ends_for_all_at_once_and_nobody_is_left_out() -> None:
    slow, quick = ForeignMiner(), ForeignMiner()
    slow.answer = silence
    counted: list[Reply] = []
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(http_server(miner)) for miner in (slow, quick, slow)]
        dispatch = await stack.enter_async_context(a_dispatch(timeout=30, round_timeout=2))
        began = time.monotonic()
        replies = await asked(
            dispatch, *(a_candidate(peer, uid) for uid, peer in enumerate(peers)), on_reply=counted.append
        )
        assert time.monotonic() - began < 15
    assert [(got.uid, got.status) for got in replies] == [(0, "timeout"), (1, "ok"), (2, "timeout")]
    assert replies[0].reason == "no answer within the round's 2 s"
    assert replies[1].text == "foreign 42"
    assert counted == [replies[1]], "whoever answers is counted as soon as that is so"


async def test_what_nobody_foresaw_is_a_reply_too() -> None:
    caller = Obliging()
    caller.answers["hk"] = ZeroDivisionError("oh")
    dispatch = Dispatch(caller, timeout=30, round_timeout=30)
    (got,) = await asked(dispatch, a_candidate(Peer("hk", "127.0.0.1", 9)))
    assert (got.status, got.reason) == ("malformed", "ZeroDivisionError while reading the reply")


async def test_a_cancelled_round_ends_its_exchanges_and_leaves_the_miner_free() -> None:
    miner = ForeignMiner()
    miner.answer = silence
    async with http_server(miner) as peer, a_dispatch(timeout=30, round_timeout=30) as dispatch:
        before = asyncio.all_tasks()
        round_ = asyncio.create_task(asked(dispatch, a_candidate(peer)))
        await until(lambda: miner.asked)
        round_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await round_
        left = {task for task in asyncio.all_tasks() - before if not task.done() and "serve" not in str(task)}
        assert not left
        miner.answer = miner.honest
        (got,) = await asked(dispatch, a_candidate(peer))
        assert got.status == "ok"


async def test_a_round_without_miners_is_over() -> None:
    async with a_dispatch() as dispatch:
        assert await asked(dispatch) == ()


async def test_an_answer_is_no_longer_than_what_was_asked_for() -> None:
    asked_for = Request(prompt="What is 41 plus 1?", max_tokens=200)
    limit = 200 * BYTES_A_TOKEN
    long = a_reply(1, text="\N{SNOWMAN}" * limit)
    cut = bounded(long, limit)
    assert limit - 3 < len(cut.text.encode()) <= limit and set(cut.text) == {"\N{SNOWMAN}"}
    assert bounded(a_reply(1, text="42"), limit) == a_reply(1, text="42")
    call = {"function": {"name": "add", "arguments": "x" * limit}}
    refused = bounded(a_reply(1, tool_calls=(call,)), limit)
    tokens = [{"token": "4", "logprob": -0.5, "top_logprobs": []}]
    assert bounded(a_reply(1, logprobs={"content": tokens}), limit).logprobs == {"content": tokens}
    assert bounded(a_reply(1, text="42", logprobs={"content": tokens * 10_000}), limit) == a_reply(1, text="42")
    assert (refused.status, refused.tool_calls, refused.text) == ("too_large", (), "")
    miner = ForeignMiner()
    miner.answer = sealed(completion("word " * 20_000))
    async with http_server(miner) as peer, a_dispatch() as dispatch:
        question = replace(challenge(), request=asked_for)
        [got] = await dispatch.ask(question, [a_candidate(peer)], reply_limit=2**20, on_reply=lambda _: None)
    assert got.status == "ok" and len(got.text) == limit
