"""Setting up a fresh machine, with a stand-in for uv that notes how it was called."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = """#!/bin/sh
case "$1 $2" in
"--version "*) exit 0 ;;
"venv "*)
    for folder; do :; done
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\\necho ran "$@"\\n' > "$folder/bin/subnet-console"
    chmod +x "$folder/bin/subnet-console"
    ln -sf "$REAL_PYTHON" "$folder/bin/python" ;;
esac
echo "uv talks"
echo "$UV_FIND_LINKS | $*" >> "$CALLS"
[ ! -e "$(dirname "$CALLS")/fail" ]
"""


class Machine:
    """A copy of what set-up needs, and an environment in which only our uv is found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "the project"
        self.calls_file = folder / "calls"
        (self.project / "scripts").mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "scripts/setup", "scripts/launch"):
            shutil.copy(ROOT / name, self.project / name)
        tools = folder / "tools"
        tools.mkdir()
        (tools / "uv").write_text(UV)
        (tools / "uv").chmod(0o755)
        (tools / "python3").symlink_to(sys.executable)
        self.environ = {
            "PATH": f"{tools}:/usr/bin:/bin",
            "HOME": str(folder),
            "CALLS": str(self.calls_file),
            "REAL_PYTHON": sys.executable,
            "PIP_FIND_LINKS": f"/not/there {tools}",
        }

    def run(self, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.project / "scripts" / script, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """What uv was asked to do since the last look."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [line.partition(" | ")[2].split()[0] for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_launch_sets_up_once_and_keeps_stdout_for_the_program(machine: Machine) -> None:
    (machine.folder / "link").symlink_to(machine.project / "scripts" / "launch")
    first = subprocess.run(
        [machine.folder / "link", "--rounds", "8"],
        cwd="/",
        env=machine.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (first.returncode, first.stdout) == (0, "ran launch --rounds 8\n")
    assert "uv talks" in first.stderr
    assert machine.calls == ["venv", "pip", "pip"]
    second = machine.run("launch")
    assert (second.stdout, second.stderr) == ("ran launch\n", "")
    assert machine.calls == []
    assert machine.run("launch", "export", "scores").stdout == "ran export scores\n"


def test_the_checks_need_more_than_running_does(machine: Machine) -> None:
    machine.run("setup")
    assert machine.calls == ["venv", "pip", "pip"]
    machine.run("setup", "--dev")
    assert machine.calls == ["pip", "pip"]
    machine.run("setup")
    assert machine.calls == []


def test_a_changed_project_is_installed_again_and_a_broken_one_made_again(machine: Machine) -> None:
    machine.run("setup")
    with (machine.project / "constraints.txt").open("a") as file:
        file.write("more==1\n")
    assert machine.calls == ["venv", "pip", "pip"]
    machine.run("setup")
    assert machine.calls == ["pip", "pip"]
    (machine.project / ".venv/bin/python").unlink()
    (machine.project / ".venv/bin/python").symlink_to("/gone/python")
    machine.run("setup")
    assert machine.calls == ["venv", "pip", "pip"]


def test_a_moved_project_is_made_again(machine: Machine) -> None:
    machine.run("setup")
    assert machine.calls == ["venv", "pip", "pip"]
    machine.project = machine.project.rename(machine.folder / "moved")
    machine.run("setup")
    assert machine.calls == ["venv", "pip", "pip"]


def test_what_was_interrupted_is_made_again(machine: Machine) -> None:
    (machine.folder / "tools" / "uv").write_text(UV + "kill -9 $PPID\n")
    assert machine.run("setup").returncode == -signal.SIGKILL
    assert not (machine.project / ".venv/.stamp").exists()
    (machine.folder / "tools" / "uv").write_text(UV)
    assert machine.calls == ["venv"]
    assert machine.run("setup").returncode == 0
    assert machine.calls == ["venv", "pip", "pip"]


def test_only_folders_that_exist_are_searched_for_wheels(machine: Machine) -> None:
    machine.run("setup")
    searched = {line.partition(" | ")[0] for line in machine.calls_file.read_text().splitlines()}
    assert searched == {str(machine.folder / "tools")}


def test_two_set_ups_wait_for_each_other(machine: Machine) -> None:
    (machine.project / ".uv").mkdir()
    with (machine.project / ".uv" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [machine.project / "scripts" / "setup"], env=machine.environ, stderr=subprocess.PIPE, text=True
        )
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "setup: waiting for another setup of this folder\n"
        assert not (machine.project / ".venv").exists()
    waiting.communicate(timeout=30)
    assert waiting.returncode == 0


def test_an_old_python_looks_for_a_newer_one(machine: Machine) -> None:
    old = machine.folder / "old.py"
    source = (machine.project / "scripts" / "setup").read_text()
    old.write_text(source.replace("OLDEST = (3, 11)", "OLDEST = (3, 90)"))
    done = subprocess.run(
        [sys.executable, old], env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("setup: Python 3.90 or later is required")


def test_no_host_and_no_machines_path_is_written_down() -> None:
    for name in ("pyproject.toml", "constraints.txt", "scripts/setup", "scripts/launch", "scripts/test", ".ci/run"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert str(ROOT) not in text
