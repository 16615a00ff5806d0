"""Answers that are passed on while the model gives them: a model server's events, our miner, our validator's end."""

import asyncio
import base64
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface import Keypair

from engine.redaction import HIDDEN, keys
from engine.transport.callers import Callers
from engine.transport.dialect import Dialect, TimedAnswer
from engine.transport.dialects import btauth
from engine.transport.dialects.btauth import BTAUTH
from engine.transport.dialects.fiber import FIBER
from engine.transport.dialects.own import OWN
from engine.transport.errors import WireError
from engine.values import Challenge, Peer, Request
from miner_server.backends.events import Events
from miner_server.backends.interface import PROOF
from miner_server.backends.openai import OpenAIBackend
from miner_server.backends.spoken import Spoken
from miner_server.errors import BackendError
from miner_server.limits import Limits
from miner_server.pool import Member, Pool
from miner_server.server import MinerServer
from miner_server.stream import ReplyStream
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ALICE, MINER, make_server, running

KEY = "sk-0123456789abcdefSECRET"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
MODELS = b'{"data": [{"id": "tiny"}]}'
YES = b'{"choices": [{"message": {"content": "Yes."}}]}'
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"
BODY = b'{"prompt": "Hello?"}'


def event(content: str | None = None, **choice: object) -> bytes:
    delta = {} if content is None else {"content": content}
    return b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta, **choice}]}).encode()


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}\n\n'
STOP = event(finish_reason="stop")


class Speaker:
    """A model server whose answers a test gives: `say` writes one, after its head. `asked` holds the bodies, without
    those that make sure that it answers."""

    def __init__(self, say: Callable[["Speaker", asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._say = say
        self.asked: list[dict[str, object]] = []
        self.left = asyncio.Event()
        self.go_on = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(MODELS), MODELS))
                    continue
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                if asked["messages"][0]["content"] == PROOF.prompt:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(YES), YES))
                    continue
                self.asked.append(asked)
                writer.write(HEAD)
                gone = asyncio.create_task(self._note_leaving(reader))
                await self._say(self, writer)
                gone.cancel()
                await asyncio.wait([gone])
        writer.close()

    async def _note_leaving(self, reader: asyncio.StreamReader) -> None:
        try:
            gone = await reader.read(1) == b""
        except OSError:
            gone = True
        if gone:
            self.left.set()


STREAMING = pytest.mark.parametrize("dialect", [FIBER, BTAUTH, OWN], ids=lambda dialect: dialect.name)


@asynccontextmanager
async def speaking(say: Callable[[Speaker, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[Speaker]:
    speaker = Speaker(say)
    async with await asyncio.start_server(speaker.serve, "127.0.0.1", 0) as listening:
        speaker.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        yield speaker


@asynccontextmanager
async def mining(
    speaker: Speaker, limits: Limits | None = None, dialect: Dialect = OWN, *, beside: Speaker | None = None
) -> AsyncIterator[tuple[MinerServer, Callers]]:
    backends = [OpenAIBackend("openai", one.url, api_key=KEY) for one in (speaker, beside) if one is not None]
    backend = Pool([Member(one, "") for one in backends]) if beside else backends[0]
    async with running(make_server(backend, limits=limits, spoken=[dialect])) as miner:
        await until(lambda: miner.view().ready)
        callers = Callers(ALICE, usual=dialect.name, allow_private=True)
        try:
            yield miner, callers
        finally:
            await callers.close()


async def ask(miner: MinerServer, callers: Callers, on_text: Callable[[str], None]) -> TimedAnswer:
    host, port = miner.address
    challenge = Challenge(id="1", kind="chat", source="synthetic", created_at=1.0, request=Request(prompt="Hello?"))
    peer = Peer(MINER.ss58_address, host, port)
    return await callers.ask(peer, challenge, timeout=20, max_bytes=1 << 24, on_text=on_text)


@STREAMING
async def test_each_piece_reaches_the_caller_before_the_next_is_given(dialect: Dialect) -> None:
    texts: list[str] = []

    async def say(_: Speaker, writer: asyncio.StreamWriter) -> None:
        for number, piece in enumerate(("One ", "two ", "thrée ")):
            writer.write(chunk(event(piece)))
            await until(lambda: len(texts) > number)  # noqa: B023 (it waits in this turn)
        writer.write(chunk(event(finish_reason="length") + USAGE + DONE) + END)

    async with speaking(say) as speaker, mining(speaker, dialect=dialect) as (miner, callers):
        answer = await ask(miner, callers, texts.append)
        assert "".join(texts) == answer.completion.text == "One two thrée "
        assert texts[:3] == ["One ", "two ", "thrée "]
        assert answer.completion.finish_reason == "length"
        assert answer.completion.usage == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        assert speaker.asked[0]["stream"] is True
        last = miner.view().requests[-1]
        assert (last.answer, last.dialect) == ("One two thrée ", dialect.name)


@STREAMING
async def test_a_caller_that_leaves_ends_the_model_servers_work(dialect: Dialect) -> None:
    texts: list[str] = []

    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk(event("Once upon ")))
        await speaker.left.wait()

    async with speaking(say) as speaker, mining(speaker, dialect=dialect) as (miner, callers):
        asking = asyncio.create_task(ask(miner, callers, texts.append))
        await until(lambda: texts)
        asking.cancel()
        await asyncio.wait_for(speaker.left.wait(), 30)
        await until(lambda: miner.view().statuses.get(499) == 1)
        assert miner.view().in_flight == 0


@STREAMING
async def test_a_caller_that_leaves_before_the_first_word_ends_the_model_servers_work_too(dialect: Dialect) -> None:
    async def say(speaker: Speaker, _: asyncio.StreamWriter) -> None:
        await speaker.left.wait()

    async with speaking(say) as speaker, mining(speaker, dialect=dialect) as (miner, callers):
        asking = asyncio.create_task(ask(miner, callers, lambda _: None))
        await until(lambda: speaker.asked)
        asking.cancel()
        await asyncio.wait_for(speaker.left.wait(), 30)
        await until(lambda: miner.view().statuses.get(499) == 1)
        assert miner.view().in_flight == 0


def head_of(keypair: Keypair, path: str, body: bytes) -> bytes:
    """A signed challenge as the SDK sends it."""
    nonce, sender, receiver = str(time.time_ns()), keypair.ss58_address, MINER.ss58_address
    signature = keypair.sign(btauth.signed_lines("POST", path, body, nonce, sender, receiver)).hex()
    headers = {
        "Host": "miner", "Content-Length": str(len(body)), btauth.VERSION_HEADER: "1", btauth.HOTKEY_HEADER: sender,
        btauth.RECEIVER_HEADER: receiver, btauth.NONCE_HEADER: nonce, btauth.SIGNATURE_HEADER: signature,
    }  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode()


async def unread(miner: MinerServer, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A caller that has asked and reads nothing."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, miner.address)
    reader, writer = await asyncio.open_connection(sock=narrow, limit=1)
    writer.write(head_of(ALICE, path, BODY) + BODY)
    return reader, writer


async def test_a_caller_that_reads_nothing_costs_a_bounded_stream_and_its_slot_only_until_the_answer_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("miner_server.stream.MOST_UNSENT", 300_000)
    held: list[int] = []
    put = ReplyStream.put

    def counted(stream: ReplyStream, *piece: Any) -> None:
        put(stream, *piece)
        held.append(sum(map(len, stream._unsent)))

    monkeypatch.setattr(ReplyStream, "put", counted)

    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            for _ in range(80):
                writer.write(chunk(event("x" * 50_000)))
                await writer.drain()
            writer.write(chunk(STOP + DONE) + END)

    async with speaking(say) as speaker, mining(speaker, Limits(capacity=1), BTAUTH) as (miner, callers):
        _, writer = await unread(miner, "/challenge/stream")
        await until(lambda: miner.view().statuses.get(499) == 1)
        last = miner.view().requests[-1]
        assert (last.reason, miner.view().in_flight) == ("the caller read its answer too slowly", 0)
        assert max(held) <= 300_000
        speaker._say = _hello
        assert (await ask(miner, callers, lambda _: None)).completion.text == "Hi.", "the slot is free"
        writer.close()


async def _hello(_: Speaker, writer: asyncio.StreamWriter) -> None:
    writer.write(chunk(event("Hi.") + STOP + DONE) + END)


@pytest.mark.parametrize("path", ["/challenge", "/challenge/stream"])
async def test_a_caller_that_reads_a_byte_now_and_then_is_hung_up_on_in_time(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miner_server.endpoint.READ_S", 0.5)

    async def say(_: Speaker, writer: asyncio.StreamWriter) -> None:
        for _piece in range(60):
            writer.write(chunk(event("x" * 100_000)))
        writer.write(chunk(STOP + DONE) + END)

    monkeypatch.setattr("miner_server.stream.MOST_UNSENT", 1 << 24)
    async with speaking(say) as speaker, mining(speaker, Limits(capacity=1), BTAUTH) as (miner, callers):
        before = len(miner._listener._places)
        reader, writer = await unread(miner, path)
        await until(lambda: miner.view().statuses.get(200) == 1)
        assert miner.view().in_flight == 0, "the backend is free at once"
        got = 0
        async with asyncio.timeout(60):
            while len(miner._listener._places) > before:
                got += len(await reader.read(1))
                await asyncio.sleep(0.01)
        assert got < 60 * 100_000, "its connection would have been kept for the next request"
        writer.close()
        speaker._say = _hello
        assert (await ask(miner, callers, lambda _: None)).completion.text == "Hi."


async def test_an_answer_that_stalls_ends_at_the_deadline_and_is_not_taken_for_whole() -> None:
    """In a dialect whose pieces are not sealed, and would each pass for an answer."""
    texts: list[str] = []

    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk(event("It is ")))
        await speaker.left.wait()

    async with speaking(say) as speaker, mining(speaker, Limits(answer_s=1.5), FIBER) as (miner, callers):
        with pytest.raises(WireError):
            await ask(miner, callers, texts.append)
        await asyncio.wait_for(speaker.left.wait(), 30)
        assert (texts, miner.view().statuses.get(504), miner.view().in_flight) == (["It is "], 1, 0)


@pytest.mark.parametrize(
    "end",
    [
        b"",
        chunk(b'data: {"error": {"message": "out of memory", "code": 500}}\n\n') + END,
        chunk(b"data: {nonsense\n\n" * 50) + END,
        b"no chunk at all",
    ],
    ids=["hangs up", "error", "garbage", "no http"],
)
async def test_an_answer_that_breaks_off_is_not_an_answer_and_is_not_begun_again(
    end: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    texts: list[str] = []

    async def say(_: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk(event("It is ")))
        await until(lambda: texts)
        writer.write(end)
        writer.close()

    async with speaking(say) as speaker, mining(speaker) as (miner, callers):
        with pytest.raises(WireError):
            await ask(miner, callers, texts.append)
        assert (texts, len(speaker.asked)) == (["It is "], 1)
        view = miner.view()
        assert sum(view.statuses[code] for code in view.statuses if code >= 500) == 1
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@STREAMING
async def test_when_one_of_two_backends_dies_in_the_middle_nobody_hears_the_other_ones_end(dialect: Dialect) -> None:
    texts: list[str] = []

    async def dies(_: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk(event("It is ")))
        await until(lambda: texts)
        writer.close()

    async def speaks(_: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk(event("Forty-two.") + STOP + USAGE + DONE) + END)

    async with (
        speaking(dies) as dying,
        speaking(speaks) as sound,
        mining(dying, dialect=dialect, beside=sound) as (miner, callers),
        asyncio.timeout(20),
    ):
        heard: list[str] = []
        while not (dying.asked and heard):
            with suppress(WireError):
                heard.append((await ask(miner, callers, texts.append)).completion.text)
        assert set(heard) == {"Forty-two."}
        assert texts.count("It is ") == len(dying.asked)


async def test_an_answer_without_end_ends_at_the_deadline() -> None:
    texts: list[str] = []

    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while not speaker.left.is_set():
                writer.write(chunk(event("and so on ")))
                await asyncio.sleep(0.005)

    async with speaking(say) as speaker, mining(speaker, Limits(answer_s=0.3)) as (miner, callers):
        with pytest.raises(WireError):
            await ask(miner, callers, texts.append)
        await asyncio.wait_for(speaker.left.wait(), 30)
        assert texts and miner.view().statuses.get(504) == 1


async def test_a_server_that_never_ends_its_reply_has_said_all_with_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.backends.kept_connections.LINGER_S", 0.01)

    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.write(chunk(event("All.") + STOP + DONE))
        await speaker.left.wait()

    async with speaking(say) as speaker, mining(speaker) as (miner, callers):
        assert (await ask(miner, callers, lambda _: None)).completion.text == "All."


async def test_an_event_of_a_megabyte_passes_and_more_than_a_reply_may_have_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("miner_server.backends.kept_connections.MAX_REPLY_BYTES", 1_100_000)
    large = "x" * 1_000_000

    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        if len(speaker.asked) == 1:
            writer.write(chunk(event(large) + STOP + DONE) + END)
        else:
            with suppress(OSError):
                for _ in range(2):
                    writer.write(chunk(event(large)))
                    await writer.drain()

    async with speaking(say) as speaker, mining(speaker) as (miner, callers):
        assert (await ask(miner, callers, lambda _: None)).completion.text == large
        with pytest.raises(WireError):
            await ask(miner, callers, lambda _: None)
        assert miner.view().statuses.get(502) == 1


async def test_many_at_once_are_not_mixed_up() -> None:
    async def say(speaker: Speaker, writer: asyncio.StreamWriter) -> None:
        number = len(speaker.asked)
        for piece in range(5):
            writer.write(chunk(event(f"{number}.{piece} ")))
            await asyncio.sleep(0)
        writer.write(chunk(STOP + DONE) + END)

    async with speaking(say) as speaker, mining(speaker, Limits(capacity=40, queue_per_caller=40)) as (miner, callers):
        answers = await asyncio.gather(*(ask(miner, callers, lambda _: None) for _ in range(40)))
        told = sorted(answer.completion.text for answer in answers)
        assert told == sorted("".join(f"{number}.{piece} " for piece in range(5)) for number in range(1, 41))


async def test_a_server_that_does_not_stream_is_heard_anyway() -> None:
    texts: list[str] = []

    async def say(_: Speaker, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"data": [{"id": "tiny"}], "choices": [{"message": {"content": "Hi."}}]}'
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"POST"):
                    await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    speaker = Speaker(say)
    async with await asyncio.start_server(whole, "127.0.0.1", 0) as listening:
        speaker.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with mining(speaker) as (miner, callers):
            assert (await ask(miner, callers, texts.append)).completion.text == "Hi."
            assert texts == ["Hi."]


# -- bytes and secrets in pieces -------------------------------------------------------------------------------


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[begin:end] for begin, end in pairwise(bounds)]


@given(
    st.lists(st.text(max_size=6), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_events_are_the_same_however_their_bytes_are_cut(texts: list[str], places: list[int], end: str) -> None:
    lines = [f"data: {json.dumps({'choices': [{'delta': {'content': text}}]}, ensure_ascii=False)}" for text in texts]
    raw = "".join(f"{line}{end}{end}" for line in [*lines, "data: [DONE]"]).encode("utf-8", "surrogatepass")
    events = Events()
    read = [one for piece in cut(raw, places) for one in events.feed(piece)] + list(events.end())
    whole = Events()
    assert read == [*whole.feed(raw), *whole.end()]
    assert len(read) == len(texts) and events.have_ended


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    " ".join,
    "\n\n".join,
    lambda key: "".join(f"\\u{ord(one):04x}" for one in key),
    lambda key: "".join(f"%{ord(one):02x}" for one in key),
    lambda key: "".join(f"%25252525{ord(one):02x}" for one in key),
    lambda key: "".join(f"&amp;amp;#x{ord(one):04x};" for one in key),
    lambda key: base64.b64encode(b"." + key.encode()).decode(),
)


def told_in(pieces: Iterable[str], key: str = KEY) -> tuple[str, str]:
    """What has been passed on of an answer in these pieces by its end, and what is the whole of it then."""
    told: list[str] = []
    spoken = Spoken(lambda text, _=(): told.append(text), keys(key))
    text = ""
    for piece in pieces:
        spoken.hear(event(piece))
        text += piece
    return "".join(told), spoken.whole(text)


@given(
    st.text("ab c\\", max_size=12),
    st.text("de f", max_size=12),
    st.sampled_from(SPELLINGS),
    st.lists(st.integers(0, 10_000), max_size=60),
)
def test_a_key_is_in_no_text_however_it_is_spelt_and_cut(
    before: str, after: str, spelt: Callable[[str], str], places: list[int]
) -> None:
    text = f"{before}{spelt(KEY)}{after}"
    told, whole = told_in(piece.decode() for piece in cut(text.encode(), places))
    assert whole.startswith(told) and whole.startswith(before[:-3])
    assert keys(KEY).hide(whole) == whole and HIDDEN in whole


@pytest.mark.parametrize("before", ["", "It is ", "b\\", "sk"])
@pytest.mark.parametrize("place", range(len(SPELLINGS)))
def test_a_key_is_hidden_when_it_comes_letter_by_letter(place: int, before: str) -> None:
    told, whole = told_in(f"{before}{SPELLINGS[place](KEY)}, yes")
    assert told == whole and keys(KEY).hide(whole) == whole
    assert whole.startswith(before[:-1]) and whole.endswith(", yes") and whole.count(HIDDEN) == 1


@pytest.mark.parametrize(
    ("key", "part"),
    [("abcabcabcabcX", "abcabcabcabcaz"), ("0123456789ab-9abd-0", "0123456789abd!")],
)
def test_what_ends_a_part_of_a_key_may_begin_another_one(key: str, part: str) -> None:
    told, whole = told_in([part[:-1], part[-1], "."], key)
    assert HIDDEN in told and keys(key).hide(whole) == whole and whole.startswith(told)


def test_what_can_be_no_secret_is_not_waited_with() -> None:
    told: list[str] = []
    spoken = Spoken(lambda text, _=(): told.append(text), keys(KEY))
    for piece in ("I", " am", " you", " sk", "y"):
        spoken.hear(event(piece))
    assert told == ["I", " am", " you", " sk", "y"]


def test_an_answer_that_ends_otherwise_than_it_began_is_refused() -> None:
    spoken = Spoken(lambda *_: None, keys(""))
    spoken.hear(
        event("Yes") + event(".") + b'data: {"choices":[{"message":{"content":"No."},"finish_reason":"stop"}]}\n'
    )
    reply = spoken.reply()
    with pytest.raises(BackendError, match="another text"):
        spoken.whole(str(reply["choices"][0]["message"]["content"]))  # type: ignore[index]
