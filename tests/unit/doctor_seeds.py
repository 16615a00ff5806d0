"""A machine on which all is well, for one thing after another to be put wrong on it."""

import asyncio
import atexit
import functools
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from console.doctor import clock, machine, packages
from console.doctor.examination import examine
from console.doctor.machine import Measured
from console.findings import Result
from engine.chain.embedded.neurons import placed
from engine.chain.embedded.sandbox import adopted
from engine.chain.substrate import chain as substrate
from engine.chain.wallets import Wallet, throwaway
from engine.settings import configure
from engine.settings.setting import Given
from engine.snapshot import ChainView, ServerView, Snapshot
from engine.values import Hyperparameters, Metagraph, Neuron
from miner_server.allowlist import AllowList
from miner_server.backends.interface import Backend
from tests.fake_node.node import FakeNode
from tests.unit import miner_helpers
from tests.unit.chain_helpers import kept_process, key
from tests.unit.miner_helpers import make_server
from tests.unit.model_server_helpers import ModelServer, chat
from tests.unit.test_real_network import beside

NETUID = 3
RULES = Hyperparameters(tempo=20, weights_rate_limit=10, serving_rate_limit=0, immunity_period=7200, burn=2.0)
GOOD_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_US.UTF-8"}
LARGE = Measured(cores=8, ghz=3.0, architecture="x86_64", memory=16.0, disk=100.0, glibc="2.36")
AXON = ("203.0.113.9", 8091)
VERSIONS = functools.cache(packages._version)
"""To read what each of them says of itself takes a fifth of all the time of these tests."""

A_DEAD_PID = 2**22 + 1
"""Above the kernel's largest."""


class Host:
    """A machine on which a miner is set up as it should be: settings, wallet, data folder, a model server.

    A seed changes what it likes before the doctor looks. `running` is the snapshot of an engine that runs here.
    """

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, stack: ExitStack, served: ModelServer) -> None:
        self.home, self.patch, self.stack, self.served = home, patch, stack, served
        folder, self.wallet = a_wallet()
        shutil.copytree(folder, home / "wallets")
        self.folder.mkdir(mode=0o700)
        self.environ, self.size = dict(GOOD_TERMINAL), (160, 48)
        self.running: Snapshot | None = None
        self.config: Path | None = None
        self.settings: dict[str, object] = {
            "role": "miner", "wallet_name": "mine", "wallet_path": str(home / "wallets"), "host": "127.0.0.1",
            "port": 0, "backend": "openai", "backend_url": served.url, "netuid": NETUID,
        }  # fmt: skip

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def keys(self) -> Path:
        """The wallet's folder."""
        return self.home / "wallets" / "mine"

    @property
    def hotkey(self) -> str:
        return self.wallet.hotkey.ss58_address

    def examine(self) -> list[Result]:
        """What the doctor finds."""
        given = {name: Given(value, f"--{name}", is_text=False) for name, value in self.settings.items()}
        given["data_dir"] = Given(str(self.folder), "--data-dir")
        return examine(
            lambda: configure(given, config=self.config, environ={}),
            environ=self.environ,
            size=self.size,
            snapshot=self.running,
        )

    def at_node(self, rules: Hyperparameters = RULES, *, registered: bool = True) -> FakeNode:
        """A node of a real network, on which this miner is registered and announced, if it is."""
        self.patch.setattr(substrate, "NodeProcess", kept_process)  # each look would load the metadata anew
        node = FakeNode(NETUID, rules)
        node.make_block()
        node.adopt(key("validator").ss58_address, stake=2000)
        if registered:
            coldkey = self.wallet.coldkey_address
            state = adopted(node.head.state, hotkey=self.hotkey, coldkey=coldkey, stake=0)
            node.chain.amend(placed(state, hotkey=self.hotkey, ip=AXON[0], port=AXON[1]))
        self.stack.enter_context(beside(node))
        self.settings |= {"network": node.url}
        return node

    def at_engine(self, backend: Backend | None = None, *, at: str = "", **server: Any) -> None:
        """An engine that runs here, as it says itself: its server really listens, and is announced `at` an address."""
        now, address = time.time(), self.serving(backend)
        ip, _, port = (at or address).rpartition(":")
        own = Neuron(uid=0, hotkey=self.hotkey, coldkey=self.wallet.coldkey_address, ip=ip, port=int(port))
        self.running = Snapshot(
            at=now,
            version="1",
            role="miner",
            started_at=now,
            hotkey=self.hotkey,
            chain=ChainView(endpoint="wss://chain", network="finney", reachable=True, block=7, netuid=NETUID),
            metagraph=Metagraph(netuid=NETUID, block=7, neurons=(own,)),
            server=ServerView(address=address, ready=True, backend="openai", model="tiny", **server),
        )

    def serving(self, backend: Backend | None = None) -> str:
        """Where a miner's server really listens, whose own hotkey is ours."""
        return self.stack.enter_context(_serving(backend, AllowList(own=self.hotkey)))


@functools.cache
def a_wallet() -> tuple[Path, Wallet]:
    """The folder of wallets in which `mine` is, without its coldkey: to make keys takes a tenth of a second."""
    folder = Path(tempfile.mkdtemp(prefix="wallets-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    wallet = throwaway(folder, "mine")
    (folder / "mine" / "coldkey").unlink()
    return folder, wallet


@contextmanager
def _serving(backend: Backend | None, allow: AllowList) -> Iterator[str]:
    """A miner's server on a loop of its own."""
    ready, done, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    server = make_server(backend, allow=allow)

    async def serve() -> None:
        async with miner_helpers.running(server):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield "{}:{}".format(*server.address)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


@contextmanager
def a_host(home: Path, patch: pytest.MonkeyPatch, served: ModelServer) -> Iterator[Host]:
    patch.chdir(home)
    patch.setattr(clock, "kept_by_kernel", lambda: True)
    patch.setattr(machine, "measure", lambda _folder: LARGE)
    patch.setattr(packages, "_version", VERSIONS)
    served.__dict__.update(
        models=[{"id": "tiny", "max_model_len": 32_768}], models_status=200, status=200, statuses=[], proves=True
    )
    served.reply = chat("one two three four five six")
    with ExitStack() as stack:
        yield Host(home, patch, stack, served)


def unwell(results: list[Result]) -> dict[str, Result]:
    return {one.name: one for one in results if one.state in ("WARNING", "CRITICAL")}


class Seed(NamedTuple):
    """What is put wrong, the result that has to name it, words that it has to say, and results that may say so, too."""

    wrong: Callable[[Host], object]
    name: str
    says: str
    beside: tuple[str, ...]


class Seeds(dict[str, Seed]):
    """What can be put wrong, by its name."""

    def add(self, name: str, says: str, *beside: str) -> Callable[[Callable[[Host], object]], None]:
        """Registers what is put wrong by the function below it."""

        def register(wrong: Callable[[Host], object]) -> None:
            self[wrong.__name__] = Seed(wrong, name, says, beside)

        return register


def require_named(sown: Seed, host: Host) -> None:
    """The doctor names what is wrong with what to do, and nothing else."""
    sown.wrong(host)
    found = unwell(host.examine())
    assert sown.name in found, {name: one.text for name, one in found.items()}
    assert sown.says in found[sown.name].text
    assert found[sown.name].why and found[sown.name].do
    assert set(found) <= {sown.name, *sown.beside}, {name: one.text for name, one in found.items()}


def written(path: Path, text: str | bytes = "", mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def dated(node: FakeNode, at: float) -> None:
    """Have the chain's own clock say so."""
    item = node.chain.codec.entry("Now", value=int(at * 1000), pallet="Timestamp")
    node.head.also = node.head.also | dict([item])
    node.head.__dict__.pop("storage", None)
