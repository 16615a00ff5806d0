"""Bad input on a real network, by what an operator can get wrong: what is said, and that nothing is sent."""

import json
import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.cli import main
from engine.chain.client import ChainClient
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate import chain as substrate
from engine.chain.substrate.endpoints import network_of
from engine.chain.wallets import Wallet, throwaway
from engine.errors import StoreError
from engine.weights.plan import HotkeyScore
from engine.weights.setter import WeightSetter
from tests.fake_node.metadata import without
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, kept_process, key
from tests.unit.test_real_network import RULES, beside
from tests.unit.weights_helpers import MemoryJournal, Recorder

Said = Callable[..., tuple[int, str]]

SUBMIT = "author_submitExtrinsic"


@pytest.fixture
def node() -> FakeNode:
    node = FakeNode(NETUID, RULES)
    node.make_block()
    return node


@pytest.fixture
def wallet(tmp_path: Path) -> Wallet:
    """The wallet "w" on this machine, with coldkey and hotkey."""
    return throwaway(tmp_path / "wallets", "w")


@pytest.fixture
def hotkeys(wallet: Wallet, tmp_path: Path) -> Path:
    return tmp_path / "wallets" / "w" / "hotkeys"


@pytest.fixture
def said(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Runs a command for the wallet "w" at a network; its exit code, and what it printed."""
    monkeypatch.setattr(substrate, "NodeProcess", kept_process)  # each command would load the metadata anew

    def run(network: str, *arguments: str) -> tuple[int, str]:
        usual = ("--network", network, "--netuid", str(NETUID), "--data-dir", str(tmp_path / "data"))
        whose = ("--role", "miner", "--wallet-path", str(tmp_path / "wallets"), "--wallet-name", "w")
        code = main([*arguments[:2], *usual, *whose, *arguments[2:]])
        printed = capfd.readouterr()
        return code, printed.out + printed.err

    return run


# -- wallets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [("--wallet-path", "/nowhere"), ("--wallet-name", "x"), ("--wallet-hotkey", "x")])
def test_a_wallet_that_is_not_there_is_named_with_its_options(
    wrong: tuple[str, str], node: FakeNode, wallet: Wallet, said: Said
) -> None:
    with beside(node):
        code, told = said(node.url, "chain", "register", *wrong, "--yes")
    assert (code, wrong[1] in told, "does not exist" in told, "--wallet.path" in told) == (2, True, True, True)
    assert SUBMIT not in node.asked


@pytest.mark.parametrize("kept", ['{"accountId": ', "", "\0\1\2", "[]", '{"secretPhrase": "one two three"}'])
def test_a_file_that_is_no_key_is_named(kept: str, node: FakeNode, hotkeys: Path, said: Said) -> None:
    (hotkeys / "default").write_text(kept)
    with beside(node):
        code, told = said(node.url, "chain", "register", "--yes")
    assert (code, str(hotkeys / "default") in told) == (2, True), told
    assert SUBMIT not in node.asked


def test_a_hotkey_whose_address_is_anothers_is_not_signed_with(
    node: FakeNode, hotkeys: Path, tmp_path: Path, said: Said
) -> None:
    other = throwaway(tmp_path / "others", "o")
    file = json.loads((hotkeys / "default").read_text())
    (hotkeys / "default").write_text(json.dumps({**file, "ss58Address": other.hotkey.ss58_address}))
    with beside(node):
        code, told = said(node.url, "chain", "serve", "203.0.113.9:8091", "--yes")
    assert (code, str(hotkeys / "default") in told, other.hotkey.ss58_address in told) == (2, True, True), told
    assert SUBMIT not in node.asked


def test_a_coldkey_of_another_wallet_pays_for_nothing(
    node: FakeNode, wallet: Wallet, tmp_path: Path, said: Said
) -> None:
    throwaway(tmp_path / "others", "o")
    node.fund(wallet.coldkey_address, 100)
    (tmp_path / "wallets/w/coldkey").write_bytes((tmp_path / "others/o/coldkey").read_bytes())
    with beside(node):
        code, told = said(node.url, "chain", "register", "--yes")
    assert (code, "another wallet" in told) == (2, True), told
    assert SUBMIT not in node.asked


# -- endpoints ---------------------------------------------------------------------------------------------------------


@contextmanager
def mute() -> Iterator[str]:
    """An endpoint that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"ws://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def old(node: FakeNode) -> Iterator[str]:
    """A node whose runtime lacks what weights need."""
    node.chain.metadata = without(node.chain.metadata, "StakeThreshold")
    with beside(node):
        yield node.url


@pytest.mark.parametrize("what", ["nothing", "mute", "old"])
def test_an_endpoint_that_is_no_node_of_ours_is_exit_code_5_within_30_s_and_named(
    what: str, node: FakeNode, wallet: Wallet, said: Said
) -> None:
    places = {"nothing": nullcontext("ws://127.0.0.1:1"), "mute": mute(), "old": old(node)}
    here: AbstractContextManager[str] = places[what]  # type: ignore[assignment]
    began = time.monotonic()
    with here as url:
        code, told = said(url, "chain", "register", "--yes")
    assert (code, url in told, "--network" in told) == (5, True, True), told
    assert time.monotonic() - began < 30
    assert SUBMIT not in node.asked


def test_another_chain_is_told_by_its_first_block(
    node: FakeNode, wallet: Wallet, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with beside(node):
        named = network_of(node.url)
        genesis = "0x" + "11" * 32
        monkeypatch.setattr(substrate, "network_of", lambda _: replace(named, genesis=genesis))
        code, told = said(node.url, "chain", "register", "--yes")
    assert (code, node.url in told, "another chain" in told) == (5, True, True), told
    assert SUBMIT not in node.asked


@pytest.mark.parametrize("action", [("chain", "metagraph"), ("chain", "neuron"), ("chain", "register", "--yes")])
def test_a_netuid_that_does_not_exist_is_said_with_its_option(
    action: tuple[str, ...], node: FakeNode, wallet: Wallet, said: Said
) -> None:
    with beside(node):
        code, told = said(node.url, *action, "--netuid", "77")
    assert (code, "no subnet 77" in told, "--netuid" in told) == (5, True, True), told
    assert SUBMIT not in node.asked


# -- what the chain refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action", [("serve", "203.0.113.9:8091"), ("weights",), ("commit",), ("stake", "1"), ("unstake", "1")]
)
def test_a_hotkey_without_a_uid_is_told_what_it_lacks(
    action: tuple[str, ...], node: FakeNode, wallet: Wallet, said: Said
) -> None:
    node.fund(wallet.coldkey_address, 100)
    role = ("--role", "validator") if action[0] in ("weights", "commit") else ()
    with beside(node):
        code, told = said(node.url, "chain", *action, *role, "--yes")
    assert (code in (2, 3), "not registered" in told or "no uid" in told) == (True, True), (code, told)
    assert SUBMIT not in node.asked


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:8091", "[::1]:8091", "255.255.255.255:8091", "203.0.113.9:0", "203.0.113.9:65536", "203.0.113.9",
     "example.com:8091", "203.0.113.9:x", "999.0.113.9:8091"],
)  # fmt: skip
def test_an_address_that_the_chain_refuses_is_not_sent(
    address: str, node: FakeNode, wallet: Wallet, said: Said
) -> None:
    node.adopt(wallet.hotkey.ss58_address)
    with beside(node):
        code, told = said(node.url, "chain", "serve", address, "--yes")
    assert code == 2, told
    assert "IP:PORT" in told or "the address that others reach" in told, told
    assert SUBMIT not in node.asked


# -- weights -----------------------------------------------------------------------------------------------------------


class FullDisk(MemoryJournal):
    async def intend(self, plan: object) -> int:
        raise StoreError("no space left on the disk of /data: free some, or move --data-dir")


@pytest.mark.parametrize(
    ("score", "journal", "says"),
    [
        (None, MemoryJournal(), "no serving miner has a score"),
        (0.0, MemoryJournal(), "no serving miner has a score"),
        (math.nan, MemoryJournal(), "no serving miner has a score"),
        (-1.0, MemoryJournal(), "no serving miner has a score"),
        (math.inf, MemoryJournal(), "no serving miner has a score"),
        (1.0, FullDisk(), "no space left"),
    ],
    ids=["empty", "zero", "NaN", "negative", "infinite", "full disk"],
)
async def test_weights_that_mean_nothing_or_cannot_be_journalled_are_not_sent(
    score: float | None, journal: MemoryJournal, says: str
) -> None:
    node, validator, miner = FakeNode(NETUID, RULES), key("validator"), key("miner")
    node.make_block()
    node.adopt(validator.ss58_address, stake=5_000)
    node.adopt(miner.ss58_address)
    recorder = Recorder()
    recorder.scores = lambda: (
        *([] if score is None else [HotkeyScore(hotkey=miner.ss58_address, score=score, last_answer_at=1e10)]),
        HotkeyScore(hotkey=key("stranger").ss58_address, score=9.0, last_answer_at=1e10),
    )
    async with running(node):
        chain = SubstrateChain(node.url, process=kept_process())
        served = await chain.serve_axon(NETUID, hotkey=miner, ip="203.0.113.9", port=8091)
        assert served.ok, served
        for _ in range(RULES.tempo):
            node.make_block()
        node.asked.clear()
        setter = WeightSetter(
            chain=ChainClient(chain, netuid=NETUID, hotkey=validator.ss58_address),
            signer=validator, journal=journal, planner=recorder, feed=recorder.feed,
        )  # fmt: skip
        outcome = await setter.set_now()
        await chain.close()
    assert (outcome.status, says in outcome.reason) == ("rejected", True), outcome
    assert SUBMIT not in node.asked


@pytest.mark.parametrize(
    ("uids", "values"), [([], []), ([7], [1]), ([0, 0], [1, 2]), ([0], [-1]), ([0], [math.nan]), ([0], [0])]
)
async def test_weights_that_cannot_be_right_are_named_before_anything_is_signed(
    uids: list[int], values: list[int]
) -> None:
    node = FakeNode(NETUID, RULES)
    node.make_block()
    node.adopt(key("validator").ss58_address, stake=5_000)
    async with running(node):
        chain = SubstrateChain(node.url, process=kept_process())
        client = ChainClient(chain, netuid=NETUID, hotkey=key("validator").ss58_address)
        await client.look()
        outcome = await client.set_weights(hotkey=key("validator"), uids=uids, values=values)
        await chain.close()
    assert (outcome.status, bool(outcome.reason)) == ("rejected", True)
    assert SUBMIT not in node.asked
