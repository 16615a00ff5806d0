"""Python, packages, terminal, files, clock and machine: each with what is well and what is not."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from console.doctor import clock, files, machine, packages, terminal
from console.doctor.machine import Measured
from engine.store.schema import LATEST
from engine.store.store import Store
from tests.unit.doctor_helpers import case, states

GOOD_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_US.UTF-8"}
ROOT = Path(__file__).parents[2]


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


def test_a_folder_that_is_no_folder_is_critical(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert states(files.data_folder(case(tmp_path / "file" / "data")))["data folder"] == "CRITICAL"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_critical(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert states(files.data_folder(case(tmp_path / "data")))["data folder"] == "CRITICAL"
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(("free", "state"), [(10**8, "CRITICAL"), (10**9, "WARNING"), (10**11, "OK")])
def test_little_room_is_told(free: int, state: str) -> None:
    assert files.space(free).state == state


async def test_a_store_is_read_and_a_damaged_one_critical(tmp_path: Path) -> None:
    assert files.store(tmp_path, time.time()).state == "SKIPPED"
    path = tmp_path / "store.db"
    store = await Store.open(path, retention_days=7)
    await store.close()
    assert files.store(tmp_path, time.time()).state == "OK"
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


def test_files_from_the_future_say_that_the_clock_was_set_back(tmp_path: Path) -> None:
    here = case(tmp_path)
    assert clock.clock(here, True).state == "OK"
    path = tmp_path / "status.json"
    path.write_text("{}")
    os.utime(path, (here.now + 3600, here.now + 3600))
    assert clock.clock(here, True).state == "CRITICAL"


def test_a_clock_that_nothing_keeps_is_a_warning_but_for_the_demo(tmp_path: Path) -> None:
    assert clock.clock(case(tmp_path, role="validator"), False).state == "WARNING"
    assert clock.clock(case(tmp_path), False).state == "OK"
    assert clock.clock(case(tmp_path, role="validator"), None).state == "OK"


LARGE = Measured(cores=8, ghz=3.0, architecture="x86_64", memory=16.0, disk=100.0, glibc="2.36")


def test_a_machine_that_is_large_enough_is_well(tmp_path: Path) -> None:
    assert set(states(machine.machine(case(tmp_path), LARGE)).values()) == {"OK"}


def test_a_machine_that_is_too_small_is_told_line_by_line(tmp_path: Path) -> None:
    small = Measured(cores=1, ghz=1.0, architecture="aarch64", memory=0.5, disk=1.0, glibc="2.17")
    assert set(states(machine.machine(case(tmp_path, role="miner"), small)).values()) == {"WARNING"}


def test_what_cannot_be_measured_is_unknown_and_not_bad(tmp_path: Path) -> None:
    assert set(states(machine.machine(case(tmp_path), Measured())).values()) == {"SKIPPED"}


def test_a_specification_that_is_not_there_or_broken_blocks_nothing(tmp_path: Path) -> None:
    assert states(machine.machine(case(tmp_path), LARGE, tmp_path / "none.yml")) == {"machine": "SKIPPED"}
    (tmp_path / "broken.yml").write_text("compute_spec:\n  validator: 7\n")
    assert states(machine.machine(case(tmp_path), LARGE, tmp_path / "broken.yml")) == {"machine": "SKIPPED"}


def test_the_specification_is_read_as_yaml_is() -> None:
    text = (ROOT / "min_compute.yml").read_text()
    spec = machine.read_spec(text)
    assert spec["compute_spec"]["miner"]["cpu"]["min_cores"] == "2"
    assert spec["compute_spec"]["validator"]["os"] == {"name": "Linux", "glibc": "2.31"}
    assert spec["network_spec"]["inbound"] == {"validator": "false", "miner": "true"}


def test_this_machine_can_be_measured(tmp_path: Path) -> None:
    found = machine.measure(tmp_path)
    assert found.cores and found.cores >= 1
    assert found.memory and found.memory > 0.1
    assert found.architecture
