"""Places that others can write to: no run starts there, and nothing is written through a link of theirs."""

import json
import os
from pathlib import Path

import pytest

from console.cli import main
from console.errors import ConsoleError, ExitCode
from console.export.output import opened
from tests.stories.console import finished

MINUTE = ("--no-ui", "--role", "validator", "--encoder", "bow", "--challenges", "/dev/null")
"""A run that ends as soon as it has begun: there is no challenge in /dev/null."""


def test_a_run_refuses_a_data_folder_that_others_may_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "store.db").touch()
    folder.chmod(0o777)
    done = finished("launch", *MINUTE, "--data-dir", str(folder))
    assert done.returncode == ExitCode.USAGE
    assert f"folder {folder} can be written by others (mode 0777)" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["store.db"]
    assert main(["doctor", "--json", "--data-dir", str(folder)]) == ExitCode.USAGE
    results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
    assert results["data folder"]["state"] == "CRITICAL"


def test_a_run_does_not_write_through_a_link_in_place_of_its_lock(tmp_path: Path) -> None:
    folder, precious = tmp_path / "data", tmp_path / "precious"
    folder.mkdir(mode=0o700)
    precious.write_text("precious")
    (folder / "lock").symlink_to(precious)
    done = finished("launch", *MINUTE, "--data-dir", str(folder))
    assert done.returncode == ExitCode.USAGE
    assert f"lock {folder / 'lock'} is a symbolic link, not a regular file" in done.stderr
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("name", ["store.db", "chain.sqlite3"])
def test_a_file_that_was_emptied_is_reported(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / name).touch()
    if name == "store.db":
        main(["doctor", "--json", "--data-dir", str(folder)])
        results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
        assert (results["store"]["state"], "is empty" in results["store"]["text"]) == ("WARNING", True)
    done = finished("launch", *MINUTE, "--data-dir", str(folder))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [event["text"] for event in events if event["event"] == "attention" and event["subject"] == "data folder"]
    assert told == [f"{name} was empty: starting a new record in it"]
    done = finished("launch", *MINUTE, "--data-dir", str(folder))
    assert "was empty" not in done.stdout


def test_an_export_follows_no_link_under_the_name_of_its_unfinished_file(tmp_path: Path) -> None:
    precious, out = tmp_path / "precious", tmp_path / "out.csv"
    precious.write_text("precious")
    (tmp_path / f".out.csv.{os.getpid()}").symlink_to(precious)
    with opened(out) as stream:
        stream.write("new")
    assert (out.read_text(), precious.read_text()) == ("new", "precious")
    out.unlink()
    out.symlink_to(precious)
    with opened(out) as stream:
        stream.write("new")
    assert (out.read_text(), precious.read_text()) == ("new", "precious")


def test_known_answers_are_not_written_through_a_link(tmp_path: Path) -> None:
    from console.export.recorded import _known_answers

    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "truths").symlink_to(precious)
    with pytest.raises(ConsoleError, match=r"--truths .* cannot be written"), _known_answers(tmp_path / "truths"):
        pass
    assert precious.read_text() == "precious"
