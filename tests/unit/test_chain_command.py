"""`subnet-console chain` and `wallet` on an embedded chain without an engine: looks, guards, what is sent."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.cli import main
from engine.chain.embedded import FILE_NAME, EmbeddedChain
from engine.chain.wallets import Wallet, throwaway
from engine.locks import folder_lock, neuron_lock
from engine.store.schema import FILE_NAME as STORE_FILE
from engine.store.store import Store
from tests.unit.chain_helpers import RULES, key
from tests.unit.store_helpers import a_reply, a_round

NETUID = 1
QUESTION = b"type yes to continue: "
HIDDEN = replace(RULES, commit_reveal=True)
MINERS = tuple(key(f"miner{number}").ss58_address for number in range(1, 4))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data of a validator that has judged one round on a subnet with commit-reveal."""
    asyncio.run(_made(tmp_path))
    return tmp_path


async def _made(folder: Path) -> None:
    validator = throwaway(folder / "wallets", "validator")
    chain = await EmbeddedChain.open(folder / FILE_NAME, netuid=NETUID, hyperparameters=HIDDEN)
    await chain.adopt(validator.hotkey.ss58_address, validator.coldkey_address, stake=5000.0)
    for hotkey in MINERS:
        await chain.adopt(hotkey, hotkey)
        await chain.place(hotkey, "127.0.0.1", 9000)
    for _ in range(HIDDEN.tempo):
        await chain.tick()
    await chain.close()
    store = await Store.open(folder / STORE_FILE, retention_days=7)
    replies = [a_reply(uid, hotkey=hotkey) for uid, hotkey in enumerate(MINERS, 1)]
    await store.record(a_round(replies=replies, at=time.time() - 60), netuid=NETUID, history=b"", cursor=None)
    await store.close()


def test_a_validators_quotas_are_told_and_what_another_stake_would_change(told: "Told") -> None:
    now = told(0, "chain", "quotas", "0")
    assert (now["quota"], now["for_own_questions"]) == (256, 76), "all of it: nobody else has 1,000 tokens"
    assert [one["quota"] for one in now["validators"]] == [256]
    then = told(0, "chain", "quotas", MINERS[0], "--stake", "15000")
    assert (then["stake"], then["quota"], then["for_own_questions"]) == (15000.0, 191, 57), "it has earned since"
    assert [(one["quota"], one["quota_then"]) for one in then["validators"]] == [(256, 64), (0, 191)]
    assert told(0, "chain", "quotas", "0", "--stake", "0.5")["quota"] == 0
    assert "must be a number of tokens" in told(2, "chain", "quotas", "0", "--stake=-1")


def ticked(folder: Path, blocks: int) -> None:
    async def tick() -> None:
        chain = await EmbeddedChain.open(folder / FILE_NAME, netuid=NETUID)
        for _ in range(blocks):
            await chain.tick()
        await chain.close()

    asyncio.run(tick())


class Told:
    """What a command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder

    def __call__(self, code: int, *arguments: str) -> Any:
        """Run it with --json, check the exit code, and answer with its object, or with the words of its error."""
        assert main([*arguments, "--data-dir", str(self._folder), "--json"]) == code
        out, self.narrated = self._capsys.readouterr()
        return json.loads(out) if out else self.narrated


@pytest.fixture
def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys, folder)


def test_weights_are_committed_to_and_revealed_an_epoch_later(told: Told, folder: Path) -> None:
    planned = told(0, "chain", "commit", "--dry-run")
    assert (planned["outcome"], planned["reason"], planned["dry_run"]) == (None, "", True)
    assert any("3 miners get weight" in line for line in planned["about"])
    assert told(0, "chain", "neuron")["commits"] == []

    committed = told(0, "chain", "commit", "--yes")
    assert (committed["outcome"], committed["reason"]) == ("committed", "to be revealed from block 40")
    assert [one["reveal_from"] for one in told(0, "chain", "neuron")["commits"]] == [40]
    again = told(2, "chain", "commit", "--yes")
    assert (again["outcome"], again["reason"].partition(";")[0]) == (None, "rate limit: 10 blocks left (5s)")
    early = told(2, "chain", "reveal", "--yes")
    assert early["reason"].startswith("next epoch: 20 blocks left (10s); the embedded chain makes blocks only")

    ticked(folder, 20)
    assert told(0, "chain", "reveal", "--dry-run")["outcome"] is None
    assert told(0, "chain", "reveal", "--yes")["outcome"] == "ok"
    found = told(0, "chain", "neuron")
    assert (set(found["weights"]), found["commits"]) == ({"1", "2", "3"}, [])
    assert [line["name"] for line in told(0, "chain", "log")["commands"]] == ["reveal weights", "commit weights"]


def test_a_commit_whose_epoch_is_over_is_told_as_lost(told: Told, folder: Path) -> None:
    told(0, "chain", "commit", "--yes")
    ticked(folder, 40)
    lost = told(2, "chain", "reveal", "--yes")
    assert lost["reason"] == "no commit to reveal"
    assert "the commit of block 20 is lost" in lost["about"][0]


def test_the_salt_stays_in_the_journal(told: Told, folder: Path) -> None:
    printed = json.dumps(told(0, "chain", "commit", "--yes")) + told.narrated
    with closing(sqlite3.connect(folder / STORE_FILE)) as connection:
        [(plan,)] = connection.execute("SELECT plan FROM plans").fetchall()
    salt = ",".join(map(str, json.loads(plan)["salt"]))
    logged = "".join(path.read_text() for path in (folder / "logs").iterdir())
    assert salt not in (printed + logged).replace(" ", "")
    assert (folder / STORE_FILE).stat().st_mode & 0o777 == 0o600


def test_plain_weights_are_not_taken_where_they_are_hidden(told: Told) -> None:
    assert "commit-reveal is on" in told(2, "chain", "weights", "--yes")["reason"]


def test_nobody_to_confirm_sends_nothing(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console", "chain", "commit", "--data-dir", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "add --yes, or --dry-run" in done.stderr


@pytest.mark.parametrize(("typed", "code", "outcome"), [("yes", 0, "committed"), ("no", 130, None), ("", 130, None)])
def test_it_is_asked_on_a_terminal(folder: Path, typed: str, code: int, outcome: str | None) -> None:
    controller, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "console", "chain", "commit", "--json", "--data-dir", str(folder)],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as asked:
        os.close(terminal)
        os.write(controller, typed.encode() + b"\n")
        out, err = asked.communicate(timeout=60)
    os.close(controller)
    assert asked.returncode == code
    assert (json.loads(out)["outcome"] if out else None) == outcome
    assert QUESTION in err
    assert b"3 miners get weight" in err


@pytest.mark.parametrize(
    ("typed", "code", "outcome", "said"),
    [("right", 0, "ok", ""), ("wrong", 2, "rejected", "is encrypted, and this password does not open it")],
    ids=["right", "wrong"],
)
def test_the_password_of_the_coldkey_is_asked_for_on_a_terminal_and_not_shown(
    folder: Path, typed: str, code: int, outcome: str, said: str
) -> None:
    from bittensor_wallet.keyfile import legacy_encrypt_keyfile_data

    coldkey = folder / "wallets" / "validator" / "coldkey"
    coldkey.write_bytes(bytes(legacy_encrypt_keyfile_data(coldkey.read_bytes(), "right")))
    wallet = ("--wallet-path", str(folder / "wallets"), "--wallet-name", "validator", "--role", "validator")
    controller, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "console", "chain", "unstake", "1", *wallet, "--json", "--data-dir", str(folder)],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as asked:
        os.close(terminal)
        assert asked.stderr is not None
        for question, answer in ((QUESTION, b"yes"), (b"password of the coldkey: ", typed.encode())):
            heard = b""
            while not heard.endswith(question):
                heard += asked.stderr.read(1)
            os.write(controller, answer + b"\n")  # only now: what is typed ahead of a password is thrown away
        out, err = asked.communicate(timeout=60)
        shown = os.read(controller, 4096)
    os.close(controller)
    done = json.loads(out)
    assert (asked.returncode, done["outcome"]) == (code, outcome)
    assert said in done["reason"]
    assert typed.encode() not in shown + out.replace(said.encode(), b"") + err


def test_ctrl_c_at_the_question_sends_nothing(folder: Path) -> None:
    controller, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "console", "chain", "commit", "--role", "validator", "--data-dir", str(folder)],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as asked:
        os.close(terminal)
        assert asked.stderr is not None
        assert asked.stderr.read(len(QUESTION)) == QUESTION
        asked.send_signal(signal.SIGINT)
        assert asked.wait(timeout=60) == 130
        assert asked.stderr.read() == b""
    os.close(controller)


def test_a_running_engine_alone_sends_and_can_be_looked_beside(told: Told, folder: Path) -> None:
    wallet = throwaway(folder / "wallets", "validator")
    with neuron_lock(wallet.hotkey.ss58_address, NETUID, folder):
        refused = told(4, "chain", "commit", "--yes")
        assert f"in use by process {os.getpid()}" in refused
        assert f"end it first with 'kill {os.getpid()}', or do it on its screen" in refused
        assert told(0, "chain", "metagraph")["block"] == HIDDEN.tempo


def test_the_folder_of_another_neuron_is_refused_with_a_way_out(told: Told, folder: Path) -> None:
    with folder_lock(folder):
        refused = told(4, "chain", "commit", "--yes")
    assert f"data folder {folder} is in use by process {os.getpid()}: " in refused
    assert refused.rstrip().endswith("or give this one a folder of its own with --data-dir")


def test_looks(told: Told, folder: Path) -> None:
    wallet = throwaway(folder / "wallets", "validator")
    metagraph = told(0, "chain", "metagraph")
    assert [one["uid"] for one in metagraph["neurons"]] == [0, 1, 2, 3]
    rules = told(0, "chain", "hyperparameters")
    assert (rules["tempo"], rules["commit_reveal"], rules["next_epoch"]) == (20, True, 40)
    by_uid, by_hotkey = told(0, "chain", "neuron", "2"), told(0, "chain", "neuron", MINERS[1])
    assert by_uid == by_hotkey
    assert by_uid["axon"] == "127.0.0.1:9000"
    assert told(0, "chain", "stake")["stake"] >= 5000
    assert told(0, "chain", "log") == {"commands": []}
    keys = told(0, "wallet")
    assert (keys["hotkey"], keys["throwaway"]) == (wallet.hotkey.ss58_address, True)
    assert "is not registered on netuid 1" in told(3, "chain", "neuron", "99")


def test_looking_leaves_no_trace_in_the_folder_also_beside_an_engine(told: Told, folder: Path) -> None:
    async def beside_an_engine() -> int:
        chain = await EmbeddedChain.open(folder / FILE_NAME, netuid=NETUID)
        await chain.tick()
        block: int = (await asyncio.to_thread(told, 0, "chain", "metagraph"))["block"]
        await chain.close()
        return block

    assert asyncio.run(beside_an_engine()) == HIDDEN.tempo + 1
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for what in ("metagraph", "neuron", "log"):
        told(0, "chain", what)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("metagraph", "hyperparameters", "neuron", "stake", "log"):
        assert main(["chain", what, "--data-dir", str(folder)]) == 0
    assert main(["chain", "commit", "--yes", "--data-dir", str(folder)]) == 0
    assert main(["chain", "log", "--data-dir", str(folder)]) == 0
    out, _ = capsys.readouterr()
    assert "UID    HOTKEY" in out
    assert "no commands yet" in out
    assert "commit: committed at block 20: to be revealed from block 40" in out
    assert "commit weights: committed to be revealed from block 40" in out


def unregistered(folder: Path, name: str) -> Wallet:
    """A wallet that the chain does not know, named as a role's."""
    return throwaway(folder / "wallets", name)


def test_a_miners_keys_are_taken_where_nobody_asked_for_a_validators(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, wallet = Told(capsys, tmp_path), unregistered(tmp_path, "miner")
    assert told(0, "wallet")["hotkey"] == wallet.hotkey.ss58_address
    assert "no throwaway keys for a validator in" in told(2, "wallet", "--role", "validator")


def test_two_roles_get_their_keys_before_their_first_launch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(capsys, tmp_path / "new")
    made = {role: told(0, "wallet", "--create", "--role", role) for role in ("miner", "validator")}
    assert [keys["created"] for keys in made.values()] == [True, True]
    for role, keys in made.items():
        assert throwaway(tmp_path / "new" / "wallets", role).hotkey.ss58_address == keys["hotkey"]
        assert told(0, "wallet", "--create", "--role", role) == keys | {"created": False}
        assert told(0, "wallet", "--role", role) == {name: keys[name] for name in keys if name != "created"}


def test_an_operators_wallet_gets_a_hotkey_and_no_coldkey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told, wallets = Told(capsys, tmp_path / "d"), tmp_path / "wallets"
    named = ("--wallet-path", str(wallets), "--wallet-name", "mine", "--wallet-hotkey", "first")
    finney = ("wallet", "--create", "--role", "miner", "--network", "finney")
    assert "a coldkey is never made here" in told(2, *finney, *named)
    (wallets / "mine").mkdir(parents=True)
    (wallets / "mine" / "coldkeypub.txt").write_text(MINERS[0])
    made = told(0, *finney, *named)
    assert (made["created"], made["coldkey"], made["throwaway"]) == (True, MINERS[0], False)
    assert sorted(path.name for path in (wallets / "mine").rglob("*")) == ["coldkeypub.txt", "first", "hotkeys"]
    assert "--wallet" in told(2, *finney)


def test_a_hotkey_without_a_uid_registers_and_serves(told: Told, folder: Path) -> None:
    wallet = unregistered(folder, "miner")
    lacking = told(3, "chain", "serve", "203.0.113.9:8091", "--yes", "--role", "miner")
    assert (lacking["outcome"], lacking["reason"]) == (None, "this hotkey is not registered")
    needs = [line.split(":")[0] for line in lacking["about"][-3:]]
    assert needs == ["  1. funds", "  2. registration", "  3. axon"]
    poor = told(2, "chain", "register", "--yes", "--role", "miner")
    assert (poor["outcome"], poor["obstacles"]) == (None, [poor["reason"]])
    assert "the coldkey has τ0.000, a registration costs" in poor["reason"]

    async def fund() -> None:
        chain = await EmbeddedChain.open(folder / FILE_NAME, netuid=NETUID)
        await chain.fund(wallet.coldkey_address, 10.0)
        await chain.close()

    asyncio.run(fund())
    assert told(0, "chain", "register", "--dry-run", "--role", "miner")["outcome"] is None
    assert told(0, "chain", "register", "--yes", "--role", "miner")["outcome"] == "ok"
    assert "already registered, as uid 4" in told(2, "chain", "register", "--yes", "--role", "miner")["reason"]
    assert told(0, "chain", "serve", "203.0.113.9:8091", "--yes", "--role", "miner")["outcome"] == "ok"
    assert told(0, "chain", "neuron", "4")["axon"] == "203.0.113.9:8091"
    assert "only a miner serves" in told(2, "chain", "serve", "203.0.113.9:8091", "--yes")["reason"]
    assert "enter IP:PORT" in told(2, "chain", "serve", "here", "--yes", "--role", "miner")


@pytest.mark.parametrize("dash", ["-", "_"])
def test_an_address_is_announced_as_the_references_name_it(dash: str, told: Told, folder: Path) -> None:
    hotkey = unregistered(folder, "miner").hotkey.ss58_address

    async def adopt() -> None:
        chain = await EmbeddedChain.open(folder / FILE_NAME, netuid=NETUID)
        await chain.adopt(hotkey, hotkey)
        await chain.close()

    asyncio.run(adopt())
    address = (f"--external{dash}ip", "203.0.113.9", f"--external{dash}port", "8123")
    assert told(0, "chain", "serve", *address, "--yes", "--role", "miner")["outcome"] == "ok"
    assert told(0, "chain", "neuron", hotkey)["axon"] == "203.0.113.9:8123"


def test_stake_is_added_and_taken_back(told: Told, folder: Path) -> None:
    wallet = throwaway(folder / "wallets", "validator")

    async def fund() -> None:
        chain = await EmbeddedChain.open(folder / FILE_NAME, netuid=NETUID)
        await chain.fund(wallet.coldkey_address, 10.0)
        await chain.close()

    asyncio.run(fund())
    before = told(0, "chain", "stake")
    planned = told(0, "chain", "stake", "4", "--dry-run")
    assert (planned["outcome"], planned["obstacles"]) == (None, [])
    assert {"costs         τ4.000 at most", "then has      τ6.000"} <= set(planned["about"])
    assert told(0, "chain", "stake", "4", "--yes")["outcome"] == "ok"
    assert told(2, "chain", "stake", "7", "--yes")["obstacles"] == ["the coldkey has τ6.000, not τ7.000"]
    assert told(0, "chain", "stake")["stake"] == pytest.approx(before["stake"] + 4)
    assert told(0, "chain", "unstake", "5", "--yes")["outcome"] == "ok"
    after = told(0, "chain", "stake")
    assert (after["stake"], after["balance"]) == (pytest.approx(before["stake"] - 1), pytest.approx(11))
    assert "can be moved" in told(2, "chain", "unstake", "1e6", "--yes")["reason"]
    assert "enter an amount" in told(2, "chain", "unstake", "all", "--yes")
    assert told(0, "chain", "collateral", "3", "--yes")["outcome"] == "ok"
    assert told(0, "chain", "floor", "2", "--yes")["outcome"] == "ok"
    locked = told(2, "chain", "unstake", str(after["stake"] - 2), "--dry-run")["obstacles"]
    assert [one.partition(": ")[2] for one in locked] == ["α3.0000 is locked as collateral"]


def test_without_a_role_it_says_whose_chain_it_is_and_asks_where_another_is_set(
    told: Told, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(0, "chain", "metagraph")
    assert f"no role is set, so this is about the embedded chain in {folder}" in told.narrated
    told(0, "chain", "metagraph", "--role", "validator")
    assert told.narrated == ""
    monkeypatch.setenv("SUBNET_CONSOLE_NETWORK", "ws://127.0.0.1:1")
    for command in (("chain", "metagraph"), ("chain", "register", "--dry-run"), ("wallet",)):
        refused = told(2, *command)
        assert "does not use network (SUBNET_CONSOLE_NETWORK): add --role miner or --role validator" in refused
    assert told(0, "chain", "metagraph", "--network", "embedded")["network"] == "embedded"
    assert "ws://127.0.0.1:1: Connection refused" in told(5, "chain", "metagraph", "--network", "ws://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chain", "commit", "--yes", "--network", "finney"), "a real network needs a wallet: name yours with"),
        (("chain", "metagraph", "--netuid", "5"), "holds netuid 1, not 5: use --netuid 1"),
        (("chain", "commit", "--yes", "--netuid", "5"), "holds netuid 1, not 5: use --netuid 1"),
        (("chain", "serve", "1.2.3.4:9", "--yes", "--role", "miner"), "no throwaway keys for a miner in"),
        (("wallet", "--wallet-name", "mine"), "btcli wallet new-hotkey"),
    ],
)
def test_what_cannot_be_done_says_why(told: Told, arguments: tuple[str, ...], said: str) -> None:
    assert said in told(2, *arguments)


def test_a_folder_without_a_chain_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("metagraph", "log"):
        assert main(["chain", what, "--data-dir", str(tmp_path)]) == 2
    assert main(["chain", "commit", "--yes", "--data-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("`launch` creates one") == 3
    assert list(tmp_path.iterdir()) == []
