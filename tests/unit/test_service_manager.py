"""What systemd hears of a node: a real datagram socket stands for it."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.node.service_manager import ServiceManager, status
from engine.snapshot import ServerView, ServiceView, Snapshot
from tests.unit.engine_helpers import a_feed


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(5)
        yield channel


def heard(systemd: socket.socket) -> dict[str, str]:
    lines = systemd.recv(4096).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def services(*states: str) -> tuple[ServiceView, ...]:
    return tuple(ServiceView(name=f"s{place}", state=state, since=0.0) for place, state in enumerate(states))  # type: ignore[arg-type]


async def test_it_is_ready_once_every_service_runs_and_says_when_it_stops(systemd: socket.socket) -> None:
    feed = a_feed()
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "30000", "WATCHDOG_PID": str(os.getpid())}
    manager = ServiceManager.of(feed, environ)
    assert manager is not None
    feed.publish(replace(feed.snapshot, services=services("running", "starting")))
    running = asyncio.create_task(manager.run(lambda: None))
    first = await asyncio.to_thread(heard, systemd)
    assert first == {"WATCHDOG": "1", "STATUS": "waiting for s1"}
    feed.publish(replace(feed.snapshot, services=services("running", "running")))
    while "READY" not in (word := await asyncio.to_thread(heard, systemd)):
        pass
    assert word["READY"] == "1" and word["STATUS"].endswith("0 rounds")
    assert "READY" not in await asyncio.to_thread(heard, systemd)  # said once; the watchdog hears on
    running.cancel()
    while "STOPPING" not in (word := await asyncio.to_thread(heard, systemd)):
        pass
    assert word == {"STOPPING": "1"}


async def test_a_manager_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    manager = ServiceManager.of(a_feed(), {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert manager is not None
    running = asyncio.create_task(manager.run(lambda: None))
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_there_is_no_manager(environ: dict[str, str]) -> None:
    assert ServiceManager.of(a_feed(), environ) is None


def test_the_status_of_a_miner_names_its_backend_and_no_control_characters() -> None:
    server = ServerView(address="0.0.0.0:8091", backend="vllm\n", ready=False, readiness="loading\nREADY=1")
    told = status(replace(Snapshot(at=0.0, version="1", role="miner", started_at=0.0), server=server), [])
    assert "\n" not in told and "vllm" in told and "loading" in told
