"""A secret that servers quote back never gets out: by files, stdout, stderr, callers, commands or other processes."""

import asyncio
import base64
import contextlib
import json
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from engine.node.heartbeat import STATUS_FILE
from engine.values import Peer
from tests.stories.console import Run, children_of, finished, running, wait_until
from tests.unit.chain_helpers import key
from tests.unit.embeddings_helpers import embeddings
from tests.unit.model_server_helpers import chat
from tests.unit.transport_helpers import ForeignMiner, clear_answer, foreign_ask, http_server, reply

pytestmark = pytest.mark.slow

EVE = key("Eve")
FERDIE = key("Ferdie").ss58_address
KEY = 'canary/key+of "the"~backend'
ENCODER_KEY = "canary-key-of-the-encoder"
PASSWORD = "canary-pass-word"
SECRETS = (
    b"canary",
    quote(KEY, safe="").encode()[-12:],
    base64.b64encode(f"me:{PASSWORD}".encode()).rstrip(b"="),
    base64.b64encode(KEY.encode())[4:-4],
)


class Quoting:
    """Answers every request with all that it was sent, under the status that `says` has for the end of its path."""

    def __init__(self) -> None:
        self.says = {"models": 200, "completions": 200, "embeddings": 200}
        self.asked = dict.fromkeys(self.says, 0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer({})

            def do_POST(self) -> None:
                self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def answer(self, body: dict[str, Any]) -> None:
                what = self.path.rpartition("/")[2]
                outer.asked[what] += 1
                quoted = f"{self.headers['authorization']} in {dict(self.headers)} to {self.path}"
                proper: dict[str, Any] = {
                    "models": {"object": "list", "data": [{"id": "tiny"}]},
                    "completions": chat(f"It is 42. {quoted}"),
                    "embeddings": embeddings(body.get("input", [])),
                }
                raw = json.dumps(proper[what] if outer.says[what] == 200 else {"error": {"message": quoted}}).encode()
                self.send_response(outer.says[what])
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        self.url_with_password = self.url.replace("//", f"//me:{PASSWORD}@")

    def was_asked_again(self, before: int) -> bool:
        return self.asked["embeddings"] > before


@contextmanager
def quoting() -> Iterator[Quoting]:
    server = Quoting()
    thread = Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBNET_CONSOLE_API_KEY", KEY)
    monkeypatch.setenv("SUBNET_CONSOLE_ENCODER_KEY", ENCODER_KEY)
    monkeypatch.setenv("SUBNET_CONSOLE_LOG_LEVEL", "debug")


def assert_harmless(what: str, said: bytes | str) -> None:
    raw = said.encode() if isinstance(said, str) else said
    for secret in SECRETS:
        place = raw.find(secret)
        assert place < 0, f"{what}: {raw[max(0, place - 200) : place + 100]!r}"


def assert_folder_harmless(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert folder / STATUS_FILE in files
    assert any("logs" in path.parts for path in files)
    for path in files:
        assert_harmless(str(path), path.read_bytes())
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def assert_commands_harmless(folder: Path, *role: str) -> None:
    for words in (
        ("status",),
        ("status", "--json"),
        ("config", "show", *role),
        ("config", "show", "--json", *role),
        ("doctor", "--json", *role),
    ):
        done = finished(*words, *(() if words[0] == "config" else ("--data-dir", str(folder))))
        assert_harmless(" ".join(words), done.stdout + done.stderr)
        assert done.stdout


def assert_process_harmless(pid: int) -> None:
    for what in ("environ", "cmdline"):
        assert_harmless(f"the worker's {what}", Path(f"/proc/{pid}/{what}").read_bytes())


def assert_run_harmless(run: Run) -> None:
    assert_harmless("stdout", json.dumps(run.events, ensure_ascii=False))
    assert_harmless("stderr", "\n".join(run.narration))


async def test_a_miners_backend_that_quotes_the_key_tells_it_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    clear = {"prompt": "What is 41 plus 1?", "max_tokens": 64}
    role = ("--role", "miner", "--backend", "openai")
    with quoting() as backend:
        monkeypatch.setenv("SUBNET_CONSOLE_BACKEND_URL", backend.url)
        backend.says["models"] = 401
        with running(
            *role, "--host", "127.0.0.1", "--port", "0", "--allow", EVE.ss58_address, "--data-dir", str(folder)
        ) as run:
            run.wait_for("started")
            address = await asyncio.to_thread(_address, folder)
            await asyncio.to_thread(wait_until, lambda: bool(run.named("attention")), "a miner without models says so")
            await asyncio.to_thread(assert_commands_harmless, folder, *role)
            assert_harmless("not ready", await _asked(address, clear))
            backend.says["models"] = 200
            await asyncio.to_thread(wait_until, lambda: _is_available(address), "the backend is ready")
            for status in (400, 401, 403, 404, 413, 422, 429, 500, 503, 200):
                backend.says["completions"] = status
                before = backend.asked["completions"]
                assert_harmless(f"a reply for {status}", await _asked(address, clear))
                assert backend.asked["completions"] > before
                backend.says["completions"] = 200
                await asyncio.to_thread(wait_until, lambda: _is_available(address), "the backend is ready")
            assert "It is 42." in await _asked(address, clear)
            async with httpx.AsyncClient(base_url=f"http://{address.host}:{address.port}", trust_env=False) as client:
                for path in ("/availability", "/health", "/metrics", "/openapi.json", "/nowhere"):
                    answer = await client.get(path)
                    assert_harmless(path, answer.text + str(answer.headers))
            await asyncio.to_thread(assert_commands_harmless, folder, *role)
            code, _ = await asyncio.to_thread(run.stop, signal.SIGTERM)
            assert code == 0, run.said()
    assert_run_harmless(run)
    assert_folder_harmless(folder)


async def test_a_validators_encoder_that_quotes_the_key_tells_it_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    role = ("--role", "validator", "--encoder", "openai:tiny")
    monkeypatch.setenv("SUBNET_CONSOLE_PROBE_SHARE", "0")
    miner, numbers = ForeignMiner(), count()
    miner.answer = lambda fernet: reply(200, fernet.encrypt(clear_answer(f"They grow {next(numbers)} apples there.")))
    with quoting() as encoder:
        monkeypatch.setenv("SUBNET_CONSOLE_ENCODER_URL", encoder.url_with_password)
        async with http_server(miner) as peer:
            with running(
                *role, "--neuron", f"{FERDIE}@{peer.host}:{peer.port}", "--allow-private", "--interval", "0.1",
                "--data-dir", str(folder),
            ) as run:  # fmt: skip
                await asyncio.to_thread(run.wait_for, "round", 1)
                for worker in children_of(run.process.pid):
                    assert_process_harmless(worker)
                for status in (400, 401, 404, 500):
                    encoder.says["embeddings"] = status
                    before = encoder.asked["embeddings"]
                    await asyncio.to_thread(wait_until, partial(encoder.was_asked_again, before), "it is asked again")
                await asyncio.to_thread(wait_until, lambda: bool(run.named("attention")), "a round that is not judged")
                await asyncio.to_thread(assert_commands_harmless, folder, *role)
                for table in ("scores", "rounds", "replies", "weights"):
                    for form in ("csv", "jsonl"):
                        done = await asyncio.to_thread(
                            finished, "export", table, "--format", form, "--data-dir", str(folder)
                        )
                        assert done.returncode == 0, done.stderr
                        assert_harmless(table, done.stdout + done.stderr)
                code, _ = await asyncio.to_thread(run.stop, signal.SIGTERM)
                assert code == 0, run.said()
    assert_run_harmless(run)
    assert_folder_harmless(folder)


@pytest.mark.parametrize("status", [401, 500])
async def test_an_encoder_that_quotes_the_key_at_the_start_tells_it_to_nobody(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quoting() as encoder:
        monkeypatch.setenv("SUBNET_CONSOLE_ENCODER_URL", encoder.url_with_password)
        encoder.says["embeddings"] = status
        words = ("launch", "--no-ui", "--role", "validator", "--encoder", "openai:tiny", "--data-dir", str(tmp_path))
        done = await asyncio.to_thread(finished, *words)
    assert done.returncode == 2, done.stderr
    assert "127.0.0.1" in done.stderr
    assert_harmless("stdout and stderr", done.stdout + done.stderr)


async def _asked(peer: Peer, clear: dict[str, Any]) -> str:
    """All that a caller gets: an answer in clear, or a refusal."""
    try:
        answer, headers = await foreign_ask(peer, EVE, clear)
    except AssertionError as refused:
        return str(refused)
    return f"{answer} {headers}"


def _address(folder: Path) -> Peer:
    found: list[Peer] = []

    def is_there() -> bool:
        with contextlib.suppress(OSError, ValueError, TypeError):
            host, _, port = json.loads((folder / STATUS_FILE).read_text())["server"]["address"].rpartition(":")
            found.append(Peer("", host, int(port)))
        return bool(found)

    wait_until(is_there, "the miner listens")
    return found[0]


def _is_available(peer: Peer) -> bool:
    said = httpx.get(f"http://{peer.host}:{peer.port}/availability", trust_env=False)
    return bool(said.json() == {"available": True})
