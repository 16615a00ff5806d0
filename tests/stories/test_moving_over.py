"""A Loosh miner that moves over with the `.env` file and the wallet that it has, whichever of its backends it uses."""

import asyncio
import contextlib
import socket
from pathlib import Path

import httpx
import pytest

from engine.chain.wallets import throwaway
from engine.values import Hyperparameters, Peer
from tests.fake_node.node import FakeNode
from tests.fake_node.node import running as a_node
from tests.stories.console import PATIENCE_S, running
from tests.unit.chain_helpers import NETUID, key
from tests.unit.openai_helpers import OLLAMAS, Talker, said
from tests.unit.transport_helpers import foreign_ask

pytestmark = pytest.mark.slow

VALIDATOR = key("Eve")
STRANGER = key("Mallory")
RULES = Hyperparameters(tempo=2, weights_rate_limit=10, serving_rate_limit=5, burn=2.0)
LLAMA_PORT = 8080
"""Where their llamacpp backend looks for llama-server, whatever is set."""

ENV = """\
# Miner configuration
NETUID={netuid}
SUBTENSOR_NETWORK=finney
SUBTENSOR_ADDRESS={node}
WALLET_NAME=miner
HOTKEY_NAME=default
API_HOST=127.0.0.1
API_PORT={port}
LLM_BACKEND={backend}
DEFAULT_MODEL=tiny
DEFAULT_MAX_TOKENS=12288
MODEL_PATH=
VLLM_API_BASE={vllm}
OLLAMA_BASE_URL={ollama}
OLLAMA_TIMEOUT=300
TENSOR_PARALLEL_SIZE=1
GPU_MEMORY_UTILIZATION=0.9
MAX_MODEL_LEN=32768
LOG_LEVEL=INFO
LOG_FILE=miner.log
FIBER_KEY_TTL_SECONDS=3600
FIBER_HANDSHAKE_TIMEOUT_SECONDS=30
FIBER_ENABLE_KEY_ROTATION=true
MAX_CONCURRENT_REQUESTS=10
ENABLE_VALIDATOR_WHITELIST=true
TEST_MODE=true
"""


@pytest.mark.parametrize("backend", ["vllm", "ollama", "llamacpp"])
async def test_its_file_and_wallet_serve_an_encrypted_challenge(backend: str, tmp_path: Path) -> None:
    talker = Talker(lambda asked: said(f"heard {asked['messages'][-1]['content']}"))
    if backend == "ollama":
        talker.pages |= OLLAMAS
    if backend == "llamacpp":  # names the file that it was started with, and answers whatever model is asked for
        talker.pages["/v1/models"] = {"data": [{"id": "/models/mistral.gguf", "owned_by": "llamacpp"}]}
    home, folder = tmp_path / "home", tmp_path / "miner"
    wallet = throwaway(home / ".bittensor" / "wallets", "miner")
    (home / ".bittensor" / "wallets" / "miner" / "coldkey").unlink()  # a server has the public half only
    node = FakeNode(NETUID, RULES)
    for hotkey in (wallet.hotkey.ss58_address, VALIDATOR.ss58_address, STRANGER.ss58_address):
        node.adopt(hotkey, stake=5000.0 if hotkey == VALIDATOR.ss58_address else 0.0)
    for _ in range(8):
        node.make_block()
    try:
        listening = await asyncio.start_server(talker.serve, "127.0.0.1", LLAMA_PORT if backend == "llamacpp" else 0)
    except OSError:
        pytest.skip(f"port {LLAMA_PORT}, where the Loosh miner's llamacpp backend looks, is taken here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    base = f"http://localhost:{listening.sockets[0].getsockname()[1]}"
    async with a_node(node), listening:
        folder.mkdir()
        text = ENV.format(netuid=NETUID, node=node.url, port=port, backend=backend, vllm=f"{base}/v1", ollama=base)
        (folder / ".env").write_text(text)
        with running("--role", "miner", "--data-dir", str(tmp_path / "data"), cwd=folder, HOME=str(home)) as run:
            (started,) = await asyncio.to_thread(run.wait_for, "started")
            assert (started["hotkey"], started["netuid"]) == (wallet.hotkey.ss58_address, NETUID)
            address = Peer("", "127.0.0.1", port)
            await _available(address)
            clear = {"prompt": "What is 41 plus 1?", "max_tokens": 64, "temperature": 0.0, "top_p": 1.0, "model": "any"}
            answer, headers = await foreign_ask(address, VALIDATOR, clear)
            assert answer["response_text"] == "heard What is 41 plus 1?", run.said()
            assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            assert headers["x-fiber-miner-hotkey-ss58"] == started["hotkey"]
            with pytest.raises(AssertionError, match="permit"):
                await foreign_ask(address, STRANGER, clear)
            assert (folder / ".env").read_text() == text
    assert talker.asked


async def _available(peer: Peer) -> None:
    """Wait until the miner says that it answers."""
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(trust_env=False) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"http://{peer.host}:{peer.port}/availability")).json()["available"]:
                    return
            await asyncio.sleep(0.2)
