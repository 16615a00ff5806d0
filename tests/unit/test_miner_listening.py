"""Where a miner listens and how its connections give way, with the operating system's end played where it must be."""

import asyncio
import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from engine.transport.replay_guard import MemoryNonces
from miner_server import connections, listener
from miner_server.allowlist import AllowList
from miner_server.connections import BoundedProtocol
from miner_server.errors import MinerError
from miner_server.limits import Limits
from miner_server.server import MinerServer
from tests.unit.miner_helpers import ALICE, MINER, ObedientBackend, make_server, serving


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "Another process is using it: stop it, or choose another --port"),
        (errno.EACCES, "Ports below 1024 need privileges: choose a higher --port"),
        (errno.EADDRNOTAVAIL, "This machine has no such address: choose another --host"),
        (errno.EMFILE, "Choose another --host or --port"),
    ],
)
@pytest.mark.parametrize(("host", "where"), [("192.0.2.1", "192.0.2.1:80"), ("2001:db8::1", "[2001:db8::1]:80")])
def test_why_it_cannot_listen_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, number: int, advice: str, host: str, where: str
) -> None:
    def refuse(*_: Any, **__: Any) -> socket.socket:
        raise OSError(number, "the system's words")

    monkeypatch.setattr(listener.socket, "create_server", refuse)  # type: ignore[attr-defined]
    made = MinerServer(MINER, ObedientBackend(), AllowList(), MemoryNonces(), host=host, port=80)
    with pytest.raises(MinerError) as failed:
        made.bind()
    assert str(failed.value) == f"cannot listen on {where}: the system's words. {advice}"


def test_an_invalid_port_is_reported() -> None:
    with pytest.raises(MinerError, match="cannot listen on port 65536: choose one from 0 to 65535"):
        make_server(port=65_536).bind()


@pytest.mark.parametrize(
    ("host", "family", "both"),
    [("127.0.0.1", socket.AF_INET, False), ("::1", socket.AF_INET6, False), ("::", socket.AF_INET6, True)],
)
def test_it_listens_on_ipv4_ipv6_or_both(
    monkeypatch: pytest.MonkeyPatch, host: str, family: socket.AddressFamily, both: bool
) -> None:
    asked: dict[str, Any] = {}
    real = socket.create_server

    def create_server(address: tuple[str, int], **named: Any) -> socket.socket:
        asked.update(named, address=address)
        return real(("127.0.0.1", 0))

    monkeypatch.setattr(listener.socket, "create_server", create_server)  # type: ignore[attr-defined]
    monkeypatch.setattr(listener.socket, "has_dualstack_ipv6", lambda: True)  # type: ignore[attr-defined]
    made = MinerServer(MINER, ObedientBackend(), AllowList(), MemoryNonces(), host=host, port=8_091)
    assert made.address == (host, 8_091)
    assert made.view().address == (f"[{host}]:8091" if ":" in host else f"{host}:8091")
    address = made.bind()
    assert asked == {"address": (host, 8_091), "family": family, "backlog": 512, "dualstack_ipv6": both}
    assert made.bind() == made.address == address
    assert made._listener._socket is not None
    assert made._listener._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    made._listener._socket.close()


async def test_uvicorn_is_told_what_a_server_among_strangers_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    config = listener.uvicorn.Config  # type: ignore[attr-defined]

    def noted(app: Any, **named: Any) -> Any:
        told.update(named)
        return config(app, **named)

    monkeypatch.setattr(listener.uvicorn, "Config", noted)  # type: ignore[attr-defined]
    async with serving(ObedientBackend()):
        pass
    assert told.pop("http").func is BoundedProtocol
    assert told == {
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "backlog": 512,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 2,
    }


async def test_what_strangers_send_wrongly_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ObedientBackend()) as served:
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(b"not http at all\r\n\r\n")
        assert b"400" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []


class Transport:
    def __init__(self, unsent: int) -> None:
        self.unsent = unsent
        self.done: list[str] = []

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.done.append("aborted")

    def close(self) -> None:
        self.done.append("closed")


@pytest.mark.parametrize(("unsent", "how"), [(0, "closed"), (1, "aborted")])
def test_a_connection_that_gives_way_does_not_wait_for_what_was_not_sent(unsent: int, how: str) -> None:
    connection = BoundedProtocol.__new__(BoundedProtocol)
    connection.transport = Transport(unsent)  # type: ignore[assignment]
    connection.give_way()
    assert connection.transport.done == [how]  # type: ignore[attr-defined]


def test_an_answer_that_is_not_read_stops_its_writer_and_ends_after_twenty_seconds() -> None:
    timers: list[tuple[float, Any]] = []
    cancelled: list[Any] = []

    def call_later(delay: float, what: Any) -> Any:
        timers.append((delay, what))
        return SimpleNamespace(cancel=lambda: cancelled.append(what))

    told: list[str] = []
    connection: Any = BoundedProtocol.__new__(BoundedProtocol)
    connection.transport = Transport(1)
    connection.loop = SimpleNamespace(call_later=call_later)
    connection.flow = SimpleNamespace(
        pause_writing=lambda: told.append("paused"), resume_writing=lambda: told.append("resumed")
    )
    connection.pause_writing()
    assert (told, cancelled, timers) == (["paused"], [], [(20.0, connection.transport.abort)])
    connection.resume_writing()
    assert (told, cancelled) == (["paused", "resumed"], [connection.transport.abort])
    connection.resume_writing()
    assert len(cancelled) == 1


def test_what_a_full_server_says_is_as_long_as_it_says() -> None:
    head, body = connections._FULL.split(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert head.startswith(b"HTTP/1.1 503 ")


async def test_a_server_passes_on_what_it_was_told() -> None:
    made = MinerServer(
        MINER,
        ObedientBackend(),
        AllowList([ALICE.ss58_address]),
        MemoryNonces(),
        host="127.0.0.1",
        port=0,
        limits=Limits(capacity=3, queue=5),
        key_ttl=60.9,
        handshake_window=7.0,
        name="miner 7",
    )
    assert made.name == "miner 7"
    desk = made._app._desks[0]
    assert (desk._keys._ttl, desk._gate._window) == (60.9, 7.0)
    assert (made.view().capacity, made.view().queue_limit) == (3, 5)
    assert make_server().name == "miner server"
    async with serving(ObedientBackend()) as served:
        assert served.trouble == ""
        assert served.view().blocked == ()
