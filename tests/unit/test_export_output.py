"""Where exports go: a file that is either complete or unchanged, a pipe that may close; in little memory."""

import asyncio
import csv
import os
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from console.errors import ConsoleError, ExitCode
from console.export import export
from engine.store.schema import FILE_NAME, LATEST
from engine.store.store import Store
from tests.unit.store_helpers import NETUID, a_reply, a_round


async def store_rounds(folder: Path, rounds: int, miners: int = 3, text: str = "an answer") -> None:
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    replies = [a_reply(uid, text=text) for uid in range(miners)]
    for number in range(rounds):
        await store.record(a_round(number, replies), netuid=NETUID, history=None, cursor=None)
    await store.close()


def run_export(folder: Path) -> "subprocess.Popen[bytes]":
    """`export replies` to standard output, in a process of its own."""
    command = (
        "import sys; from pathlib import Path; from console.export import export; "
        "export('replies', data_dir=Path(sys.argv[1]), since=None, format='csv', out='-')"
    )
    return subprocess.Popen(
        [sys.executable, "-c", command, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LC_ALL": "C"},
    )


def test_standard_output_is_utf_8_with_crlf_wherever(tmp_path: Path) -> None:
    asyncio.run(store_rounds(tmp_path, 1, text="שלום"))
    with run_export(tmp_path) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert out.count(b"\r\n") == 4
    assert "שלום".encode() in out


def test_a_reader_that_goes_away_ends_the_export(tmp_path: Path) -> None:
    asyncio.run(store_rounds(tmp_path, 40, miners=30, text="word " * 200))
    with run_export(tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"round_id,")
        process.stdout.close()
        err = process.stderr.read()
        assert (process.wait(timeout=30), err) == (0, b"")


def test_a_file_is_replaced_when_the_new_one_is_complete(tmp_path: Path) -> None:
    asyncio.run(store_rounds(tmp_path, 2))
    out = tmp_path / "rounds.csv"
    out.write_text("what was there before")
    export("rounds", data_dir=tmp_path, since=None, format="csv", out=out)
    with out.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["round-0", "round-1"]
    assert sorted(file.name for file in tmp_path.iterdir() if FILE_NAME not in file.name) == ["rounds.csv"]


def test_an_export_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    asyncio.run(store_rounds(tmp_path, 2))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("UPDATE rounds SET clusters = 'no JSON' WHERE number = 2")
        connection.commit()
    out = tmp_path / "rounds.csv"
    out.write_text("what was there before")
    with pytest.raises(ConsoleError, match="is damaged"):
        export("rounds", data_dir=tmp_path, since=None, format="csv", out=out)
    assert out.read_text() == "what was there before"
    assert list(tmp_path.glob(".rounds*")) == []


@pytest.mark.parametrize("out", ["nowhere/rounds.csv", "", "/dev/full"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, out: str) -> None:
    asyncio.run(store_rounds(tmp_path, 1))
    with pytest.raises(ConsoleError, match=r"--out .* cannot be written") as refusal:
        export("rounds", data_dir=tmp_path, since=None, format="csv", out=tmp_path / out)
    assert refusal.value.exit_code == ExitCode.USAGE


def test_a_full_disk_under_stdout_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(store_rounds(tmp_path, 1))
    monkeypatch.setattr(os, "dup", lambda _descriptor: os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(ConsoleError, match="stdout cannot be written: No space left on device"):
        export("rounds", data_dir=tmp_path, since=None, format="csv", out="-")


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    asyncio.run(store_rounds(tmp_path, 1))
    export("rounds", data_dir=tmp_path, since=None, format="csv", out=Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("since", ["soon", "24", "--24h", "24 h", "2026-13-01", "9999999999999d", "", "24h\n"])
def test_a_since_that_is_not_a_time_is_refused(tmp_path: Path, since: str) -> None:
    with pytest.raises(ConsoleError, match="use 90m, 24h, 7d or a date") as refusal:
        export("rounds", data_dir=tmp_path, since=since, format="csv", out="-")
    assert refusal.value.exit_code == ExitCode.USAGE


def test_nothing_stored_yet_is_reported_and_nothing_made(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="nothing has been stored yet") as refusal:
        export("scores", data_dir=tmp_path / "new", since=None, format="csv", out=tmp_path / "out.csv")
    assert refusal.value.exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    with pytest.raises(ConsoleError, match="update subnet-console"):
        export("scores", data_dir=tmp_path, since=None, format="csv", out="-")


def test_an_export_while_the_engine_writes_and_after_it_was_killed(tmp_path: Path) -> None:
    engine = (
        "import asyncio, sys; from pathlib import Path; from tests.unit.test_export_output import store_rounds; "
        "asyncio.run(store_rounds(Path(sys.argv[1]), 100_000))"
    )
    out = tmp_path / "rounds.csv"
    with subprocess.Popen([sys.executable, "-c", engine, tmp_path]) as writer:
        try:
            while not exported_rounds(tmp_path, out):
                assert writer.poll() is None
            seen = [exported_rounds(tmp_path, out) for _ in range(3)]
        finally:
            writer.send_signal(signal.SIGKILL)
    assert seen == sorted(seen)
    assert exported_rounds(tmp_path, out) >= seen[-1]


def exported_rounds(folder: Path, out: Path) -> int:
    """How many rounds an export holds; 0 while there is no database."""
    try:
        export("rounds", data_dir=folder, since=None, format="csv", out=out)
    except ConsoleError:
        return 0
    ids = [line.split(",")[0] for line in out.read_text().splitlines()[1:]]
    assert ids == [f"round-{number}" for number in range(len(ids))]
    return len(ids)


def test_a_large_export_takes_little_memory(tmp_path: Path) -> None:
    asyncio.run(store_rounds(tmp_path, 15, miners=100, text="word " * 1600))
    tracemalloc.start()
    export("replies", data_dir=tmp_path, since=None, format="csv", out=tmp_path / "replies.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "replies.csv").stat().st_size > 12_000_000
    assert peak < 1_000_000
