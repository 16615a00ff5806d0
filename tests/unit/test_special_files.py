"""Files that are none: pipes, devices, folders and empty paths, and text that begins with a byte order mark."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from console.cli import main
from console.errors import ExitCode
from tests.unit.command_helpers import PATIENCE_S, environment, launch, shown


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is also where a command looks for `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_called_dotenv_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").mkdir()
    assert shown(capsys)["netuid"]["value"] == 1


def test_files_may_begin_with_a_byte_order_mark(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = "\ufeff"
    Path("c.toml").write_text(mark + "netuid = 7\n", encoding="utf-8")
    assert shown(capsys, "--config", "c.toml")["netuid"]["value"] == 7
    keymap = own_home / ".config/subnet-console/keymap.toml"
    keymap.parent.mkdir(parents=True)
    keymap.write_text(mark + "", encoding="utf-8")
    assert main(["doctor", "--json"]) in (ExitCode.DONE, ExitCode.USAGE)
    results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
    assert results["keymap"]["state"] == "OK"
    line = {"id": "1", "prompt": "2+2?", "replies": [{"uid": 1, "hotkey": "5a", "text": "4", "ms": 5}]}
    Path("rounds.jsonl").write_text(mark + json.dumps(line) + "\n", encoding="utf-8")
    Path("probes.jsonl").write_text(
        mark + json.dumps({"id": "1", "answer_type": "number", "truth": "4"}) + "\n", encoding="utf-8"
    )
    assert main(["judge", "rounds.jsonl", "--probes", "probes.jsonl", "--embedder", "bow"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["id"] == "1"


FILES = [
    ("config", ("config", "show", "--config", "{}")),
    ("rounds", ("judge", "{}", "--embedder", "bow")),
    ("probes", ("judge", "/dev/null", "--probes", "{}", "--embedder", "bow")),
]


@pytest.mark.parametrize(("what", "words"), FILES)
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_only_regular_files_are_read(
    what: str, words: tuple[str, ...], kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "special"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    codes: list[int] = []
    reader = threading.Thread(target=lambda: codes.append(main([word.format(path) for word in words])), daemon=True)
    reader.start()
    reader.join(PATIENCE_S)
    assert codes == [ExitCode.USAGE], f"{what} from a {kind}"
    error = capsys.readouterr().err
    assert str(path) in error
    assert f"it is a {'pipe' if kind == 'fifo' else 'device'}, not a regular file" in error


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_run_refuses_challenges_that_are_not_in_a_regular_file(kind: str, folder: Path) -> None:
    path = folder / "special"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    done = subprocess.run(
        launch("--challenges", str(path)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(),
    )
    assert done.returncode == ExitCode.USAGE
    assert f"cannot read the challenges in {path}: it is a " in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("launch", "--data-dir", ""),
        ("launch", "--host", ""),
        ("launch", "--wallet-path", ""),
        ("launch", "--wallet-name", ""),
        ("launch", "--challenges", ""),
        ("launch", "--model-path", ""),
        ("config", "show", "--config", ""),
        ("config", "init", "--config", ""),
        ("judge", ""),
        ("judge", "/dev/null", "--probes", ""),
        ("replay", ""),
        ("status", "--data-dir", ""),
        ("export", "rounds", "--out", ""),
        ("export", "rounds", "--data-dir", " "),
    ],
)
def test_an_empty_path_is_not_the_current_folder(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == ExitCode.USAGE
    assert "empty" in capsys.readouterr().err or " " in words
    assert not list(folder.iterdir())


def test_an_empty_path_in_a_file_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.toml").write_text('data_dir = ""\n')
    assert main(["config", "show", "--config", "c.toml"]) == ExitCode.USAGE
    assert "c.toml:1: data_dir must be a path, not ''" in capsys.readouterr().err


def test_a_pipe_in_place_of_the_keymap_or_a_hotkey_delays_nothing(
    own_home: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keymap = own_home / ".config/subnet-console/keymap.toml"
    hotkey = folder / "wallets" / "w" / "hotkeys" / "default"
    for path in (keymap, hotkey):
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
    words = ["doctor", "--json", "--wallet-name", "w", "--wallet-path", "wallets", "--network", "embedded"]
    codes: list[int] = []
    looking = threading.Thread(target=lambda: codes.append(main([*words, "--role", "miner"])), daemon=True)
    looking.start()
    looking.join(PATIENCE_S)
    assert codes == [ExitCode.USAGE]
    results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
    assert "it is a pipe, not a regular file" in results["keymap"]["text"]
    assert "a pipe is in its place" in results["wallet"]["text"]
