"""What is wrong with the machine, its files and the settings is named by the doctor, with what to do."""

import asyncio
import importlib.metadata
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pynvml
import pytest
from msgspec.structs import replace

from console.doctor import machine, packages, terminal
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.api_keys import add_key
from engine.locks import Holder, folder_lock, neuron_lock
from engine.store.schema import LATEST
from engine.store.store import Store
from miner_server.gpus import read_gpus
from tests.unit.doctor_seeds import A_DEAD_PID, LARGE, NETUID, Host, Seeds, require_named, written

SEEDS = Seeds()


@SEEDS.add("python", "is too old")
def old_python(host: Host) -> None:
    host.patch.setattr(packages, "OLDEST", (3, 99))


@SEEDS.add("packages", "not-there-at-all")
def a_package_is_missing(host: Host) -> None:
    needed = [*(importlib.metadata.requires("subnet-console") or ()), "not-there-at-all>=1"]
    host.patch.setattr(importlib.metadata, "requires", lambda _name: needed)


@SEEDS.add("configuration", "did you mean 'netuid'")
def a_setting_is_misspelt(host: Host) -> None:
    host.config = written(host.home / "config.toml", "nettuid = 3\n")


@SEEDS.add("configuration", "port")
def a_port_is_out_of_range(host: Host) -> None:
    del host.settings["port"]
    host.config = written(host.home / "config.toml", "port = 99999\n")


@SEEDS.add("configuration", "no such configuration file")
def the_configuration_is_not_there(host: Host) -> None:
    host.config = host.home / "nowhere.toml"


@SEEDS.add("data folder", "readable by others")
def the_data_folder_is_open(host: Host) -> None:
    host.folder.chmod(0o755)


@SEEDS.add("data folder", "can be written by others")
def others_write_into_the_data_folder(host: Host) -> None:
    written(host.folder / "theirs")
    host.folder.chmod(0o777)


@SEEDS.add("data folder", "cannot be written")
def a_file_is_in_the_folders_place(host: Host) -> None:
    host.folder.rmdir()
    written(host.folder)


@SEEDS.add("disk", "0.1 GB free")
def the_disk_is_full(host: Host) -> None:
    host.patch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**12, 0, 10**8))


@SEEDS.add("store", "is damaged")
def the_store_is_damaged(host: Host) -> None:
    written(host.folder / "store.db", b"this is no database" * 1000)


@SEEDS.add("store", f"has schema {LATEST + 1}")
def the_store_is_of_a_newer_version(host: Host) -> None:
    async def make() -> None:
        await (await Store.open(host.folder / "store.db", retention_days=7)).close()

    asyncio.run(make())
    with sqlite3.connect(host.folder / "store.db") as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")


@SEEDS.add("store", "is empty")
def the_store_was_emptied(host: Host) -> None:
    written(host.folder / "store.db")


@SEEDS.add("api-keys.json", "can be read or written by others")
def the_api_keys_are_readable(host: Host) -> None:
    add_key(host.folder / KEY_FILE, "me")
    (host.folder / KEY_FILE).chmod(0o644)


@SEEDS.add(".env", "can be read or written by others")
def a_secret_is_in_an_open_file(host: Host) -> None:
    written(host.home / ".env", "SUBNET_CONSOLE_API_KEY=sk-abcdefgh12345678\n", 0o644)


@SEEDS.add("keymap", "view.filter")
def a_key_is_for_an_unknown_action(host: Host) -> None:
    folder = Path.home() / ".config" / "subnet-console"
    folder.mkdir(parents=True)
    written(folder / "keymap.toml", '"view.filtre" = ["f"]\n')


@SEEDS.add("engine", "symbolic link", "stale locks")
def the_lock_is_a_link(host: Host) -> None:
    (host.folder / "lock").symlink_to(host.home / "elsewhere")


@SEEDS.add("neuron", "already running")
def the_hotkey_runs_elsewhere(host: Host) -> None:
    host.stack.enter_context(neuron_lock(host.hotkey, NETUID, host.home / "elsewhere"))


@SEEDS.add("stale locks", f"process {A_DEAD_PID}")
def the_last_run_was_killed(host: Host) -> None:
    left = Holder(A_DEAD_PID, str(host.folder), time.time() - 3600)
    written(host.folder / "lock", msgspec.json.encode(left))


@SEEDS.add("engine", "has not written its status for")
def the_engine_hangs(host: Host) -> None:
    host.at_engine()
    assert host.running is not None
    written(host.folder / "status.json", msgspec.json.encode(replace(host.running, at=time.time() - 600)))
    host.running = None
    host.stack.enter_context(folder_lock(host.folder))


@SEEDS.add("file limit", "512 files may be open at once")
def few_files_may_be_open(host: Host) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    host.stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))


@SEEDS.add("machine: memory", "less than 2")
def there_is_little_memory(host: Host) -> None:
    host.patch.setattr(machine, "measure", lambda _folder: replace(LARGE, memory=0.5))


@SEEDS.add("subnet's machine: cores", "less than 64")
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


@SEEDS.add(
    "subnet's machine: gpu", "NVIDIA T4, 16 GB, compute capability 7.5, less than 24 GB (gpu.profiles.a10.min_vram)"
)
def the_gpu_is_too_small(host: Host) -> None:
    a_gpu(host, 16, (7, 5))


@SEEDS.add("subnet's machine: gpu", "less than compute capability 8.6 (gpu.profiles.a10.min_compute_capability)")
def the_gpu_is_too_old(host: Host) -> None:
    a_gpu(host, 32, (7, 5))


@SEEDS.add("terminal", "TERM=dumb")
def the_terminal_is_dumb(host: Host) -> None:
    host.environ["TERM"] = "dumb"


@SEEDS.add("terminal", "very small")
def the_terminal_is_tiny(host: Host) -> None:
    host.size = (40, 10)


@SEEDS.add("letters", "not a UTF-8 locale")
def the_locale_is_not_utf8(host: Host) -> None:
    host.environ["LANG"] = "C"


@SEEDS.add("clipboard", "set-clipboard external")
def tmux_keeps_what_is_copied(host: Host) -> None:
    host.environ["TMUX"] = "/tmp/x,1,0"
    host.patch.setattr(terminal, "ask_tmux", lambda: "external")


@pytest.mark.parametrize("wrong", SEEDS)
def test_it_is_named_and_nothing_else_is(wrong: str, host: Host) -> None:
    require_named(SEEDS[wrong], host)
