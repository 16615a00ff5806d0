"""An operator's everyday events: signals, a second copy, a full disk, a wrong option, a closed pipe, a suspend."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from engine.store.schema import FILE_NAME
from tests.stories.console import PATIENCE_S, ROOT, children_of, command, finished, is_alive, running, wait_until

pytestmark = pytest.mark.slow

QUICK = ("--miners", "5", "--interval", "0.3", "--seed", "5")
SOON_S = 15.0
"""The 3 s that are promised, on a machine that is five times slower."""


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_cleanly_and_soon(how: signal.Signals, code: int, tmp_path: Path) -> None:
    with running(*QUICK, "--data-dir", str(tmp_path / "d")) as run:
        run.wait_for("round", 2)
        helpers = children_of(run.process.pid)
        assert helpers, "answers are judged in a process of their own"
        ended, seconds = run.stop(how)
    assert (ended, run.events[-1]["event"], run.events[-1]["reason"]) == (code, "stopped", how.name)
    assert seconds < SOON_S
    assert not any(is_alive(pid) for pid in helpers)


@pytest.mark.order
def test_a_signal_in_the_first_moments_ends_it_too(tmp_path: Path) -> None:
    with running(*QUICK, "--data-dir", str(tmp_path / "d")) as run:
        run.wait_for("started")
        ended, seconds = run.stop(signal.SIGTERM)
    assert ended == 0
    assert seconds < SOON_S


def test_a_second_copy_is_refused_and_told_which_process_runs(tmp_path: Path) -> None:
    folder = str(tmp_path / "d")
    with running(*QUICK, "--data-dir", folder) as run:
        run.wait_for("round")
        second = finished("launch", "--no-ui", *QUICK, "--data-dir", folder)
        assert second.returncode == 4
        assert str(run.process.pid) in second.stderr
        status = finished("status", "--data-dir", folder)
        assert status.returncode == 0
        assert "running" in status.stdout


def test_a_hang_up_does_not_stop_it(tmp_path: Path) -> None:
    with running(*QUICK, "--data-dir", str(tmp_path / "d")) as run:
        done = len(run.wait_for("round", 1))
        run.process.send_signal(signal.SIGHUP)
        run.wait_for("round", done + 2)
        assert run.process.poll() is None


@pytest.mark.order
def test_a_host_that_sleeps_costs_no_miner_its_deadline(tmp_path: Path) -> None:
    with running(*QUICK, "--data-dir", str(tmp_path / "d")) as run:
        run.wait_for("round", 1)
        run.process.send_signal(signal.SIGSTOP)
        time.sleep(2.0)
        seen = len(run.named("round"))
        run.process.send_signal(signal.SIGCONT)
        later = run.wait_for("round", seen + 2)[seen:]
        assert all(event["answered"] == event["asked"] for event in later)


def test_a_reader_that_goes_away_does_not_stop_the_engine(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    process = subprocess.Popen(
        command("launch", "--no-ui", *QUICK, "--rounds", "3", "--data-dir", str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert b"Traceback" not in said
    with sqlite3.connect(folder / FILE_NAME) as database:
        assert database.execute("SELECT count(*) FROM rounds").fetchone() == (3,)


def test_a_reader_that_stops_reading_does_not_stop_the_engine(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write_end, b" " * 4096)
    os.set_blocking(write_end, True)
    process = subprocess.Popen(
        command("launch", "--no-ui", *QUICK, "--data-dir", str(folder)),
        stdout=write_end,
        stderr=write_end,
        cwd=ROOT,
    )
    try:
        wait_until(lambda: _rounds_in(folder) >= 2, "rounds are done while stdout is blocked")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        os.close(read_end)
        os.close(write_end)


def test_without_a_screen_on_no_terminal_it_says_what_to_add() -> None:
    done = finished("launch")
    assert done.returncode == 2
    assert "--no-ui" in done.stderr


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = finished(
            "launch", "--no-ui", "--role", "miner", "--backend", "scripted", "--host", "127.0.0.1",
            "--port", str(port), "--data-dir", str(tmp_path / "d"),
        )  # fmt: skip
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--wallet.name", "nobody"), "nobody"),
        (("--neuron", "hotkey-without-address"), "HOTKEY@HOST:PORT"),
        (("--challenges", "missing.jsonl"), "missing.jsonl"),
        (("--network", "finney"), "--wallet-name"),
        (("--network", "finney", "--role", "demo"), "the demo runs on the embedded chain only"),
        (("--rounds", "several"), "several"),
        (("--round", "3"), "--rounds"),
        (("--miners", "1", "--role", "demo"), "at least 4"),
        (("--encoder", "sentence-transformers:none"), "sentence-transformers"),
        (("--encoder", "openai:tiny", "--encoder-url", "http://127.0.0.1:9/v1"), "http://127.0.0.1:9/v1 cannot be"),
    ],
)
def test_what_cannot_run_says_why_and_what_to_do(arguments: tuple[str, ...], names: str, tmp_path: Path) -> None:
    role = () if "--role" in arguments else ("--role", "validator")
    done = finished("launch", "--no-ui", *role, *arguments, "--data-dir", str(tmp_path / "d"))
    assert done.returncode == 2, done.stderr
    assert names in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unregistered_hotkey_that_cannot_register_is_exit_code_3(tmp_path: Path) -> None:
    done = finished(
        "launch", "--no-ui", "--role", "validator", "--read-only",
        "--network", f"embedded:{tmp_path / 'shared'}", "--data-dir", str(tmp_path / "d"),
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "not registered" in done.stderr


def test_a_data_folder_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    with running(*QUICK, "--rounds", "1", "--data-dir", str(folder)) as run:
        assert run.wait() == 0, run.said()
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as database:
        database.execute("PRAGMA user_version = 999")
        database.commit()
        before = list(database.iterdump())
    done = finished("launch", "--no-ui", *QUICK, "--data-dir", str(folder))
    assert done.returncode == 2
    assert "schema 999" in done.stderr
    assert "update subnet-console" in done.stderr
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (999,)
        assert list(database.iterdump()) == before


def test_nothing_that_is_written_holds_a_secret(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    with running(*QUICK, "--rounds", "2", "--log-level", "debug", "--data-dir", str(folder)) as run:
        assert run.wait() == 0, run.said()
    secrets = [
        value.encode()
        for path in (folder / "wallets").rglob("*")
        if path.is_file() and not path.name.endswith(".txt")
        for key, value in json.loads(path.read_text()).items()
        if key in ("privateKey", "secretPhrase", "secretSeed")
    ]
    assert len(secrets) >= 12
    written = [path for path in folder.rglob("*") if path.is_file() and "wallets" not in path.parts]
    assert any("logs" in path.parts for path in written)
    said = json.dumps(run.events).encode() + "\n".join(run.narration).encode()
    for secret in secrets:
        assert secret not in said
        assert not any(secret in path.read_bytes() for path in written)
    assert (folder.stat().st_mode & 0o777) == 0o700


def test_the_demo_runs_beside_another_programs_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SUBTENSOR_NETWORK=finney\nWALLET_NAME=mine\nHOTKEY_NAME=hot\nAPI_PORT=8000\n")
    folder = tmp_path / "d"
    done = subprocess.run(
        command("launch", "--no-ui", *QUICK, "--rounds", "1", "--data-dir", str(folder)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "wallets" / "validator").is_dir()


def _rounds_in(folder: Path) -> int:
    try:
        with sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM rounds").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_a_read_only_demo_on_a_fresh_folder_runs_and_sets_no_weights(tmp_path: Path) -> None:
    with running(
        "--read-only", "--data-dir", str(tmp_path), "--miners", "4", "--rounds", "2", "--interval", "0.5"
    ) as run:
        assert run.wait() == 0
        assert [one["answered"] > 0 for one in run.named("round")] == [True, True]
        assert run.named("weights") == []
