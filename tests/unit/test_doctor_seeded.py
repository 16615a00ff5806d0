"""The doctor names what is wrong: a machine on which all is well, and one thing after another put wrong on it."""

import asyncio
import errno
import functools
import importlib.metadata
import json
import os
import resource
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pynvml
import pytest
from msgspec.structs import replace

from console.cli import main
from console.doctor import clock, examination, files, machine, models, packages, terminal, wallet
from console.doctor.case import Case
from console.doctor.examination import examine
from console.doctor.fixes import fixed
from console.doctor.machine import Measured
from console.findings import Fix, Result, fixes_of, text
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.api_keys import add_key
from engine.chain.embedded.neurons import placed
from engine.chain.embedded.sandbox import adopted
from engine.chain.substrate import chain as substrate
from engine.chain.wallets import Wallet, throwaway
from engine.locks import Holder, folder_lock, neuron_lock
from engine.settings import configure
from engine.settings.setting import Given
from engine.snapshot import CallerView, ChainView, ServerView, Snapshot
from engine.store.schema import LATEST
from engine.store.store import Store
from engine.values import Hyperparameters, Metagraph, Neuron
from miner_server.allowlist import AllowList
from miner_server.backends.interface import Backend
from miner_server.gpus import read_gpus
from tests.fake_node.node import FakeNode
from tests.unit import miner_helpers
from tests.unit.chain_helpers import kept_process, key
from tests.unit.miner_helpers import ObedientBackend, make_server
from tests.unit.model_server_helpers import ModelServer, chat, model_server
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
        self.wallet: Wallet = throwaway(home / "wallets", "mine")
        (self.keys / "coldkey").unlink(missing_ok=True)
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


@pytest.fixture(scope="module")
def served() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: ModelServer) -> Iterator[Host]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "kept_by_kernel", lambda: True)
    monkeypatch.setattr(machine, "measure", lambda _folder: LARGE)
    monkeypatch.setattr(packages, "_version", VERSIONS)
    served.__dict__.update(
        models=[{"id": "tiny", "max_model_len": 32_768}], models_status=200, status=200, statuses=[], proves=True
    )
    served.reply = chat("one two three four five six")
    with ExitStack() as stack:
        yield Host(tmp_path, monkeypatch, stack, served)


def unwell(results: list[Result]) -> dict[str, Result]:
    return {one.name: one for one in results if one.state in ("WARNING", "CRITICAL")}


# -- one thing after another -------------------------------------------------------------------------------------


class Seed(NamedTuple):
    """What is put wrong, the result that has to name it, words that it has to say, and results that may say so, too."""

    wrong: Callable[[Host], object]
    name: str
    says: str
    beside: tuple[str, ...]


SEEDS: dict[str, Seed] = {}


def seed(name: str, says: str, *beside: str) -> Callable[[Callable[[Host], object]], None]:
    """Registers what is put wrong by the function below it."""

    def add(wrong: Callable[[Host], object]) -> None:
        SEEDS[wrong.__name__] = Seed(wrong, name, says, beside)

    return add


def written(path: Path, text: str | bytes = "", mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


@seed("python", "is too old")
def old_python(host: Host) -> None:
    host.patch.setattr(packages, "OLDEST", (3, 99))


@seed("packages", "not-there-at-all")
def a_package_is_missing(host: Host) -> None:
    needed = [*(importlib.metadata.requires("subnet-console") or ()), "not-there-at-all>=1"]
    host.patch.setattr(importlib.metadata, "requires", lambda _name: needed)


@seed("configuration", "did you mean 'netuid'")
def a_setting_is_misspelt(host: Host) -> None:
    host.config = written(host.home / "config.toml", "nettuid = 3\n")


@seed("configuration", "port")
def a_port_is_out_of_range(host: Host) -> None:
    del host.settings["port"]
    host.config = written(host.home / "config.toml", "port = 99999\n")


@seed("configuration", "no such configuration file")
def the_configuration_is_not_there(host: Host) -> None:
    host.config = host.home / "nowhere.toml"


@seed("data folder", "readable by others")
def the_data_folder_is_open(host: Host) -> None:
    host.folder.chmod(0o755)


@seed("data folder", "can be written by others")
def others_write_into_the_data_folder(host: Host) -> None:
    written(host.folder / "theirs")
    host.folder.chmod(0o777)


@seed("data folder", "cannot be written")
def a_file_is_in_the_folders_place(host: Host) -> None:
    host.folder.rmdir()
    written(host.folder)


@seed("disk", "0.1 GB free")
def the_disk_is_full(host: Host) -> None:
    host.patch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**12, 0, 10**8))


@seed("store", "is damaged")
def the_store_is_damaged(host: Host) -> None:
    written(host.folder / "store.db", b"this is no database" * 1000)


@seed("store", f"has schema {LATEST + 1}")
def the_store_is_of_a_newer_version(host: Host) -> None:
    async def make() -> None:
        await (await Store.open(host.folder / "store.db", retention_days=7)).close()

    asyncio.run(make())
    with sqlite3.connect(host.folder / "store.db") as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")


@seed("store", "is empty")
def the_store_was_emptied(host: Host) -> None:
    written(host.folder / "store.db")


@seed("api-keys.json", "can be read or written by others")
def the_api_keys_are_readable(host: Host) -> None:
    add_key(host.folder / KEY_FILE, "me")
    (host.folder / KEY_FILE).chmod(0o644)


@seed(".env", "can be read or written by others")
def a_secret_is_in_an_open_file(host: Host) -> None:
    written(host.home / ".env", "SUBNET_CONSOLE_API_KEY=sk-abcdefgh12345678\n", 0o644)


@seed("keymap", "view.filter")
def a_key_is_for_an_unknown_action(host: Host) -> None:
    folder = Path.home() / ".config" / "subnet-console"
    folder.mkdir(parents=True)
    written(folder / "keymap.toml", '"view.filtre" = ["f"]\n')


@seed("wallet", "no wallet is named")
def a_real_network_without_a_wallet(host: Host) -> None:
    host.at_engine()
    host.settings |= {"wallet_name": "", "network": "finney"}


@seed("wallet", "does not exist: copy you")
def the_wallet_is_elsewhere(host: Host) -> None:
    host.settings["wallet_path"] = str(host.home / "nowhere")


@seed("wallet", "")
def the_hotkey_is_another_ones(host: Host) -> None:
    path = host.keys / "hotkeys" / "default"
    told = json.loads(path.read_text()) | {"ss58Address": key("Eve").ss58_address}
    written(path, json.dumps(told))


@seed("wallet", "encrypted")
def the_hotkey_is_encrypted(host: Host) -> None:
    written(host.keys / "hotkeys" / "default", b"$NACL" + bytes(40))


@seed("hotkey file", "can be read or written by others")
def the_hotkey_is_readable(host: Host) -> None:
    (host.keys / "hotkeys" / "default").chmod(0o640)


@seed("coldkey", "is not encrypted")
def an_open_coldkey_is_here(host: Host) -> None:
    written(host.keys / "coldkey", '{"secretPhrase": "…"}')


@seed("coldkey file", "can be read or written by others")
def the_encrypted_coldkey_is_readable(host: Host) -> None:
    written(host.keys / "coldkey", b"$NACL" + bytes(40), 0o644)


@seed("engine", "symbolic link", "stale locks")
def the_lock_is_a_link(host: Host) -> None:
    (host.folder / "lock").symlink_to(host.home / "elsewhere")


@seed("neuron", "already running")
def the_hotkey_runs_elsewhere(host: Host) -> None:
    host.stack.enter_context(neuron_lock(host.hotkey, NETUID, host.home / "elsewhere"))


@seed("stale locks", f"process {A_DEAD_PID}")
def the_last_run_was_killed(host: Host) -> None:
    left = Holder(A_DEAD_PID, str(host.folder), time.time() - 3600)
    written(host.folder / "lock", msgspec.json.encode(left))


@seed("engine", "has not written its status for")
def the_engine_hangs(host: Host) -> None:
    host.at_engine()
    assert host.running is not None
    written(host.folder / "status.json", msgspec.json.encode(replace(host.running, at=time.time() - 600)))
    host.running = None
    host.stack.enter_context(folder_lock(host.folder))


@seed("port", "address already in use")
def the_port_is_taken(host: Host) -> None:
    host.settings["port"] = int(host.serving().rpartition(":")[2])


@seed("port", os.strerror(errno.EADDRNOTAVAIL).lower())
def the_host_is_not_this_machine(host: Host) -> None:
    host.settings |= {"host": "192.0.2.1", "port": 8091}


@seed("file limit", "512 files may be open at once")
def few_files_may_be_open(host: Host) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    host.stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))


@seed("callers", "192.0.2.7")
def a_proxy_hides_the_callers(host: Host) -> None:
    two = [
        CallerView(hotkey=one, allowed=True, requests=1, ok=1, p50_ms=1.0, last_at=1.0, host="192.0.2.7")
        for one in ("5A", "5B")
    ]
    host.at_engine(callers=tuple(two))


@seed("chain", "ws://127.0.0.1:1")
def the_node_is_down(host: Host) -> None:
    host.patch.setattr(substrate, "NodeProcess", kept_process)
    host.settings["network"] = "ws://127.0.0.1:1"


@seed("endpoint", "ws://127.0.0.1:1")
def one_endpoint_is_down(host: Host) -> None:
    node = host.at_node()
    host.settings["network"] = f"ws://127.0.0.1:1,{node.url}"


@seed("chain", "no subnet 77")
def the_subnet_is_not_on_this_chain(host: Host) -> None:
    host.at_node()
    host.settings["netuid"] = 77


@seed("funds", "the coldkey has τ0", "registration", "axon")
def the_coldkey_cannot_pay(host: Host) -> None:
    host.at_node(registered=False)


@seed("registration", "has no uid", "axon")
def nobody_registered_it(host: Host) -> None:
    host.at_node(registered=False).fund(host.wallet.coldkey_address, 100)


@seed("registration", "closed to registrations", "axon")
def registration_is_closed(host: Host) -> None:
    node = host.at_node(registered=False)
    node.chain.store("NetworkRegistrationAllowed", NETUID, value=False)


@seed("axon", "no address is announced")
def nothing_is_announced(host: Host) -> None:
    node = host.at_node(registered=False)
    node.chain.amend(adopted(node.head.state, hotkey=host.hotkey, coldkey=host.wallet.coldkey_address, stake=0))


@seed("permit", "permits go to")
def a_validator_without_stake(host: Host) -> None:
    host.at_node()
    host.settings |= {"role": "validator", "encoder": "hashing"}


@seed("owner", "as this hotkey's coldkey")
def the_coldkeypub_is_another_wallets(host: Host) -> None:
    host.at_node()
    other = throwaway(host.home / "others", "other")
    (host.home / "others" / "other" / "coldkeypub.txt").replace(host.keys / "coldkeypub.txt")
    assert other.coldkey_address != host.wallet.coldkey_address


@seed("place", "the next registration takes uid 1")
def it_is_the_next_to_go(host: Host) -> None:
    node = host.at_node(replace(RULES, max_uids=2, min_mortal=0, immunity_period=0))
    node.chain.store("SubnetOwnerHotkey", NETUID, value=key("validator").ss58_address)


@seed("place", "it has earned nothing yet")
def its_immunity_ends_without_earnings(host: Host) -> None:
    host.at_node(replace(RULES, immunity_period=30))


@seed("clock against chain", "s behind")
def the_clock_is_behind_the_chain(host: Host) -> None:
    _dated(host.at_node(), time.time() + 45)


@seed("clock against chain", "s ahead of the chain")
def the_clock_is_ahead_of_the_chain(host: Host) -> None:
    _dated(host.at_node(), time.time() - 300)


def _dated(node: FakeNode, at: float) -> None:
    """Have the chain's own clock say so."""
    item = node.chain.codec.entry("Now", value=int(at * 1000), pallet="Timestamp")
    node.head.also = node.head.also | dict([item])
    node.head.__dict__.pop("storage", None)


@seed("clock", "in the future")
def the_clock_was_set_back(host: Host) -> None:
    later = time.time() + 3600
    os.utime(written(host.folder / "status.json", "{}"), (later, later))


@seed("clock", "not synchronised")
def nothing_keeps_the_clock(host: Host) -> None:
    host.patch.setattr(clock, "kept_by_kernel", lambda: False)


@seed("axon", "but the miner listens at", "reach")
def another_port_is_announced(host: Host) -> None:
    host.at_engine(at="127.0.0.1:1")


@seed("reach", "nothing answers at 127.0.0.1:1 from here", "axon")
def the_announced_port_is_closed(host: Host) -> None:
    host.at_engine(at="127.0.0.1:1")


@seed("reach", "check the port forwarding", "axon")
def the_announced_address_is_another_miners(host: Host) -> None:
    host.at_engine(at=host.serving())


@seed("reach", "500")
def challenges_fail_behind_the_announced_address(host: Host) -> None:
    class Broken(ObedientBackend):
        async def complete(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("broken")

    host.at_engine(Broken())


@seed("backend", "cannot answer: its model is gone")
def the_running_miners_backend_is_not_ready(host: Host) -> None:
    host.at_engine()
    assert host.running is not None and host.running.server is not None
    unready = replace(host.running.server, ready=False, readiness="its model is gone")
    host.running = replace(host.running, server=unready)


@seed("backend", "nothing answers at 127.0.0.1:1")
def the_model_server_is_down(host: Host) -> None:
    host.settings["backend_url"] = "http://127.0.0.1:1/v1"


@seed("backend", "has no URL")
def the_model_server_is_not_named(host: Host) -> None:
    host.settings["backend_url"] = ""


@seed("backend", "does not take the API key")
def the_api_key_is_wrong(host: Host) -> None:
    host.served.models_status = 401


@seed("backend", "does not serve other-model")
def the_model_is_not_served(host: Host) -> None:
    host.settings["backend_model"] = "other-model"


@seed("backend", "the model's answer is empty")
def the_model_says_nothing(host: Host) -> None:
    host.served.reply = chat("")


@seed("backend", "cannot answer")
def the_model_server_sends_garbage(host: Host) -> None:
    host.served.reply = b"<html>502</html>"


@seed("backend", "tokens a second")
def the_model_is_slow(host: Host) -> None:
    host.patch.setattr(models, "SLOW_PER_S", 1e9)


@seed("backend", "is the miner's own address")
def the_miner_would_ask_itself(host: Host) -> None:
    host.settings |= {"port": 8000, "backend": "vllm", "backend_url": "http://localhost:8000/v1"}


@seed("context", "although backend_context is 65,536")
def the_server_has_less_context_than_set(host: Host) -> None:
    host.settings["backend_context"] = 65_536


@seed("context", "validators may ask for answers of 12,288")
def the_context_is_short(host: Host) -> None:
    host.served.models = [{"id": "tiny", "max_model_len": 2048}]
    host.at_node()


@seed("backend", "gone.gguf")
def the_model_file_is_gone(host: Host) -> None:
    host.settings |= {"backend": "llamacpp", "model_path": str(host.home / "gone.gguf")}


@seed("encoder", "has no URL")
def the_encoder_has_no_url(host: Host) -> None:
    host.settings |= {"role": "validator", "encoder": "openai:tiny"}


@seed("encoder", "needs the extra torch")
def the_encoder_is_not_installed(host: Host) -> None:
    host.patch.setattr(models, "find_spec", lambda _name: None)
    host.settings |= {"role": "validator", "encoder": "sentence-transformers:some/model"}


@seed("machine: memory", "less than 2")
def there_is_little_memory(host: Host) -> None:
    host.patch.setattr(machine, "measure", lambda _folder: replace(LARGE, memory=0.5))


@seed("subnet's machine: cores", "less than 64")
def the_subnet_wants_more_cores(host: Host) -> None:
    written(host.home / "min_compute.yml", "compute_spec: {miner: {cpu: {min_cores: 64}}}")


def a_gpu(host: Host, gib: int, compute: tuple[int, int]) -> None:
    """NVIDIA's library finds this card, and the subnet wants a larger and newer one."""

    class Memory:
        total, used = gib << 30, 1 << 30

    told: dict[str, Callable[..., Any]] = {
        "nvmlInit": lambda: None, "nvmlShutdown": lambda: None, "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda number: number, "nvmlDeviceGetName": lambda _: "NVIDIA T4",
        "nvmlDeviceGetMemoryInfo": lambda _: Memory, "nvmlDeviceGetUtilizationRates": lambda _: Use,
        "nvmlDeviceGetCudaComputeCapability": lambda _: compute, "nvmlDeviceGetTemperature": lambda *_: 60,
    }  # fmt: skip
    for name, answer in told.items():
        host.patch.setattr(pynvml, name, answer)
    host.patch.setattr(machine, "measure", lambda _folder: replace(LARGE, gpus=tuple(read_gpus())))
    profile = "{min_vram: 24, min_compute_capability: 8.6}"
    written(host.home / "min_compute.yml", f"compute_spec: {{miner: {{gpu: {{profiles: {{a10: {profile}}}}}}}}}")


class Use:
    gpu = 50


@seed("subnet's machine: gpu", "NVIDIA T4, 16 GB, compute capability 7.5, less than 24 GB (gpu.profiles.a10.min_vram)")
def the_gpu_is_too_small(host: Host) -> None:
    a_gpu(host, 16, (7, 5))


@seed("subnet's machine: gpu", "less than compute capability 8.6 (gpu.profiles.a10.min_compute_capability)")
def the_gpu_is_too_old(host: Host) -> None:
    a_gpu(host, 32, (7, 5))


@seed("neuron 127.0.0.1:1", "no validator's way leads to it from here")
def a_named_neuron_is_out_of_reach(host: Host) -> None:
    host.settings["neurons"] = [f"{key('Bob').ss58_address}@127.0.0.1:1"]


@seed("terminal", "TERM=dumb")
def the_terminal_is_dumb(host: Host) -> None:
    host.environ["TERM"] = "dumb"


@seed("terminal", "very small")
def the_terminal_is_tiny(host: Host) -> None:
    host.size = (40, 10)


@seed("letters", "not a UTF-8 locale")
def the_locale_is_not_utf8(host: Host) -> None:
    host.environ["LANG"] = "C"


@seed("clipboard", "set-clipboard external")
def tmux_keeps_what_is_copied(host: Host) -> None:
    host.environ["TMUX"] = "/tmp/x,1,0"
    host.patch.setattr(terminal, "ask_tmux", lambda: "external")


def test_there_are_many() -> None:
    assert len({(one.name, one.says) for one in SEEDS.values()}) >= 25


@pytest.mark.parametrize("wrong", SEEDS)
def test_what_is_wrong_is_named_with_what_to_do_and_nothing_else_is(wrong: str, host: Host) -> None:
    sown = SEEDS[wrong]
    sown.wrong(host)
    found = unwell(host.examine())
    assert sown.name in found, {name: one.text for name, one in found.items()}
    assert sown.says in found[sown.name].text
    assert found[sown.name].why and found[sown.name].do
    assert set(found) <= {sown.name, *sown.beside}, {name: one.text for name, one in found.items()}


def test_a_machine_on_which_all_is_well_names_nothing(host: Host) -> None:
    assert unwell(host.examine()) == {}, "on the embedded chain"
    node = host.at_node()
    found = {one.name: one for one in host.examine()}
    assert unwell(list(found.values())) == {}, "on a real network"
    assert found["context"].text == "32,768 tokens"
    assert "tokens a second" in found["backend"].text
    assert "2 of 256 uids are taken" in found["place"].text
    _dated(node, time.time() - 6)
    found = {one.name: one for one in host.examine()}
    assert found["clock against chain"].text.endswith(" old by this clock, as it should be")
    host.at_engine()
    found = {one.name: one for one in host.examine()}
    assert unwell(list(found.values())) == {}, "while it runs"
    assert "leads here: handshake and a sealed answer" in found["reach"].text


FIXED = (
    "the_data_folder_is_open", "the_api_keys_are_readable", "the_hotkey_is_readable",
    "the_encrypted_coldkey_is_readable", "the_last_run_was_killed",
)  # fmt: skip


@pytest.mark.parametrize("wrong", FIXED)
def test_what_is_safe_is_fixed_and_only_said_before(wrong: str, host: Host) -> None:
    SEEDS[wrong].wrong(host)
    before = {path: path.stat().st_mode for path in host.home.rglob("*")}
    results = host.examine()
    assert {path: path.stat().st_mode for path in host.home.rglob("*")} == before, "to look changes nothing"
    fixes = fixes_of(results)
    assert fixes and all(str(fix.path) in text(results) for fix in fixes)
    assert [one.error for one in fixed(fixes)] == [""] * len(fixes)
    after = host.examine()
    assert unwell(after) == {} and fixes_of(after) == []


def test_a_fix_follows_no_link_takes_no_held_lock_and_gives_no_rights(tmp_path: Path) -> None:
    target = written(tmp_path / "target", mode=0o644)
    (tmp_path / "link").symlink_to(target)
    narrow = written(tmp_path / "narrow", mode=0o400)
    with folder_lock(tmp_path):
        link, held, kept = fixed([Fix(tmp_path / "link", 0o600), Fix(tmp_path / "lock"), Fix(narrow, 0o600)])
        assert (tmp_path / "lock").exists()
    assert link.error and "held by a process" in held.error and not kept.error
    assert (target.stat().st_mode & 0o777, narrow.stat().st_mode & 0o777) == (0o644, 0o400)


def test_the_command_says_what_fix_would_do_and_does_it(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.folder.chmod(0o755)
    at = ("doctor", "--role", "demo", "--data-dir", str(host.folder))
    main([*at])
    assert f"doctor --fix would do this, and nothing else:\n  chmod 700 {host.folder}" in capsys.readouterr().out
    main([*at, "--fix", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["fixes"] == [{"fix": f"chmod 700 {host.folder}", "done": True, "error": ""}]
    assert {"data folder": "OK"}.items() <= {one["name"]: one["state"] for one in document["results"]}.items()
    assert host.folder.stat().st_mode & 0o777 == 0o700


def test_a_check_that_hangs_is_not_waited_for(host: Host) -> None:
    hung = threading.Event()
    host.stack.callback(hung.set)
    host.patch.setattr(examination, "LONGEST_S", 0.2)
    host.patch.setattr("console.doctor.files.data_folder", lambda _case: [hung.wait()])
    host.patch.setattr(examination, "_checks", _only_quick_ones)
    found = {one.name: one for one in host.examine()}
    assert "has not ended within 0.2 s" in found["data folder"].text
    assert {"python", "configuration", "store", "wallet"} <= set(found)


def _only_quick_ones(case: Case) -> list[examination.Check]:
    return [
        examination.Check("data folder", lambda: files.data_folder(case), 0.2),
        examination.Check("store", lambda: files.store(case.folder, case.now)),
        examination.Check("wallet", lambda: wallet.wallet(case)),
        examination.Check("configuration", lambda: files.configuration(case.configuration)),
    ]
