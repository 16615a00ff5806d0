"""A request between the server and its route, message by message: what is read, when it ends, and what is sent back."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from engine.transport.dialect import Response
from engine.transport.errors import Refusal
from miner_server import call as calls
from miner_server import endpoint, reflection
from miner_server.answering import Answering
from miner_server.call import Call, json_response
from miner_server.connections import EXCHANGE
from miner_server.endpoint import Calls
from miner_server.errors import ClientGone
from miner_server.limits import Limits
from miner_server.metrics import Metrics
from miner_server.places import Seat
from miner_server.requestlog import RequestLog
from tests.unit.asgi_helpers import GONE, Wire, made, part, scope
from tests.unit.miner_helpers import ObedientBackend


def test_a_call_knows_its_callers_address_and_headers() -> None:
    call, _ = made(x_name="é", content_length="12")
    assert (call.host, call.header(b"x-name"), call.header(b"x-none"), call.length) == ("192.0.2.7", "é", None, 12)
    assert Call("/", scope(client=None), Wire().receive).host == ""
    twice = scope()
    twice["headers"] = [(b"x", b"first"), (b"x", b"second")]
    assert Call("/", twice, Wire().receive).header(b"x") == "first"


def test_the_length_of_a_body_is_declared_or_not_known_or_nothing() -> None:
    assert made(content_length="7", transfer_encoding="chunked")[0].length == 7
    assert made(transfer_encoding="chunked")[0].length is None
    assert made()[0].length == 0


def test_a_proof_holds_the_connections_seat() -> None:
    class Connection:
        def give_way(self) -> None:
            raise AssertionError("nobody asks for it")

    seat = Seat("192.0.2.7", Connection())
    Call("/", scope(extensions={EXCHANGE: SimpleNamespace(seat=seat)}), Wire().receive).prove()
    assert (seat.held, seat.trusted) == (True, True)
    Call("/", scope(extensions={}), Wire().receive).prove()
    Call("/", scope(), Wire().receive).prove()


async def test_a_body_is_read_whole() -> None:
    call, _ = made(part(b"one "), part(b""), part(b"two", more=False), content_length="7")
    assert await call.read(limit=7, seconds=9) == b"one two"
    assert (call.bytes_in, call.body_read) == (7, True)


async def test_a_body_that_is_announced_as_too_large_is_not_touched() -> None:
    call, wire = made(part(b"x" * 9, more=False), content_length="9")
    with pytest.raises(Refusal) as refused:
        await call.read(limit=8, seconds=9)
    assert (refused.value.status, refused.value.detail) == (413, "the body is larger than 8 bytes")
    assert (refused.value.close, wire.taken, call.body_read) == (True, 0, False)


async def test_a_body_that_grows_too_large_is_left_where_it_does() -> None:
    call, wire = made(*[part(b"x" * 4)] * 9, transfer_encoding="chunked")
    with pytest.raises(Refusal) as refused:
        await call.read(limit=8, seconds=9)
    assert (refused.value.status, wire.taken, call.bytes_in) == (413, 3, 12)


async def test_a_body_for_which_there_is_no_room_is_told_to_come_again() -> None:
    call, wire = made(*[part(b"x" * 4)] * 3, part(b"", more=False))
    with pytest.raises(Refusal) as refused:
        await call.read(limit=99, seconds=9, grow=lambda size: size <= 4)
    told = refused.value
    assert (told.status, told.detail, told.retry_after, told.close) == (503, "too many large bodies at once", 5.0, True)
    assert wire.taken == 2


async def test_a_body_that_does_not_come_is_not_waited_for_and_a_caller_that_left_neither() -> None:
    call, _ = made(part(b"x"))
    with pytest.raises(Refusal) as refused:
        await call.read(limit=9, seconds=0.02)
    assert (refused.value.status, refused.value.close) == (408, True)
    assert refused.value.detail == "the body did not arrive within 0.02 s"
    call, _ = made(part(b"x"), GONE)
    with pytest.raises(ClientGone):
        await call.read(limit=9, seconds=9)


async def test_patience_ends_with_the_time_the_caller_or_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "WATCH_AFTER_S", 0.01)
    with pytest.raises(TimeoutError), made()[0].patience(0.03):
        await asyncio.sleep(60)
    with pytest.raises(TimeoutError), made()[0].patience(0.005):
        await asyncio.sleep(60)
    with pytest.raises(ClientGone), made(part(b""), GONE)[0].patience(60):
        await asyncio.sleep(60)
    with made(GONE)[0].patience(60):
        await asyncio.sleep(0)
    with pytest.raises(ZeroDivisionError), made()[0].patience(60):
        raise ZeroDivisionError


async def test_patience_waits_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    later = loop.call_later

    def call_later(delay: float, *arguments: Any, **named: Any) -> asyncio.TimerHandle:
        asked.append(delay)
        return later(min(delay, 0.01), *arguments, **named)

    monkeypatch.setattr(loop, "call_later", call_later)
    with pytest.raises(TimeoutError), made()[0].patience(7.0):
        await asyncio.Event().wait()
    assert asked == pytest.approx([calls.WATCH_AFTER_S, 7.0 - calls.WATCH_AFTER_S])


async def test_a_work_that_is_cancelled_from_outside_stays_cancelled() -> None:
    async def work() -> None:
        with made()[0].patience(60):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


Handler = Callable[[Call], Awaitable[Response]]


class Desk:
    """One server's calls, with its log and its numbers."""

    def __init__(self) -> None:
        self.log = RequestLog(lambda _: True)
        self.metrics = Metrics(Answering(ObedientBackend(), Limits()))
        self.calls = Calls(self.log, self.metrics)

    async def get(self, handler: Handler, wire: Wire, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.calls.endpoint("/route", handler)(scope(named), wire.receive, wire.send)


def raising(error: BaseException) -> Handler:
    async def handler(call: Call) -> Response:
        call.hotkey = "5V"
        raise error

    return handler


async def test_a_reply_goes_out_with_its_headers_and_is_counted() -> None:
    async def handler(call: Call) -> Response:
        call.answer, call.tokens = "42", 3
        return Response(b"sealed", b"application/octet-stream", ((b"x-one", b"1"),))

    desk, wire = Desk(), Wire()
    await desk.get(handler, wire)
    assert wire.reply == (
        200,
        {"content-type": "application/octet-stream", "content-length": "6", "x-one": "1"},
        b"sealed",
    )
    assert len(wire.sent) == 2
    assert not desk.calls._running
    assert (desk.log.statuses, desk.log.tokens) == ({200: 1}, 3)
    page = desk.metrics.page().decode()
    assert 'miner_requests_total{route="/route",status="200"} 1.0' in page
    assert "miner_tokens_total 3.0" in page
    assert "miner_capacity 8.0" in page
    assert "miner_in_flight 0.0" in page
    assert "miner_queued 0.0" in page
    assert "miner_ready 0.0" in page


def test_each_figure_of_the_monitor_has_its_name() -> None:
    named = set(re.findall(r"^# TYPE (miner_\w+)", Desk().metrics.page().decode(), re.MULTILINE))
    assert {name for name in named if not name.endswith("_created")} == {
        "miner_requests_total",
        "miner_refusals_total",
        "miner_answer_seconds",
        "miner_tokens_total",
        "miner_in_flight",
        "miner_queued",
        "miner_capacity",
        "miner_ready",
    }


def test_answers_are_counted_by_the_seconds_that_they_took() -> None:
    page = Desk().metrics.page().decode()
    bounds = re.findall(r'miner_answer_seconds_bucket{le="(.*)"}', page)
    seconds = ["0.005", "0.02", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0"]
    assert bounds == [*seconds, "+Inf"]


@pytest.mark.parametrize(("retry_after", "told"), [(0.2, "1"), (1.0, "1"), (1.1, "2"), (30.0, "30"), (None, None)])
async def test_a_refusal_says_when_to_come_again_in_whole_seconds(retry_after: float | None, told: str | None) -> None:
    desk, wire = Desk(), Wire()
    await desk.get(raising(Refusal(429, "too many", retry_after=retry_after, extra={"more": 1})), wire)
    status, headers, body = wire.reply
    assert (status, json.loads(body)) == (429, {"detail": "too many", "more": 1})
    assert (headers.get("retry-after"), headers.get("connection")) == (told, None)
    [request] = desk.log.requests()
    assert (request.status, request.reason, request.hotkey, request.route) == (429, "too many", "5V", "/route")


@pytest.mark.parametrize(
    ("error", "status", "detail", "reason"),
    [
        (Refusal(422, [{"loc": ["header", "x"]}]), 422, [{"loc": ["header", "x"]}], "missing: x"),
        (ZeroDivisionError("secret"), 500, "internal error", "an internal error: see the log"),
    ],
)
async def test_what_went_wrong_is_told_to_the_caller_and_to_the_operator(
    error: Exception, status: int, detail: object, reason: str
) -> None:
    desk, wire = Desk(), Wire()
    await desk.get(raising(error), wire)
    assert (wire.reply[0], json.loads(wire.reply[2])) == (status, {"detail": detail})
    assert desk.log.requests()[0].reason == reason


async def test_a_caller_that_hung_up_gets_nothing_and_is_counted() -> None:
    desk, wire = Desk(), Wire()
    await desk.get(raising(ClientGone()), wire)
    assert wire.sent == []
    assert (desk.log.statuses, desk.log.requests()[0].reason) == ({499: 1}, "the caller hung up")


async def test_what_this_process_sent_itself_is_told_so_and_not_counted() -> None:
    desk, wire = Desk(), Wire()
    await desk.get(raising(ZeroDivisionError()), wire, **{reflection.HEADER: reflection.MARK})
    assert wire.reply[0] == 508
    assert wire.reply[1][reflection.HEADER] == reflection.MARK
    assert json.loads(wire.reply[2]) == {"detail": "this is the miner that asks"}
    assert not desk.log.statuses


async def test_those_still_served_at_the_end_are_told_that_the_miner_stops() -> None:
    async def endless(_: Call) -> Response:
        await asyncio.sleep(60)
        raise AssertionError("never through")

    desk, wire = Desk(), Wire()
    task = asyncio.create_task(desk.get(endless, wire))
    await asyncio.sleep(0)
    desk.calls.refuse_all()
    ended, _ = await asyncio.wait([task], timeout=10)
    assert ended == {task}
    status, headers, body = wire.reply
    assert (status, json.loads(body)) == (503, {"detail": "this miner is stopping"})
    assert (headers["retry-after"], headers["connection"]) == ("5", "close")
    assert desk.log.statuses == {503: 1}


async def test_who_is_cancelled_before_the_end_stays_cancelled() -> None:
    task = asyncio.create_task(Desk().get(raising(asyncio.CancelledError()), Wire()))
    with pytest.raises(asyncio.CancelledError):
        await task


async def refused(_: Call) -> Response:
    return json_response({"detail": "no"}, 403)


async def closing(_: Call) -> Response:
    return json_response({"detail": "no"}, 413)._replace(close=True)


@pytest.mark.parametrize(
    ("handler", "length", "closes", "drained"),
    [
        (refused, "0", False, 0),
        (refused, str(endpoint.LEFTOVER_BYTES), False, 0),
        (refused, str(endpoint.LEFTOVER_BYTES + 1), True, 3),
        (closing, "0", True, 0),
        (closing, "1", True, 3),
    ],
)
async def test_a_body_that_nobody_wants_is_swallowed_where_it_would_reset_the_reply(
    handler: Handler, length: str, closes: bool, drained: int
) -> None:
    wire = Wire(part(b"x"), part(b"y"), part(b"z", more=False), part(b"not ours"))
    await Desk().get(handler, wire, content_length=length)
    assert (wire.reply[1].get("connection") == "close", wire.taken) == (closes, drained)
    assert json.loads(wire.reply[2]) == {"detail": "no"}
    assert wire.sent[-1].get("more_body", False) is False


async def test_a_body_in_chunks_is_swallowed_up_to_a_bound_or_for_a_second() -> None:
    piece = part(b"x" * (endpoint.DRAIN_BYTES // 4))
    wire = Wire(*[piece] * 9)
    await Desk().get(refused, wire, transfer_encoding="chunked")
    assert wire.taken == 4
    wire = Wire(part(b"x"), GONE, piece)
    await Desk().get(refused, wire, transfer_encoding="chunked")
    assert wire.taken == 2


async def test_a_body_that_does_not_come_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "DRAIN_S", 0.02)
    wire, began = Wire(part(b"x")), time.monotonic()
    await Desk().get(refused, wire, transfer_encoding="chunked")
    assert time.monotonic() - began < 15
    assert wire.sent[-1] == {"type": "http.response.body", "body": b""}


async def test_a_body_that_was_read_leaves_the_connection_open() -> None:
    async def reads(call: Call) -> Response:
        await call.read(limit=10**6, seconds=9)
        return json_response({})

    wire = Wire(part(b"x" * 100_000, more=False))
    await Desk().get(reads, wire, content_length="100000")
    assert (wire.reply[0], wire.reply[1].get("connection")) == (200, None)
