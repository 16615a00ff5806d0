"""An operator who is not looking is told by a command, and a script follows the status."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from console.errors import ExitCode
from tests.stories.console import PATIENCE_S, command, running, wait_until

pytestmark = pytest.mark.slow


def test_a_command_is_told_what_needs_a_person_and_a_script_follows_the_status(tmp_path: Path) -> None:
    folder, told = tmp_path / "demo", tmp_path / "told.jsonl"
    folder.mkdir(mode=0o700)
    (folder / "store.db").touch()  # as a crash of the machine may leave it, which is a warning
    page = f"sh -c 'cat >> {told}; echo >> {told}'"
    demo = ("--miners", "4", "--interval", "0.2", "--encoder", "bow", "--seed", "7", "--data-dir", str(folder))
    with running(*demo, SUBNET_CONSOLE_ON_ATTENTION=page) as console:
        console.wait_for("round")
        wait_until(lambda: told.exists() and told.read_text().endswith("\n"), "somebody was told")
        watch = subprocess.Popen(
            command("status", "--watch", "--json", "--data-dir", str(folder)), stdout=subprocess.PIPE, text=True
        )
        assert watch.stdout is not None
        seen = [json.loads(watch.stdout.readline()) for _ in range(3)]
        watch.send_signal(signal.SIGINT)
        assert watch.wait(PATIENCE_S) == ExitCode.INTERRUPTED
        watch.stdout.close()
        assert console.stop(signal.SIGTERM)[0] == ExitCode.DONE
    (first, *_) = map(json.loads, told.read_text().splitlines())
    assert [(line["level"], line["subject"]) for line in first["lines"]] == [("warning", "data folder")]
    assert first["role"] == "demo" and first["text"].startswith("subnet-console demo sn1@embedded on ")
    assert all(one["running"] for one in seen)
    assert len({one["snapshot"]["at"] for one in seen}) == 3
