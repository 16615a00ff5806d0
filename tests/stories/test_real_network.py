"""A real network as its operator works with it: registering, serving and weights by keys, commands and the engine.

The network is a scripted node with mainnet's metadata, whose blocks come when the story wants them.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual.pilot import Pilot

from console.cli import main
from console.errors import ExitCode
from console.record.folder import FolderRecord
from console.roles import session
from console.roles.run import run
from console.screens.keymap import Keymap
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from engine.chain.embedded.neurons import placed, register
from engine.chain.embedded.sandbox import adopted
from engine.chain.embedded.timelock import Payload
from engine.chain.interface import TIMELOCKED, Sealed
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate import chain as substrate
from engine.chain.wallets import Wallet, throwaway
from engine.feed import Feed
from engine.logs import LogRing
from engine.node import heartbeat
from engine.node.chain_watch import LOOK_EVERY_BLOCKS
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread
from engine.settings import Settings
from engine.snapshot import Role, Snapshot
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.values import Hyperparameters
from tests.fake_node.chain import FakeChain
from tests.fake_node.node import FakeNode, running
from tests.stories import console
from tests.stories.console import PATIENCE_S
from tests.unit.chain_helpers import NETUID, kept_process, key
from tests.unit.engine_helpers import until
from tests.unit.store_helpers import a_reply, a_round
from tests.unit.tui_helpers import WIDE, screen_text

pytestmark = pytest.mark.slow

RULES: dict[str, Any] = {
    "tempo": 40, "weights_rate_limit": 4, "serving_rate_limit": 2, "stake_threshold": 100.0, "burn": 2.0,
}  # fmt: skip
MINERS = tuple(key(f"miner{number}").ss58_address for number in range(1, 4))
AXON = "127.0.0.2:18091"
"""A loopback address that the chain takes."""


class QuickChain(SubstrateChain):
    """The client of blocks that come at once. It tells the chain what it seals, as the beacon would in time."""

    told: ClassVar[FakeChain]

    def __init__(self, network: str, **given: Any) -> None:
        super().__init__(network, **{**given, "process": kept_process(), "block_time": 0.2})

    async def seal_weights(
        self, netuid: int, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
    ) -> Sealed:
        sealed = await super().seal_weights(netuid, hotkey=hotkey, uids=uids, values=values, version_key=version_key)
        self.told.sealed[sealed.commit] = Payload(hotkey, tuple(uids), tuple(values), version_key)
        return sealed


class Operator:
    """Somebody with a wallet, a data folder and a node that others see too."""

    def __init__(self, role: Role, folder: Path, node: FakeNode, capsys: pytest.CaptureFixture[str]) -> None:
        self.role, self.folder, self.node, self._capsys = role, folder, node, capsys
        self.wallet: Wallet = throwaway(folder / "wallets", role)

    @property
    def hotkey(self) -> str:
        return self.wallet.hotkey.ss58_address

    async def command(self, *arguments: str, code: int = 0) -> Any:
        """What `chain …` prints as JSON."""
        where = (
            "--network", self.node.url, "--netuid", str(NETUID), "--role", self.role, "--wallet-name", self.role,
            "--wallet-path", str(self.folder / "wallets"), "--data-dir", str(self.folder / "data"), "--json",
        )  # fmt: skip
        ended = await asyncio.to_thread(main, ["chain", *arguments, *where])
        printed = self._capsys.readouterr()
        assert ended == code, printed.err
        return json.loads(printed.out)

    @asynccontextmanager
    async def launched(self, **changes: Any) -> AsyncIterator["Seat"]:
        """An engine under a screen, as `launch` starts them."""
        folder = self.folder / "data"
        folder.mkdir(mode=0o700, exist_ok=True)
        settings = Settings(
            role=self.role, network=self.node.url, netuid=NETUID, data_dir=folder, wallet_name=self.role,
            wallet_path=self.folder / "wallets", allow_coldkey=True, **changes,
        )  # fmt: skip
        now = time.time()
        feed = Feed(Snapshot(at=now, version="0", role=settings.role, started_at=now))
        thread = EngineThread(lambda: run(settings, folder, feed))
        engine = InProcessEngine(feed, LogRing(), FolderRecord(folder), thread)
        app = ConsoleApp(engine, folder=folder, keymap=Keymap(), terminal=1)
        thread.start()
        try:
            async with app.run_test(size=WIDE) as pilot:
                seat = Seat(app, pilot, engine)
                await seat.wait(lambda: engine.snapshot.chain.registered)
                yield seat
        finally:
            thread.stop()
            assert await asyncio.to_thread(thread.join, 60)
        assert thread.error is None


class Seat:
    """Whoever sits at a screen."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[Ending], engine: InProcessEngine) -> None:
        self.app, self.pilot, self.engine = app, pilot, engine

    async def wait(self, holds: Callable[[], object]) -> None:
        """Wait for it while the engine runs."""
        await until(lambda: self.engine.state != "running" or holds(), seconds=PATIENCE_S)
        assert self.engine.state == "running", self.engine.thread.error

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def take(self, letter: str, *typed: str) -> None:
        """Take the action of this letter, with what is typed into each of its fields, and the netuid last."""
        await self.press("x", letter, *(one for text in typed for one in ("tab", *text)), "tab", *str(NETUID))
        await self.press("enter", "y")

    async def sees(self, text: str) -> None:
        def shows() -> bool:
            self.app.pull()
            return text in screen_text(self.app)

        await self.wait(shows)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SubstrateChain", QuickChain)
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.05)
    for limit in ("CONNECT_S", "ANSWER_S", "NODE_S"):  # the node shares a process with all that works here
        monkeypatch.setattr(substrate, limit, PATIENCE_S)


@asynccontextmanager
async def a_node(**rules: Any) -> AsyncIterator[FakeNode]:
    async with running(FakeNode(NETUID, Hyperparameters(**{**RULES, **rules}))) as node:
        QuickChain.told = node.chain
        node.make_block()
        yield node


def forward(node: FakeNode, blocks: int) -> None:
    for _ in range(blocks):
        node.make_block()


def landed(node: FakeNode, name: str) -> list[tuple[int, str, dict[str, Any]]]:
    """The calls of this name that went well: block, signer, arguments."""
    return [(block, signer, given) for block, signer, call, given in node.chain.landed if call == name]


def paid_by(node: FakeNode) -> list[int]:
    """Whom the weights on chain of the neuron on uid 0 go to."""
    return [uid for uid, _ in node.head.state.slots[0].weights]


def take_uid(node: FakeNode, hotkey: str) -> None:
    """Others register on a full subnet until this hotkey has lost its uid, and enough blocks follow to see it."""
    node.fund(MINERS[0], 10_000)
    while hotkey in {slot.hotkey for slot in node.head.state.slots}:
        newcomer = key(f"newcomer{node.head.state.block}").ss58_address
        node.chain.amend(register(node.head.state, coldkey=MINERS[0], hotkey=newcomer))
        node.make_block()
    forward(node, LOOK_EVERY_BLOCKS)


FULL: dict[str, Any] = {"max_uids": 2, "min_mortal": 0, "immunity_period": 0}
"""A subnet on which two registrations cost a neuron its uid."""


async def test_a_miner_registers_and_serves_by_commands_and_again_by_keys_once_its_uid_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_node(**FULL) as node:
        miner = Operator("miner", tmp_path, node, capsys)
        cold = miner.wallet.coldkey_address
        node.fund(cold, 100)
        assert (await miner.command("register", "--dry-run"))["outcome"] is None
        assert landed(node, "register_limit") == []
        assert (await miner.command("register", "--yes"))["outcome"] == "ok"
        assert (await miner.command("serve", AXON, "--yes"))["outcome"] == "ok"
        assert "is already announced on chain" in (await miner.command("serve", AXON, "--yes", code=2))["reason"]
        async with miner.launched(backend="scripted", host="127.0.0.1", port=0) as seat:
            await seat.press("4")
            take_uid(node, miner.hotkey)
            await seat.sees("not registered")
            price = seat.engine.snapshot.chain.registration_cost
            await seat.take("i")
            await seat.wait(lambda: len(landed(node, "register_limit")) == 2)
            forward(node, LOOK_EVERY_BLOCKS)
            await seat.wait(lambda: seat.engine.snapshot.chain.registered)
            await seat.take("s", AXON)
            await seat.wait(lambda: len(landed(node, "serve_axon")) == 2)
            await seat.sees("✓ ok")
        [_, (_, signer, given)] = landed(node, "register_limit")
        assert (signer, given["hotkey"]) == (cold, miner.hotkey)
        assert given["limit_price"] == pytest.approx(price * 1e9, abs=1), "no more than was shown"
        [first, second] = landed(node, "serve_axon")
        assert first[1] == second[1] == miner.hotkey
        assert first[2] == second[2]


@pytest.mark.parametrize("if_lost", ["stop", "pause"])
async def test_who_loses_its_uid_ends_with_exit_code_3_or_waits_for_another_one(if_lost: str, tmp_path: Path) -> None:
    wallet = throwaway(tmp_path / "wallets", "miner")
    hotkey, cold = wallet.hotkey.ss58_address, wallet.coldkey_address
    async with a_node(**FULL) as node:
        node.chain.amend(adopted(node.head.state, hotkey=hotkey, coldkey=cold, stake=0.0))
        arguments = (
            "--role", "miner", "--network", node.url, "--netuid", str(NETUID), "--backend", "scripted",
            "--host", "127.0.0.1", "--port", "0", "--wallet-name", "miner", "--allow-coldkey",
            "--wallet-path", str(tmp_path / "wallets"), "--data-dir", str(tmp_path / "data"),
        )  # fmt: skip
        with console.running(*arguments, SUBNET_CONSOLE_IF_DEREGISTERED=if_lost) as run:

            async def told(event: str, field: str, text: str) -> None:
                def has_come() -> bool:
                    assert run.process.poll() is None, run.said()
                    return any(text in one[field] for one in run.named(event))

                await until(has_come, seconds=PATIENCE_S)

            await told("service", "name", "chain watch")
            take_uid(node, hotkey)
            if if_lost == "stop":
                assert await asyncio.to_thread(run.wait) == ExitCode.NOT_REGISTERED
                assert "is no longer registered on netuid 3" in run.said()
                return
            await told("attention", "text", "is no longer registered on netuid 3")
            node.fund(cold, 1_000)
            node.chain.amend(register(node.head.state, coldkey=cold, hotkey=hotkey))
            forward(node, LOOK_EVERY_BLOCKS)
            await told("attention", "text", "this hotkey is registered again")
            code, _ = await asyncio.to_thread(run.stop, signal.SIGTERM)
            assert code == ExitCode.DONE, run.said()


async def a_validator(tmp_path: Path, node: FakeNode, capsys: pytest.CaptureFixture[str]) -> Operator:
    """With its permit, right after an epoch, and with a round on record in which three miners answered."""
    validator = Operator("validator", tmp_path, node, capsys)
    state = adopted(node.head.state, hotkey=validator.hotkey, coldkey=validator.wallet.coldkey_address, stake=5000)
    for hotkey in MINERS:
        state = placed(adopted(state, hotkey=hotkey, coldkey=hotkey, stake=0.0), hotkey=hotkey, ip="127.0.0.2", port=9)
    node.chain.amend(state)
    while not node.head.state.slots[0].validator_permit:
        node.make_block()
    (tmp_path / "data").mkdir(mode=0o700)
    store = await Store.open(tmp_path / "data" / FILE_NAME, retention_days=7)
    replies = [a_reply(uid, hotkey=hotkey) for uid, hotkey in enumerate(MINERS, 1)]
    await store.record(a_round(replies=replies, at=time.time() - 60), netuid=NETUID, history=b"", cursor=None)
    await store.close()
    return validator


IDLE: dict[str, Any] = {"encoder": "bow", "interval": 3600.0}
"""A validator that asks nobody while the story lasts: its weights are what counts here."""


async def test_plain_weights_are_set_by_a_command_by_keys_and_by_the_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_node() as node:
        validator = await a_validator(tmp_path, node, capsys)
        assert (await validator.command("weights", "--dry-run"))["outcome"] is None
        assert landed(node, "set_weights") == []
        assert (await validator.command("weights", "--yes"))["outcome"] == "ok"
        forward(node, RULES["weights_rate_limit"])
        async with validator.launched(**IDLE) as seat:
            await seat.press("4")
            await seat.take("w")
            await seat.wait(lambda: len(landed(node, "set_weights")) == 2)
            forward(node, node.head.state.last_epoch + 2 * RULES["tempo"] - 5 - node.head.state.block)
            await seat.wait(lambda: len(landed(node, "set_weights")) == 3)
            await seat.wait(lambda: [one.outcome for one in seat.engine.snapshot.plans].count("ok") == 3)
        sent = landed(node, "set_weights")
        assert {signer for _, signer, _ in sent} == {validator.hotkey}
        assert all(given["dests"] == [1, 2, 3] for _, _, given in sent)
        assert paid_by(node) == [1, 2, 3]
        assert (await validator.command("neuron"))["weights"].keys() == {"1", "2", "3"}


async def test_sealed_weights_are_committed_by_a_command_by_keys_and_by_the_engine_and_applied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_node(commit_reveal=True, commit_reveal_version=TIMELOCKED) as node:
        validator = await a_validator(tmp_path, node, capsys)
        refused = await validator.command("weights", "--yes", code=2)
        assert refused["reason"] == "commit-reveal is on: commit instead"
        dry = await validator.command("commit", "--dry-run")
        assert any("sealed until the chain reveals them" in one for one in dry["about"])
        assert (await validator.command("commit", "--yes"))["outcome"] == "committed"
        forward(node, RULES["weights_rate_limit"])
        async with validator.launched(**IDLE) as seat:
            await seat.press("4")
            await seat.take("c")
            await seat.wait(lambda: len(landed(node, "commit_timelocked_weights")) == 2)
            assert paid_by(node) == [], "nobody can read them yet"
            forward(node, node.head.state.last_epoch + 2 * RULES["tempo"] - 5 - node.head.state.block)
            await seat.wait(lambda: len(landed(node, "commit_timelocked_weights")) == 3)
            forward(node, 10)
            await seat.wait(lambda: [one.outcome for one in seat.engine.snapshot.plans].count("applied") == 3)
            await seat.sees("applied")
        assert {signer for _, signer, _ in landed(node, "commit_timelocked_weights")} == {validator.hotkey}
        assert paid_by(node) == [1, 2, 3]
