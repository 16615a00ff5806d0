"""A full disk: scoring goes on, the operator is told, and what could not be stored is stored when there is room."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.console import exported, running

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB; only where this user may mount one."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_rounds_wait_in_memory_until_there_is_room(small_disk: Path) -> None:
    folder = small_disk / "data"
    with running("--miners", "5", "--interval", "0.3", "--seed", "5", "--data-dir", str(folder)) as run:
        run.wait_for("round", 2)
        filler = small_disk / "filler"
        _fill(filler)
        waiting = len(run.named("round"))
        run.wait_for("round", waiting + 3)
        assert not run.named("round")[-1]["recorded"]
        assert any("no space left" in event["text"] for event in run.named("attention"))
        filler.unlink()
        stored_again = len(run.named("round"))
        run.wait_for("round", stored_again + 2)
        assert run.named("round")[-1]["recorded"]
        run.process.terminate()
        assert run.wait() == 0
    told = [event["id"] for event in run.named("round")]
    assert [row["id"] for row in exported("rounds", folder)] == told


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            return
