"""The record is deleted during a run: it is reported within seconds, no round is falsely called recorded, and the run
ends with exit code 6."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stories.console import exported, running

pytestmark = pytest.mark.slow
FEW = ("--miners", "4", "--interval", "0.3", "--seed", "5", "--encoder", "hashing")


def store(folder: Path) -> None:
    (folder / "store.db").unlink()


def emptied(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, 0)


@pytest.mark.parametrize("name", ["store.db", "store.db-wal", "chain.sqlite3"])
def test_a_record_that_is_emptied_in_place_is_reported_and_ends_with_6(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    with running(*FEW, "--data-dir", str(folder)) as run:
        run.wait_for("round", 2)
        emptied(name)(folder)
        so_far = len(run.named("round"))
        run.wait_for("round", so_far + 4)
        assert run.named("round")[-1]["recorded"] == (name == "chain.sqlite3")
        run.process.terminate()
        assert run.wait() == 6
    told = {event["text"].partition(":")[0] for event in run.named("attention") if name in event["text"]}
    assert told == {f"{folder / name} was emptied or overwritten while it was in use"}
    assert f"{name} was emptied or overwritten" in run.named("stopped")[0]["record_gone"]


@pytest.mark.parametrize(("lose", "subject"), [(store, "store.db"), (shutil.rmtree, "data folder")])
def test_a_record_that_is_deleted_is_reported_and_never_called_stored(
    tmp_path: Path, lose: Callable[[Path], None], subject: str
) -> None:
    folder = tmp_path / "data"
    with running(*FEW, "--data-dir", str(folder)) as run:
        run.wait_for("round", 2)
        lose(folder)
        so_far = len(run.named("round"))
        run.wait_for("round", so_far + 3)
        assert not run.named("round")[-1]["recorded"]
        assert subject in {event["subject"] for event in run.named("attention")}
        run.process.terminate()
        assert run.wait() == 6
    [stopped] = run.named("stopped")
    unstored = [event for event in run.named("round") if not event["recorded"]]
    assert stopped["unstored"] == len(unstored) and "store.db was deleted or moved" in stopped["record_gone"]
    assert any(f"{len(unstored)} rounds are lost: they could not be stored" in line for line in run.narration)
    assert any(f"{len(unstored)} of them not stored" in line for line in run.narration)


def test_a_record_that_is_put_back_loses_nothing(tmp_path: Path) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    with running(*FEW, "--data-dir", str(folder)) as run:
        run.wait_for("round", 2)
        folder.rename(away)
        so_far = len(run.named("round"))
        run.wait_for("round", so_far + 2)
        assert not run.named("round")[-1]["recorded"]
        away.rename(folder)
        back = len(run.named("round"))
        run.wait_for("round", back + 2)
        assert run.named("round")[-1]["recorded"]
        run.process.terminate()
        assert run.wait() == 0
    assert [row["id"] for row in exported("rounds", folder)] == [event["id"] for event in run.named("round")]
