"""A disk that is full at startup: the run ends with exit code 2 and names the file that does not fit."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.disk import fill

pytestmark = pytest.mark.slow
ROLES = [("--role", "demo", "--miners", "4"), ("--role", "miner", "--backend", "scripted", "--port", "0")]


@pytest.mark.parametrize("role", ROLES, ids=["demo", "miner"])
@pytest.mark.parametrize("free", [0, 4, 12, 100, 300])
def test_a_full_disk_is_named_with_exit_code_2(small_disk: Path, free: int, role: tuple[str, ...]) -> None:
    filler = small_disk / "filler"
    folder = small_disk / "data"
    folder.mkdir()
    fill(filler)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - free * 1024)
    launch = [sys.executable, "-m", "console", "launch", "--no-ui", *role, "--data-dir", str(folder)]
    ended = subprocess.run(launch, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2, ended.stderr[-500:]
    assert "no space left for" in ended.stderr.lower() and str(folder) in ended.stderr
