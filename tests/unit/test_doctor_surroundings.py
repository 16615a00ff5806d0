"""The doctor on Python, packages, terminal, files, clock and machine: good and bad cases of each."""

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.cli import main
from console.doctor import clock, files, machine, packages, terminal
from console.doctor.machine import Measured
from engine.snapshot import GpuView
from engine.store.schema import LATEST
from engine.store.store import Store
from tests.unit.doctor_helpers import case, states
from tests.unit.store_helpers import NETUID, a_round

GOOD_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_US.UTF-8"}


def test_an_old_python_is_critical() -> None:
    assert packages.python((3, 10, 4)).state == "CRITICAL"
    assert packages.python().state == "OK"


def test_a_package_that_is_missing_is_critical_and_an_extra_that_is_missing_is_not() -> None:
    found = list(packages.packages(["msgspec>=0.20", "not-there-at-all>=1", 'neither-here; extra == "torch"']))
    assert states(found) == {"packages": "CRITICAL", "extra torch": "SKIPPED"}
    assert "not-there-at-all" in found[0].text


def test_the_packages_of_this_project_are_installed() -> None:
    assert states(packages.packages())["packages"] == "OK"


def test_a_good_terminal_is_well() -> None:
    assert set(states(terminal.terminal(GOOD_TERMINAL, (160, 48))).values()) == {"OK"}


@pytest.mark.parametrize(
    ("environ", "size", "name"),
    [
        ({"TERM": "dumb"}, (80, 24), "terminal"),
        ({}, (40, 10), "terminal"),
        ({"COLORTERM": "", "TERM": "xterm"}, (80, 24), "colours"),
        ({"LANG": "C"}, (80, 24), "letters"),
        ({"LC_ALL": "POSIX"}, (80, 24), "letters"),
    ],
)
def test_a_poor_terminal_is_a_warning(environ: dict[str, str], size: tuple[int, int], name: str) -> None:
    assert states(terminal.terminal(GOOD_TERMINAL | environ, size))[name] == "WARNING"


def test_without_a_terminal_nothing_is_said_about_one() -> None:
    assert states(terminal.terminal(GOOD_TERMINAL, None)) == {"terminal": "SKIPPED"}


@pytest.mark.parametrize(
    ("setting", "state"), [("on", "OK"), ("external", "WARNING"), ("off", "WARNING"), (None, "SKIPPED")]
)
def test_tmux_says_whether_it_hands_on_copies(setting: str | None, state: str) -> None:
    assert terminal.clipboard({"TMUX": "/tmp/x,1,0"}, lambda: setting).state == state


def test_a_keymap_that_is_wrong_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    assert files.keymap(path).state == "OK"
    path.write_text('"view.filtre" = ["f"]\n')
    found = files.keymap(path)
    assert found.state == "WARNING" and "view.filter" in found.text


def test_a_folder_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert states(files.data_folder(case(tmp_path)))["data folder"] == "WARNING"
    tmp_path.chmod(0o700)
    assert states(files.data_folder(case(tmp_path)))["data folder"] == "OK"


def test_a_file_in_place_of_the_folder_is_critical(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert states(files.data_folder(case(tmp_path / "file" / "data")))["data folder"] == "CRITICAL"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_critical(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert states(files.data_folder(case(tmp_path / "data")))["data folder"] == "CRITICAL"
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(("free", "state"), [(10**8, "CRITICAL"), (10**9, "WARNING"), (10**11, "OK")])
def test_little_room_is_reported(free: int, state: str) -> None:
    assert files.space(free).state == state


async def test_a_store_is_read_and_a_damaged_one_critical(tmp_path: Path) -> None:
    assert files.store(tmp_path, time.time()).state == "SKIPPED"
    path = tmp_path / "store.db"
    store = await Store.open(path, retention_days=7)
    await store.close()
    assert files.store(tmp_path, time.time()).state == "OK"
    pages = path.read_bytes()
    path.write_bytes(pages[:-4096] + b"x" * 4096)
    found = files.store(tmp_path, time.time())
    assert found.state == "CRITICAL" and f"{path} is damaged" in found.text, "no row that is read lies on this page"
    path.write_bytes(b"this is no database" * 1000)
    found = files.store(tmp_path, time.time())
    assert found.state == "CRITICAL" and found.do


@pytest.mark.parametrize(("version", "state"), [(LATEST + 1, "CRITICAL"), (LATEST - 1, "OK")])
async def test_a_store_of_a_newer_version_is_critical_and_of_an_older_one_is_not(
    tmp_path: Path, version: int, state: str
) -> None:
    store = await Store.open(tmp_path / "store.db", retention_days=7)
    await store.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    assert files.store(tmp_path, time.time()).state == state


async def test_a_store_whose_tables_are_newer_than_its_version_is_damaged_and_not_old(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.db", retention_days=7)
    await store.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("PRAGMA user_version = 3")
    found = files.store(tmp_path, time.time())
    assert found.state == "CRITICAL" and "is of a later schema than 3" in found.text


def test_files_from_the_future_say_that_the_clock_was_set_back(tmp_path: Path) -> None:
    here = case(tmp_path)
    assert clock.clock(here, True).state == "OK"
    path = tmp_path / "status.json"
    path.write_text("{}")
    os.utime(path, (here.now + 3600, here.now + 3600))
    assert clock.clock(here, True).state == "CRITICAL"


async def test_rounds_from_the_future_are_named(tmp_path: Path) -> None:
    here = case(tmp_path)
    store = await Store.open(tmp_path / "store.db", retention_days=7)
    await store.record(a_round(0, at=here.now - 60), netuid=NETUID, history=None, cursor=None)
    assert clock.clock(here, True).state == "OK"
    for number in (1, 2):
        await store.record(a_round(number, at=here.now + 3600), netuid=NETUID, history=None, cursor=None)
    await store.close()
    found = clock.clock(here, True)
    assert found.state == "WARNING"
    assert found.text.startswith("2 rounds of store.db are dated in the future, the last 20")


def test_a_clock_that_nothing_keeps_is_a_warning_but_for_the_demo(tmp_path: Path) -> None:
    assert clock.clock(case(tmp_path, role="validator"), False).state == "WARNING"
    assert clock.clock(case(tmp_path), False).state == "OK"
    assert clock.clock(case(tmp_path, role="validator"), None).state == "OK"


LARGE = Measured(cores=8, ghz=3.0, architecture="x86_64", memory=16.0, swap=8.0, disk=100.0, glibc="2.36")


NOT_JUDGED = "machine: not judged"


def test_a_machine_that_is_large_enough_is_well(tmp_path: Path) -> None:
    found = states(machine.machine(case(tmp_path), LARGE))
    assert found.pop(NOT_JUDGED) == "SKIPPED"
    assert len(found) == 7
    assert set(found.values()) == {"OK"}


def test_a_machine_that_is_too_small_is_told_line_by_line(tmp_path: Path) -> None:
    small = Measured(cores=1, ghz=1.0, architecture="aarch64", memory=0.5, disk=1.0, glibc="2.17")
    found = states(machine.machine(case(tmp_path, role="miner"), small))
    others = (NOT_JUDGED, "machine: gpu", "machine: swap", "machine: models")
    assert {found.pop(name) for name in others} == {"SKIPPED"}
    assert set(found.values()) == {"WARNING"}


def test_what_cannot_be_measured_is_unknown_and_not_bad(tmp_path: Path) -> None:
    assert set(states(machine.machine(case(tmp_path), Measured())).values()) == {"SKIPPED"}


@pytest.mark.parametrize(
    "content",
    [
        "compute_spec:\n  validator: 7\n",
        "- a list\n",
        "",
        "a: [1\n",
        "\x00",
        "compute_spec: &a\n  validator: *a\n",
        "a: " + "[" * 5000,
        "x" * ((1 << 20) + 1),
    ],
)
def test_a_specification_that_is_broken_blocks_nothing_and_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(content)
    [found] = machine.machine(case(tmp_path), LARGE, tmp_path / "broken.yml")
    assert found.state == "SKIPPED"
    assert "broken.yml" in found.text


def test_a_specification_that_is_not_there_blocks_nothing(tmp_path: Path) -> None:
    assert states(machine.machine(case(tmp_path), LARGE, tmp_path / "none.yml")) == {"machine": "SKIPPED"}


LOOSH_MINER = """\
version: "1.0.0"
compute_spec:
  miner:
    cpu:
      min_cores: 8
      min_speed: 2.8
      recommended_cores: 16
      architecture: x86_64
    gpu:
      required: true
      profiles:
        a10_24gb: {min_vram: 24, recommended_gpu: "NVIDIA A10", min_compute_capability: 8.6}
        h100_80gb:
          min_vram: 80
    memory:
      min_ram: "64 GB"
      min_swap: 8
      ram_type: DDR5
    storage:
      min_space: 0.5TB
      type: SSD
      min_iops: 2000
    os:
      name: Ubuntu
      version: 22.04
    model_allowlist:
      a10_24gb:
        - id: mistral-nemo-instruct-2407
          quants: {fp8_vllm: [RedHatAI/some]}
        - id: qwen2.5-14b-instruct
          quants: {awq_int4: [Qwen/some-AWQ], odd: [x], gguf: [Qwen/some-GGUF]}
        - {id: mixtral-8x22b-instruct, quants: {awq_int4: [some/mixtral]}}
        - 7
  validator:
    cpu: {min_cores: 4}
network_spec:
  bandwidth: {download: 200, upload: 50}
"""


def test_a_specification_of_the_field_is_judged_and_what_cannot_be_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "min_compute.yml"
    path.write_text("\ufeff" + LOOSH_MINER)
    found = {one.name: one for one in machine.machine(case(tmp_path, role="miner"), LARGE, path)}
    assert {name: one.state for name, one in found.items()} == {
        "machine: cores": "OK",
        "machine: cpu speed": "OK",
        "machine: memory": "WARNING",
        "machine: disk size": "WARNING",
        "machine: swap": "OK",
        "machine: architecture": "OK",
        "machine: gpu": "SKIPPED",
        "machine: models": "OK",
        NOT_JUDGED: "SKIPPED",
    }
    assert "less than 64 (memory.min_ram in min_compute.yml, miner)" in found["machine: memory"].text
    assert "less than 500 (storage.min_space in" in found["machine: disk size"].text
    assert "8 cores, at least 8 needed, 16 recommended" in found["machine: cores"].text
    assert "gpu.required in min_compute.yml, miner asks for one" in found["machine: gpu"].text
    assert "14b-instruct gguf (8.6 GB, its context not counted)" in found["machine: models"].text
    lines = found[NOT_JUDGED].text.partition(": ")[2].split(", ")
    assert lines == [
        "network_spec.bandwidth.download",
        "network_spec.bandwidth.upload",
        "memory.ram_type",
        "storage.type",
        "storage.min_iops",
        "os.name",
        "os.version",
    ]
    [cores, left] = machine.machine(case(tmp_path, role="validator"), LARGE, path)
    assert (cores.name, cores.state, left.state) == ("machine: cores", "OK", "SKIPPED")


GIB = 1 << 30


@pytest.mark.parametrize(
    ("gpu", "state", "said"),
    [
        (GpuView(number=0, name="A10", memory=23028 << 20, compute=(8, 6)), "OK", "gpu.profiles.a10_24gb"),
        (GpuView(number=0, name="H100", memory=81559 << 20, compute=(9, 0)), "OK", "gpu.profiles.h100_80gb"),
        (
            GpuView(number=0, name="L4", memory=24 * GIB, compute=(7, 5)),
            "WARNING",
            "less than compute capability 8.6 (",
        ),
        (GpuView(number=0, memory=16 * GIB), "WARNING", "less than 24 GB (gpu.profiles.a10_24gb.min_vram) in min_comp"),
        (GpuView(number=0, name="odd"), "SKIPPED", "the memory of the GPU is unknown"),
    ],
)
def test_a_gpu_is_held_against_the_profiles_and_the_line_that_fails_is_named(
    gpu: GpuView, state: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "min_compute.yml"
    path.write_text(LOOSH_MINER)
    measured = replace(LARGE, gpus=(gpu,))
    found = {one.name: one for one in machine.machine(case(tmp_path, role="miner"), measured, path)}
    assert found["machine: gpu"].state == state
    assert said in found["machine: gpu"].text


def test_what_stands_beside_required_is_a_profile_too(tmp_path: Path) -> None:
    path = tmp_path / "min_compute.yml"
    path.write_text("compute_spec: {validator: {gpu: {required: True, min_vram: 16, min_compute_capability: 7.5}}}")
    small = replace(LARGE, gpus=(GpuView(number=0, name="T4", memory=8 * GIB, compute=(7, 5)),))
    [found] = machine.machine(case(tmp_path, role="validator"), small, path)
    assert (found.state, "less than 16 GB (gpu.min_vram)" in found.text) == ("WARNING", True)


def test_models_that_fit_are_suggested_for_the_gpu_or_for_the_memory(tmp_path: Path) -> None:
    gpu = GpuView(number=0, name="A10", memory=23028 << 20, compute=(8, 6))
    for measured, model in (
        (replace(LARGE, gpus=(gpu,)), "qwen2.5-14b-instruct"),
        (LARGE, "qwen2.5-14b-instruct gguf"),
    ):
        found = {one.name: one for one in machine.machine(case(tmp_path, role="miner"), measured)}["machine: models"]
        assert (found.state, model in found.text) == ("OK", True), found.text
    tiny = replace(LARGE, memory=1.0)
    found = {one.name: one for one in machine.machine(case(tmp_path, role="miner"), tiny)}["machine: models"]
    assert (found.state, "fits into 1.0 GB without a GPU" in found.text) == ("SKIPPED", True)
    old = replace(LARGE, gpus=(GpuView(number=0, name="old", memory=1 * GIB),))
    found = {one.name: one for one in machine.machine(case(tmp_path, role="miner"), old)}["machine: models"]
    assert (found.state, "fits into old, 1 GB" in found.text) == ("WARNING", True)


@pytest.mark.parametrize("value", ["abc", "'>= 2.31'", "''", "[2]", "true", "'2.'"])
def test_an_invalid_version_is_not_judged(value: str, tmp_path: Path) -> None:
    path = tmp_path / "min_compute.yml"
    path.write_text(f"compute_spec: {{miner: {{os: {{glibc: {value}}}}}}}")
    [found] = machine.machine(case(tmp_path, role="miner"), LARGE, path)
    assert (found.name, found.state) == (NOT_JUDGED, "SKIPPED")


@pytest.mark.parametrize(
    ("value", "state", "shown"),
    [
        ("512 MB", "OK", "0.512"),
        ("900000 MB", "WARNING", "900"),
        ("64000000kB", "WARNING", "64"),
        ("1 TiB", "WARNING", "1000"),
    ],
)
def test_a_demand_has_any_unit(value: str, state: str, shown: str, tmp_path: Path) -> None:
    path = tmp_path / "min_compute.yml"
    path.write_text(f"compute_spec: {{miner: {{memory: {{min_ram: {value}}}}}}}")
    [found] = machine.machine(case(tmp_path, role="miner"), LARGE, path)
    assert (found.name, found.state) == ("machine: memory", state)
    assert shown in found.text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "it is a pipe"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.symlink_to(path.name), "symbolic links"),
    ],
)
def test_a_file_with_the_name_of_a_subnets_specification_that_is_not_one_is_reported(
    make: Callable[[Path], None], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("min_compute.yml"))
    [found] = machine.of_subnet(case(tmp_path), LARGE)
    assert found.state == "SKIPPED"
    assert "min_compute.yml cannot be read" in found.text and said in found.text


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: 1\ndate: 2001-13-45\n", "does not mention a validator"), ("a: 1\nb: [\n", r"not valid YAML \(.* line 3")],
)
def test_a_date_is_text_and_what_is_not_yaml_is_named_by_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(text)
    [found] = machine.machine(case(tmp_path), LARGE, tmp_path / "broken.yml")
    assert re.search(said, found.text)


@pytest.mark.parametrize("value", ["many", "true", "[8]", "null", "-1", ".nan", ".inf", "{a: 1}"])
def test_a_requirement_that_is_not_a_number_is_not_judged(value: str, tmp_path: Path) -> None:
    path = tmp_path / "min_compute.yml"
    path.write_text(f"compute_spec: {{miner: {{cpu: {{min_cores: {value}}}}}}}")
    [found] = machine.machine(case(tmp_path, role="miner"), LARGE, path)
    assert (found.name, found.state) == (NOT_JUDGED, "SKIPPED")
    assert "cpu.min_cores" in found.text


def test_the_doctor_reads_that_of_the_subnet_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("min_compute.yml").write_text(LOOSH_MINER.replace("min_cores: 8", "min_cores: 100000"))
    main(["doctor", "--json", "--role", "miner", "--backend", "scripted", "--data-dir", "d"])
    found = {one["name"]: one["state"] for one in json.loads(capsys.readouterr().out)["results"]}
    assert (found["machine: cores"], found["subnet's machine: cores"]) == ("OK", "WARNING")
    assert found["subnet's machine: not judged"] == "SKIPPED"


def test_this_machine_can_be_measured(tmp_path: Path) -> None:
    found = machine.measure(tmp_path)
    assert found.cores and found.cores >= 1
    assert found.memory and found.memory > 0.1
    assert found.architecture
