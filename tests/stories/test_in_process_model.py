"""A miner whose model is in its own process, through whichever binding of llama.cpp is installed."""

import asyncio
import contextlib
import socket
from pathlib import Path

import httpx
import pytest

from engine.values import Peer
from tests.stories.console import PATIENCE_S, ROOT, running
from tests.unit.chain_helpers import key
from tests.unit.transport_helpers import foreign_ask

pytestmark = pytest.mark.slow

VALIDATOR = key("Eve")
MODEL = ROOT / "tests" / "data" / "tiny-chat.gguf"
KNOWN = {"9+8?": "17", "Say wallet.": "wallet", "What is a miner?": "A miner is one part of the network."}
"""What the model was trained to say."""


async def test_encrypted_challenges_at_once_get_each_their_own_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        peer = Peer("", "127.0.0.1", free.getsockname()[1])
    chosen = ("--backend", "llamacpp", "--model-path", str(MODEL))
    known = ("--host", peer.host, "--port", str(peer.port), "--allow", VALIDATOR.ss58_address)
    where = ("--network", f"embedded:{tmp_path / 'chain'}", "--data-dir", str(tmp_path / "data"))
    with running("--role", "miner", *chosen, *known, *where) as run:
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert run.process.poll() is None, run.said()
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"http://{peer.host}:{peer.port}/availability")).json()["available"]:
                        break
                await asyncio.sleep(0.2)

        async def ask(question: str) -> str:
            clear = {"prompt": question, "max_tokens": 48, "temperature": 0.0, "top_p": 1.0, "model": "any"}
            answer, _ = await foreign_ask(peer, VALIDATOR, clear)
            assert answer["usage"]["completion_tokens"] > 0
            return str(answer["response_text"]).strip()

        assert await asyncio.gather(*map(ask, KNOWN)) == list(KNOWN.values())
