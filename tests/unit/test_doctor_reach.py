"""The doctor tries a neuron from another machine: a validator's whole way to an address that the operator names."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.doctor import reach
from console.findings import Result
from engine.chain.wallets import throwaway
from engine.values import Peer
from miner_server.allowlist import AllowList
from miner_server.server import MinerServer
from tests.unit.doctor_helpers import case
from tests.unit.miner_helpers import MINER, ObedientBackend, make_server, running

HOTKEY = MINER.ss58_address


@pytest.fixture
async def miner(tmp_path: Path) -> AsyncIterator[MinerServer]:
    """A miner that knows the wallet `ours`."""
    ours = throwaway(tmp_path / "wallets", "ours").hotkey.ss58_address
    async with running(make_server(ObedientBackend(), allow=AllowList((ours,)))) as server:
        yield server


async def looked(folder: Path, *peers: Peer, **settings: Any) -> list[Result]:
    return await asyncio.to_thread(reach.named, case(folder, neurons=peers_given(*peers), **settings))


def peers_given(*peers: Peer) -> list[str]:
    return [f"{one.hotkey}@{one.host}:{one.port}{'/' * bool(one.dialect)}{one.dialect}" for one in peers]


@pytest.mark.parametrize("dialect", ["loosh", "fiber", "own", "auto"])
async def test_a_neuron_that_knows_us_answers_the_whole_way(tmp_path: Path, miner: MinerServer, dialect: str) -> None:
    ours = {"wallet_name": "ours", "wallet_path": str(tmp_path / "wallets"), "dialect": dialect}
    [found] = await looked(tmp_path, Peer(HOTKEY, *miner.address), **ours)
    assert (found.state, found.name) == ("OK", f"neuron 127.0.0.1:{miner.address[1]}")
    assert found.text.startswith("handshake and sealed answer from here")


async def test_a_stranger_learns_that_the_port_is_open_and_how_to_be_let_in(tmp_path: Path, miner: MinerServer) -> None:
    [found] = await looked(tmp_path, Peer(HOTKEY, *miner.address))
    assert (found.state, "it is reachable from here, but refused us" in found.text) == ("WARNING", True)
    assert "--allow" in found.do
    assert not (tmp_path / "stranger").exists(), "its own key is left nowhere"


async def test_several_are_tried_at_once_and_a_closed_port_is_critical(tmp_path: Path, miner: MinerServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gone = Peer(HOTKEY, "127.0.0.1", closed.getsockname()[1])
        found = await looked(tmp_path, gone, Peer(HOTKEY, *miner.address))
    assert [one.state for one in found] == ["CRITICAL", "WARNING"]
    assert f"TCP port {gone.port}" in found[0].do


def test_the_command_ends_with_2_for_a_neuron_that_nobody_reaches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{closed.getsockname()[1]}"
        code = main(["doctor", "--json", "--neuron", f"{HOTKEY}@{where}", "--data-dir", str(tmp_path / "data")])
    results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
    assert (code, results[f"neuron {where}"]["state"]) == (2, "CRITICAL")
