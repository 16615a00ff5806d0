"""A real network as an operator meets it: from the command line and in a run, at a scripted node."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.cli import main
from console.doctor.case import Case
from console.doctor.chain import chain as chain_check
from console.roles.session import opened
from engine.chain.interface import ChainUnavailable
from engine.chain.wallets import WalletError, throwaway
from engine.settings import Configuration, Settings
from engine.values import Hyperparameters
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, key
from tests.unit.engine_helpers import a_feed

RULES = Hyperparameters(tempo=20, weights_rate_limit=10, serving_rate_limit=5, burn=2.0)
NOWHERE = "ws://127.0.0.1:1"


@contextmanager
def beside(node: FakeNode) -> Iterator[FakeNode]:
    """The node on a thread of its own, for what blocks this one."""
    ready, done, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with running(node):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield node
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


@pytest.fixture
def node() -> FakeNode:
    """A subnet with the hotkey "miner" on uid 0."""
    node = FakeNode(NETUID, RULES)
    node.make_block()
    node.adopt(key("miner").ss58_address)
    return node


def settings_for(network: str, folder: Path, **more: object) -> Settings:
    return Settings(role="validator", network=network, netuid=NETUID, data_dir=folder, **more)  # type: ignore[arg-type]


def test_the_metagraph_is_read_from_a_node(node: FakeNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with beside(node):
        arguments = ("--network", node.url, "--netuid", str(NETUID), "--data-dir", str(tmp_path), "--json")
        code = main(["chain", "metagraph", *arguments])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["network"], found["block"]) == (0, node.url, 1)
    assert [one["hotkey"] for one in found["neurons"]] == [key("miner").ss58_address]


def test_an_endpoint_that_does_not_answer_is_exit_code_5_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["chain", "metagraph", "--network", NOWHERE, "--netuid", "1", "--data-dir", str(tmp_path)])
    assert (code, NOWHERE in capsys.readouterr().err) == (5, True)


def test_the_doctor_asks_the_node(node: FakeNode, tmp_path: Path) -> None:
    with beside(node):
        case = Case(
            configuration=Configuration(settings_for(node.url, tmp_path), {}), now=0.0, hotkey=key("miner").ss58_address
        )
        found = {one.name: one.text for one in chain_check(case)}
    assert found["chain"] == f"{node.url} answers, block 1, 1 neurons"
    assert found["registration"] == f"uid 0 on netuid {NETUID}"


async def test_a_run_is_opened_on_a_real_network_with_the_operators_wallet(node: FakeNode, tmp_path: Path) -> None:
    wallet = throwaway(tmp_path / "wallets", "mine")
    async with running(node):
        settings = settings_for(node.url, tmp_path, wallet_name="mine", wallet_path=tmp_path / "wallets")
        async with opened(settings, tmp_path, a_feed()) as session:
            look = await session.chain.look()
            await session.join(session.wallet)
    assert (session.sandbox, session.wallet.hotkey.ss58_address) == (None, wallet.hotkey.ss58_address)
    assert (look.block, look.own, len(look.metagraph.neurons)) == (1, None, 1)
    assert len(node.head.state.slots) == 1, "nothing is registered without the coldkey"


async def test_a_run_needs_a_wallet_and_a_node(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="a real network needs a wallet"):
        async with opened(settings_for(NOWHERE, tmp_path), tmp_path, a_feed()):
            pass
    throwaway(tmp_path / "wallets", "mine")
    settings = settings_for(NOWHERE, tmp_path, wallet_name="mine", wallet_path=tmp_path / "wallets")
    with pytest.raises(ChainUnavailable, match=NOWHERE):
        async with opened(settings, tmp_path, a_feed()):
            pass
