"""A fresh wallet is told what is missing to earn, first things first, by whatever a new user would try."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli import main
from engine.chain.substrate import chain as substrate
from engine.chain.wallets import throwaway
from tests.fake_node.node import FakeNode
from tests.fake_node.script import obey
from tests.unit.chain_helpers import NETUID, kept_process
from tests.unit.test_real_network import RULES, beside

Said = Callable[..., tuple[int, str]]

NEEDS = ("funds", "registration", "axon", "permit")
REMEDIES = ("Send at least ", "Register it ", "Announce ", "Stake ")


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs a command; its exit code, and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*arguments])
        printed = capfd.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.mark.parametrize(("role", "last"), [("miner", "axon"), ("validator", "permit")])
def test_a_fresh_wallet_is_told_what_is_missing_in_order(
    role: str, last: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(substrate, "NodeProcess", kept_process)  # each command would load the metadata anew
    wallet = throwaway(tmp_path / "wallets", "fresh")
    node = FakeNode(NETUID, RULES)
    node.make_block()

    def missing() -> list[str]:
        found = json.loads(said("doctor", *at, "--backend", "scripted", "--json")[1])
        return [one["name"] for one in found["results"] if one["name"] in NEEDS and one["do"].startswith(REMEDIES)]

    with beside(node):
        at = (
            "--network", node.url, "--netuid", str(NETUID), "--role", role, "--wallet-name", "fresh",
            "--wallet-path", str(tmp_path / "wallets"), "--data-dir", str(tmp_path / "data"), "--allow-coldkey",
        )  # fmt: skip
        assert missing() == ["funds", "registration", last]
        code, told = said("launch", *at, "--no-ui", "--port", "0")
        assert code == 3, told
        places = [told.index(f"({number}) {need}: ") for number, need in enumerate(("funds", "registration", last), 1)]
        assert places == sorted(places)
        assert said("chain", "register", *at, "--yes")[0] == 2

        obey(node, f"fund {wallet.coldkey_address}")
        assert missing() == ["registration", last]
        code, told = said("chain", "register", *at, "--yes")
        assert (code, "register: ok at block " in told) == (0, True), told
        assert missing() == [last]

        if role == "miner":
            assert said("chain", "serve", "127.0.0.1:8091", *at, "--yes")[0] == 2
            code, told = said("chain", "serve", "203.0.113.9:8091", *at, "--yes")
        else:
            code, told = said("chain", "stake", "2000", *at, "--yes")
            while not node.head.state.slots[0].validator_permit:
                node.make_block()
        assert (code, ": ok at block " in told) == (0, True), told
        assert missing() == []
