"""Our validator with a foreign miner, and our miner with a foreign validator."""

import asyncio
import contextlib
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from engine.node.heartbeat import STATUS_FILE
from engine.transport.dialects.registry import DIALECTS
from engine.transport.replay_guard import MemoryNonces
from engine.values import Peer
from miner_server.allowlist import AllowList
from miner_server.backends.scripted import ScriptedBackend
from miner_server.server import MinerServer
from tests.stories.console import PATIENCE_S, Run, exported, running, wait_until
from tests.unit.chain_helpers import key
from tests.unit.miner_helpers import running as serving
from tests.unit.transport_helpers import ForeignFiberMiner, ForeignMiner, foreign_ask, http_server

pytestmark = pytest.mark.slow

FERDIE = key("Ferdie").ss58_address
EVE = key("Eve")


async def test_the_engine_judges_the_answers_of_a_foreign_miner(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    lines = [
        {"id": "sum", "prompt": "What is 41 plus 1?", "truth": "42"},
        {"id": "capital", "prompt": "What is the capital of Peru?", "truth": "Lima"},
    ]
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines) + "this is no challenge\n")
    folder = tmp_path / "data"
    miner = ForeignMiner()
    async with http_server(miner) as peer:
        with running(
            "--role", "validator", "--neuron", f"{FERDIE}@{peer.host}:{peer.port}", "--allow-private",
            "--challenges", str(questions), "--interval", "0.2", "--data-dir", str(folder),
        ) as run:  # fmt: skip
            assert await _ended(run) == 0, run.said()
    rounds = run.named("round")
    assert [event["id"] for event in rounds] == ["sum", "capital"]
    assert [event["answered"] for event in rounds] == [1, 1]
    assert [event["winner_hotkey"] for event in rounds] == [FERDIE, None], "its answer is always 'foreign 42'"
    assert any("line 3" in event["text"] for event in run.named("attention"))
    asked = [body["messages"] or body["prompt"] for body in miner.asked]
    assert len(asked) == 2
    assert "truth" not in json.dumps(miner.asked)
    assert [row["status"] for row in exported("replies", folder)] == ["ok", "ok"]


async def test_each_miner_is_asked_in_its_own_dialect(tmp_path: Path) -> None:
    eve = EVE.ss58_address
    loosh, fiber = ForeignMiner(), ForeignFiberMiner(eve)
    async with http_server(loosh) as first, http_server(fiber) as second:
        with running(
            "--role", "validator", "--allow-private", "--encoder", "hashing", "--interval", "0.2", "--rounds", "2",
            "--neuron", f"{FERDIE}@{first.host}:{first.port}",
            "--neuron", f"{eve}@{second.host}:{second.port}/fiber", "--data-dir", str(tmp_path / "data"),
        ) as run:  # fmt: skip
            assert await _ended(run) == 0, run.said()
    assert [event["answered"] for event in run.named("round")] == [2, 2]
    assert (len(loosh.asked), len(fiber.asked)) == (2, 2)


class Everyone(AllowList):
    """The validator's key is made when it starts."""

    def refusal(self, _hotkey: str) -> str | None:
        return None


async def test_four_miners_of_four_dialects_are_asked_in_one_round_and_the_record_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBNET_CONSOLE_PROBE_SHARE", "1")
    folder, spoken = tmp_path / "data", ("loosh", "fiber", "btauth", "template")
    async with AsyncExitStack() as stack:
        named = []
        for name in spoken:
            server = MinerServer(
                key(name), ScriptedBackend(), Everyone(), MemoryNonces(), host="127.0.0.1", port=0,
                spoken=[DIALECTS[name]],
            )  # fmt: skip
            await stack.enter_async_context(serving(server))
            named += ["--neuron", "{}@{}:{}".format(key(name).ss58_address, *server.address)]
        with running(
            "--role", "validator", "--allow-private", "--encoder", "hashing", "--interval", "0.1", "--rounds", "2",
            "--dialect", "auto", "--kind", "arithmetic", *named, "--data-dir", str(folder),
        ) as run:  # fmt: skip
            assert await _ended(run) == 0, run.said()
    assert [event["answered"] for event in run.named("round")] == [4, 4]
    expected = {key(name).ss58_address: name for name in spoken}
    rows = exported("replies", folder)
    assert [(row["status"], row["dialect"]) for row in rows] == [("ok", expected[row["hotkey"]]) for row in rows]
    shown = json.loads((folder / STATUS_FILE).read_bytes())["miners"]
    assert {one["hotkey"]: one["dialect"] for one in shown} == expected


async def test_a_dialect_that_nobody_speaks_ends_the_launch(tmp_path: Path) -> None:
    with running("--role", "validator", "--dialect", "klingon", "--data-dir", str(tmp_path / "data")) as run:
        assert await _ended(run) == 2
        assert "must be one of auto, own, loosh, fiber, btauth, template, loosh-plain, not 'klingon'" in run.said()


async def test_a_foreign_validator_gets_answers_and_a_stranger_none(tmp_path: Path) -> None:
    with running(
        "--role", "miner", "--backend", "scripted", "--host", "127.0.0.1", "--port", "0",
        "--allow", EVE.ss58_address, "--data-dir", str(tmp_path / "data"),
    ) as run:  # fmt: skip
        run.wait_for("started")
        address = await _address(tmp_path / "data")
        clear = {"prompt": "What is 41 plus 1?", "max_tokens": 64, "temperature": 0.0, "top_p": 1.0}
        answer, headers = await foreign_ask(address, EVE, clear)
        assert "42" in answer["response_text"]
        assert answer["finish_reason"] == "stop"
        assert headers["x-fiber-miner-hotkey-ss58"] == run.named("started")[0]["hotkey"]
        with pytest.raises(AssertionError, match="permit"):
            await foreign_ask(address, key("Mallory"), clear)
        async with httpx.AsyncClient(trust_env=False) as client:
            base = f"http://{address.host}:{address.port}"
            assert (await client.get(f"{base}/availability")).json() == {"available": True}
            assert (await client.get(f"{base}/health")).status_code == 200
            assert "# TYPE" in (await client.get(f"{base}/metrics")).text


def test_a_miner_reports_that_its_backend_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Loosh miner's env.example has one port for both."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name, value in {
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "LLM_BACKEND": "vllm",
        "VLLM_API_BASE": f"http://localhost:{port}/v1",
        "DEFAULT_MODEL": "some/model",
    }.items():
        monkeypatch.setenv(name, value)
    with running("--role", "miner", "--data-dir", str(tmp_path / "data")) as run:
        wait_until(lambda: any(event["subject"] == "backend" for event in run.named("attention")), run.said())
        (told,) = [event for event in run.named("attention") if event["subject"] == "backend"]
        assert told["level"] == "error" and "leads to this miner itself" in told["text"]
        wait_until(lambda: any("this miner does not answer" in line for line in run.narration), "words on stderr")
        available = httpx.get(f"http://127.0.0.1:{port}/availability", trust_env=False).json()
        assert available == {"available": False, "reason": "the backend is not ready"}


async def _ended(run: Run) -> int:
    return await asyncio.to_thread(run.wait)


async def _address(folder: Path) -> Peer:
    """Where the miner listens, from its status file."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(OSError, ValueError, TypeError):
                host, _, port = json.loads((folder / STATUS_FILE).read_text())["server"]["address"].rpartition(":")
                return Peer("", host, int(port))
            await asyncio.sleep(0.1)
