"""Another process holds the store: rounds keep their pace and wait in memory, and one alert names the lock."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.stories.console import exported, running

pytestmark = pytest.mark.slow


def test_rounds_continue_while_another_process_holds_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(
        "--miners", "4", "--interval", "0.5", "--seed", "5", "--encoder", "hashing", "--data-dir", str(folder)
    ) as run:
        run.wait_for("round", 2)
        with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            before, began = len(run.named("round")), time.monotonic()
            run.wait_for("round", before + 10)
            took = time.monotonic() - began
            assert not run.named("round")[-1]["recorded"]
            other.execute("ROLLBACK")
        run.wait_for("round", len(run.named("round")) + 3)
        assert run.named("round")[-1]["recorded"]
        run.process.terminate()
        assert run.wait() == 0
    assert took < 40, "ten rounds of half a second each; they took minutes when each waited for the lock"
    about = {event["subject"] for event in run.named("attention") if "locked by another process" in event["text"]}
    assert about == {"store", "rounds"}, "what is the matter, and how many rounds wait"
    assert not any("slow" in event["text"] for event in run.named("attention"))
    assert [row["id"] for row in exported("rounds", folder)] == [event["id"] for event in run.named("round")]
