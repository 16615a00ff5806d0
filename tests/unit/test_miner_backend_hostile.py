"""Model servers that misbehave while they answer, over real connections: garbage, no end, false counts."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from engine.values import Request
from miner_server.backends import kept_connections
from miner_server.backends.openai import OpenAIBackend
from miner_server.errors import BackendError
from tests.unit.effort import effort

QUESTION = Request(prompt="Hello?", max_tokens=10)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
END = b"data: [DONE]\n\n"


def event(content: str | None = None, **fields: object) -> bytes:
    choice = {"index": 0, "delta": {} if content is None else {"content": content}}
    return b"data: %b\n\n" % json.dumps({"choices": [choice], **fields}, ensure_ascii=False).encode()


def whole(content: str, **fields: object) -> bytes:
    choice = {"index": 0, "message": {"content": content}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], **fields}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Rogue:
    """Answers each request with the next of `replies`, or one `in_pieces` with all, and then repeats what is `endless`.

    It closes the connection after a reply if it `hangs_up`; `is_closed` once it has closed one.
    """

    def __init__(self, *replies: bytes, hangs_up: bool = True, in_pieces: bool = False) -> None:
        self.replies = list(replies)
        self.hangs_up = hangs_up
        self.in_pieces = in_pieces
        self.connections = 0
        self.is_closed = asyncio.Event()
        self.endless = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while self.replies:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(self.replies.pop(0))
                while self.in_pieces and self.replies:
                    await asyncio.sleep(0.01)  # until the first piece has gone out by itself
                    writer.write(self.replies.pop(0))
                while self.endless:
                    writer.write(self.endless)
                    await writer.drain()
                if self.hangs_up:
                    break
            await writer.drain()
        writer.close()
        self.is_closed.set()


@asynccontextmanager
async def asking(rogue: Rogue) -> AsyncIterator[OpenAIBackend]:
    async with await asyncio.start_server(rogue.serve, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        backend = OpenAIBackend("openai", url, model="m", tries_again=False)
        yield backend
        await backend.close()


async def streamed(backend: OpenAIBackend, heard: list[str], timeout: float = 10) -> str:
    hear: Callable[..., None] = lambda text, _=(): heard.append(text)  # noqa: E731
    async with asyncio.timeout(timeout):
        return (await backend.complete(QUESTION, timeout=timeout, on_text=hear)).text


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe" * 500,
        b"data: {\n\ndata: ]\n\n" * 50,
        b"<html>busy</html>",
        b"data: 7\n\ndata: null\n\ndata: []\n\n" + END,
        b"event: ping\n\n: nothing\n\n" * 20,
    ],
    ids=["bytes", "broken JSON", "a page", "values", "comments"],
)
async def test_garbage_in_place_of_events_is_a_failure(garbage: bytes) -> None:
    heard: list[str] = []
    async with asking(Rogue(STREAM + garbage)) as backend:
        with pytest.raises(BackendError):
            await streamed(backend, heard)
    assert heard == []


async def test_garbage_between_events_is_left_out_and_what_breaks_off_is_a_failure() -> None:
    heard: list[str] = []
    noise = b"data: {\xff\n\nid: 7\nretry: x\n\n"
    async with asking(Rogue(STREAM + event("a") + noise + event("b") + END, STREAM + event("a"))) as backend:
        assert await streamed(backend, heard) == "ab"
        with pytest.raises(BackendError, match="broke off"):
            await streamed(backend, heard)
    assert heard == ["a", "b", "a"]


async def test_a_character_cut_in_two_is_put_together_and_half_of_one_is_shown_as_such() -> None:
    heard: list[str] = []
    start, rest = event("grün").split("ü".encode()[1:])
    async with asking(Rogue(STREAM + start, "ü".encode()[1:] + rest + END, in_pieces=True)) as backend:
        assert await streamed(backend, heard) == "grün"
    broken = event("grün").replace("ü".encode(), b"\xc3")
    async with asking(Rogue(STREAM + broken + END)) as backend:
        assert await streamed(backend, heard) == "gr\ufffdn"


async def test_a_megabyte_in_one_event_is_read_at_once() -> None:
    heard: list[str] = []
    async with asking(Rogue(STREAM + event("x" * (1 << 20)) + END)) as backend:
        with effort(at_most=1):
            assert len(await streamed(backend, heard)) == 1 << 20
    assert sum(map(len, heard)) == 1 << 20


@pytest.mark.parametrize("endless", [event("and "), b": still here\n\n", b"data: ", b"x" * 999], ids=repr)
async def test_a_stream_without_end_is_cut_off(endless: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_connections, "MAX_REPLY_BYTES", 200_000)
    heard: list[str] = []
    rogue = Rogue(STREAM)
    rogue.endless = endless
    async with asking(rogue) as backend:
        with pytest.raises(BackendError, match="larger than"):
            await streamed(backend, heard)
    assert sum(map(len, heard)) < 400_000


async def test_a_stream_that_is_never_finished_holds_nothing_once_its_caller_has_gone() -> None:
    rogue = Rogue(STREAM + event("a"), b"", hangs_up=False)
    async with asking(rogue) as backend:
        with pytest.raises(TimeoutError):
            await streamed(backend, [], timeout=0.1)
        async with asyncio.timeout(10):
            await rogue.is_closed.wait()
        assert backend.speed.running == 0


@pytest.mark.parametrize("more", [whole("another's"), b"late", STREAM], ids=["a reply", "bytes", "a stream"])
async def test_what_comes_after_a_reply_answers_no_later_request(more: bytes) -> None:
    """Neither in one write with the reply nor after it."""
    rogue = Rogue(whole("first") + more, whole("second"), hangs_up=False)
    async with asking(rogue) as backend:
        assert (await backend.complete(QUESTION, timeout=5)).text == "first"
        assert (await backend.complete(QUESTION, timeout=5)).text == "second"
    assert rogue.connections == 2


async def test_a_choice_for_somebody_else_in_the_stream_is_not_told() -> None:
    other = json.dumps({"choices": [{"index": 1, "delta": {"content": "no"}}]}).encode()
    heard: list[str] = []
    async with asking(Rogue(STREAM + event("yes") + b"data: %b\n\n" % other + END)) as backend:
        assert await streamed(backend, heard) == "yes"
    assert heard == ["yes"]


async def test_a_model_that_changes_is_told_to_the_operator_once(caplog: pytest.LogCaptureFixture) -> None:
    replies = [whole("x", model=name) for name in ("m-1", "m-1", "other\x1b[2J", "other\x1b[2J")]
    async with asking(Rogue(*replies, hangs_up=False)) as backend:
        with caplog.at_level(logging.WARNING):
            for _ in replies:
                await backend.complete(QUESTION, timeout=5)
    (told,) = [one.getMessage() for one in caplog.records if "changed its model" in one.getMessage()]
    assert "answers as other" in told and "previously as m-1" in told and "\x1b" not in told


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 10**15, "total_tokens": 1}, (5, 10, 15)),
        ({"prompt_tokens": 2**52, "completion_tokens": 1, "total_tokens": 3}, (2**31, 1, 2**31 + 1)),
        ({"prompt_tokens": -5, "completion_tokens": "many", "total_tokens": float("nan")}, ()),
        ({"prompt_tokens": 5, "completion_tokens": True, "total_tokens": 7.5}, (5,)),
        ({"completion_tokens": 3, "total_tokens": 999}, (3, 3)),
        ("none", ()),
    ],
    ids=str,
)
async def test_counts_that_cannot_be_true_reach_nobody(usage: object, told: tuple[int, ...]) -> None:
    async with asking(Rogue(whole("x", usage=usage))) as backend:
        assert tuple((await backend.complete(QUESTION, timeout=5)).usage.values()) == told
