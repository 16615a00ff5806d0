"""When a model server is asked again, to the second: real HTTP, on a clock that only pauses advance."""

import asyncio
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from engine.transport import http
from engine.values import Request
from miner_server.backends import kept_connections, openai
from miner_server.backends import pauses as pauses_module
from miner_server.backends.openai import OpenAIBackend
from miner_server.errors import BackendError, BackendUnavailable
from tests.unit.miner_helpers import Clock
from tests.unit.model_server_helpers import ModelServer, model_server

QUESTION = Request(prompt="Hello?")
SLEEP = asyncio.sleep


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


class Pauses:
    """The clock, and how long each pause was."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.each: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.each.append(seconds)
        self.clock.now += seconds
        await SLEEP(0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    paused = Pauses()
    for module in (openai, pauses_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=paused.clock, time=time.time))
    monkeypatch.setattr("miner_server.backends.openai.asyncio.sleep", paused.sleep)
    return paused


async def ready(server: ModelServer) -> OpenAIBackend:
    backend = OpenAIBackend("openai", server.url)
    assert await backend.readiness() == ""
    return backend


@pytest.mark.parametrize(
    ("statuses", "retry_after", "paused"),
    [
        ([500], "", [0.2]),
        ([500, 502], "", [0.2, 1.0]),
        ([429], "3", [3.0]),
        ([429], "5", [5.0]),
        ([503, 503], "0", [0.2, 1.0]),
        ([], "", []),
    ],
)
async def test_what_passes_is_tried_again_after_a_moment_or_when_the_server_wants(
    server: ModelServer, pauses: Pauses, statuses: list[int], retry_after: str, paused: list[float]
) -> None:
    backend = await ready(server)
    server.statuses, server.retry_after = [*statuses], retry_after
    await backend.complete(QUESTION, timeout=30)
    assert pauses.each == paused
    assert len(server.asked) == len(statuses) + 1
    await backend.close()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_longer_pause_is_left_to_the_caller(server: ModelServer, pauses: Pauses, status: int) -> None:
    backend = await ready(server)
    server.statuses, server.retry_after = [status], "6"
    with pytest.raises(BackendError) as caught:
        await backend.complete(QUESTION, timeout=3600)
    assert (caught.value.again_in, pauses.each, len(server.asked)) == (6.0, [], 1)
    await backend.close()


async def test_a_probe_that_fails_by_a_fault_of_ours_is_not_made_again_at_once(
    server: ModelServer, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = await ready(server)
    pauses.clock.now += 15
    with monkeypatch.context() as broken:
        broken.setattr(openai, "choose", lambda *_: [].pop())
        with pytest.raises(IndexError):
            await backend.readiness()
    pauses.clock.now += 1.9
    assert await backend.readiness() == openai.UNFORESEEN
    pauses.clock.now += 0.1
    assert await backend.readiness() == ""
    await backend.close()


@pytest.mark.parametrize(("timeout", "tries"), [(20, 1), (21, 2), (120, 2), (121, 3), (3000, 3)])
async def test_it_is_tried_again_while_the_deadline_allows_the_pause(
    server: ModelServer, pauses: Pauses, timeout: float, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "PAUSES_S", (20.0, 100.0))
    backend = await ready(server)
    server.statuses = [503] * 9
    with pytest.raises(BackendUnavailable):
        await backend.complete(QUESTION, timeout=timeout)
    assert len(server.asked) == tries
    await backend.close()


async def test_what_does_not_pass_is_not_tried_again(server: ModelServer, pauses: Pauses) -> None:
    backend = await ready(server)
    server.status = 501
    with pytest.raises(BackendError):
        await backend.complete(QUESTION, timeout=30)
    assert (len(server.asked), pauses.each) == (1, [])
    await backend.close()


def test_connections_are_given_up_before_a_server_closes_them() -> None:
    assert kept_connections.KEEP_ALIVE_S < 5 > http.KEEP_ALIVE_S, "uvicorn's own"


async def test_models_are_looked_at_every_15_seconds_and_every_2_while_there_are_none(
    server: ModelServer, pauses: Pauses
) -> None:
    backend = OpenAIBackend("openai", server.url)
    server.models_status = 500
    assert "/models answered 500" in await backend.readiness()
    server.models_status = 200
    pauses.clock.now += 1.9
    assert "/models answered 500" in await backend.readiness()
    pauses.clock.now += 0.1
    assert (await backend.readiness(), backend.model) == ("", "tiny")
    server.models = [{"id": "other"}]
    pauses.clock.now += 14.9
    assert (await backend.readiness(), backend.model) == ("", "tiny")
    pauses.clock.now += 0.1
    assert (await backend.readiness(), backend.model) == ("", "other")
    await backend.close()


async def test_after_a_failure_the_models_are_looked_at_at_once(server: ModelServer, pauses: Pauses) -> None:
    backend = await ready(server)
    server.models, server.status = [{"id": "other"}], 501
    with pytest.raises(BackendError):
        await backend.complete(QUESTION, timeout=30)
    assert (await backend.readiness(), backend.model) == ("", "other")
    await backend.close()


async def test_a_server_that_says_nothing_is_reported_and_looked_at_again_soon(
    pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "PROBE_S", 0.05)
    monkeypatch.setattr(openai, "WARM_UP_S", 0.05)
    lists = False

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if lists and asked.startswith(b"GET"):
            writer.write(b"HTTP/1.1 404 None\r\ncontent-length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        backend = OpenAIBackend("openai", base, model="tiny")
        assert await backend.readiness() == f"{base} did not answer within 0.05 s"
        lists = True
        pauses.clock.now += 2
        assert await backend.readiness() == f"{base} answers nothing within 0.05 s"
        await backend.close()


async def test_a_proof_that_failed_is_asked_for_again_after_15_seconds(server: ModelServer, pauses: Pauses) -> None:
    backend = OpenAIBackend("openai", server.url, model="tiny")
    server.proves = False
    server.models_status, server.status = 404, 501
    assert "gives no answer" in await backend.readiness()
    server.status = 200
    pauses.clock.now += 14.9
    assert "gives no answer" in await backend.readiness()
    pauses.clock.now += 0.1
    assert await backend.readiness() == ""
    assert len(server.asked) == 2
    pauses.clock.now += 15
    assert await backend.readiness() == ""
    assert len(server.asked) == 2
    await backend.close()
