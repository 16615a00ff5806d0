"""A full disk: scoring continues, the operator is told, and what waited is stored once there is room."""

from pathlib import Path

import pytest

from tests.stories.console import exported, running
from tests.stories.disk import fill

pytestmark = pytest.mark.slow


def test_rounds_wait_in_memory_until_there_is_room(small_disk: Path) -> None:
    folder = small_disk / "data"
    with running("--miners", "5", "--interval", "0.3", "--seed", "5", "--data-dir", str(folder)) as run:
        run.wait_for("round", 2)
        filler = small_disk / "filler"
        fill(filler)
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
