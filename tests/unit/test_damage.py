"""Damaged data is named: whatever reads a damaged data folder says which file it is, and exits cleanly."""

import contextlib
import json
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from console.cli import main
from console.errors import ExitCode
from console.record.folder import FolderRecord
from engine.chain.embedded import FILE_NAME as CHAIN
from engine.chain.embedded import ChainDataError
from engine.chain.embedded.state_file import StateFile
from engine.errors import StoreError
from engine.files import Damaged
from engine.node.heartbeat import STATUS_FILE
from engine.store.errors import StoreDamaged
from engine.store.record import open_record
from engine.store.schema import FILE_NAME as STORE
from engine.values import Likeness

TABLES = ("scores", "rounds", "replies", "weights", "sybil", "recorded")
LOOKS = ("metagraph", "hyperparameters", "stake", "log")
NETUID = 1
PATIENCE_S = 300.0
NONSENSE = (
    None,
    float("inf"),
    -float("inf"),
    1e300,
    -1,
    2**62,
    "x",
    "",
    b"\xff\xfe",
    "[1e999]",
    "{}",
    "[[]]",
    "[" * 5000,
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a short run, as a process left it."""
    home = tmp_path_factory.mktemp("recorded")
    run = [sys.executable, "-m", "console", "launch", "--role", "demo", "--no-ui", "--data-dir", str(home / "data")]
    few = ["--rounds", "3", "--miners", "5", "--interval", "0", "--encoder", "hashing", "--seed", "9"]
    subprocess.run([*run, *few], env={**os.environ, "HOME": str(home)}, check=True, timeout=PATIENCE_S, cwd=home)
    return home / "data"


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    return fresh(recorded, tmp_path / "data")


def fresh(recorded: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(recorded, folder)
    return folder


def a_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def readings(folder: Path) -> Iterator[list[str]]:
    """Every command that reads a data folder, with its arguments."""
    there = ["--data-dir", str(folder)]
    yield from (["export", table, *there] for table in TABLES)
    round_id = first(folder, "SELECT id FROM rounds")
    yield from (["export", "round", round_id, *how, *there] for how in ([], ["--points"], ["--picture", "-"]))
    yield from (["status", *how, *there] for how in ([], ["--json"]))
    yield ["doctor", "--role", "demo", *there]
    yield from (["judge", str(folder), "--embedder", "bow", *how] for how in ([], ["--compare"]))
    yield from (["chain", look, *there] for look in LOOKS)
    yield ["chain", "neuron", "0", *there]
    yield ["wallet", *there]


def first(folder: Path, query: str) -> str:
    damaged = contextlib.suppress(sqlite3.Error, UnicodeDecodeError)  # of a text whose bytes were flipped
    with damaged, contextlib.closing(sqlite3.connect(folder / STORE)) as connection:
        return str(*connection.execute(query).fetchone())
    return "round-1"


def replayed(folder: Path) -> None:
    """What the screens of `replay` read, at every round."""
    record = FolderRecord(folder)
    instants = record.instants()
    for place in range(1, instants.total + 1):
        instants.snapshot(place, instants.time(place))
    record.round(first(folder, "SELECT id FROM rounds"))
    record.miner(NETUID, first(folder, "SELECT hotkey FROM neurons"))


def check(folder: Path, label: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Each command does its work, or names the file that is damaged and ends with exit code 2."""
    capfd.readouterr()
    for arguments in readings(folder):
        code = main(arguments)
        out, err = capfd.readouterr()
        said = f"{label}: {' '.join(arguments)}: {code}: {err[-500:]}"
        assert code in (ExitCode.DONE, ExitCode.USAGE, ExitCode.NOT_REGISTERED), said
        assert "Traceback" not in out + err and "check broke" not in out, said
        assert code == ExitCode.DONE or arguments[0] == "doctor" or str(folder) in err, said
    with contextlib.suppress(StoreError):
        replayed(folder)


def test_a_sound_folder_is_read_by_every_command(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in readings(folder):
        code = main(arguments)
        out, err = capfd.readouterr()
        assert out and code in (ExitCode.DONE, ExitCode.USAGE) and "damaged" not in out + err, f"{arguments}: {err}"
        assert code == ExitCode.DONE or arguments[0] == "doctor"
    replayed(folder)


def flip(folder: Path, chance: random.Random) -> str:
    path = folder / chance.choice((STORE, CHAIN, STATUS_FILE, "wallets/validator/hotkeys/default"))
    raw = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 3, 20, 200))):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    path.write_bytes(raw)
    return f"bytes of {path.name}"


def cut(folder: Path, chance: random.Random) -> str:
    path = folder / chance.choice((STORE, CHAIN, STATUS_FILE))
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])
    return f"the end of {path.name}"


def swap_type(folder: Path, chance: random.Random) -> str:
    """Any column of any table holds a value that nobody wrote."""
    path = folder / chance.choice((STORE, CHAIN))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = chance.choice(tables)
        column = chance.choice([row[1] for row in connection.execute(f"PRAGMA table_info({table})")])
        value = chance.choice(NONSENSE)
        with contextlib.suppress(sqlite3.Error), connection:
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608 the names are the file's
    return f"{path.name} {table}.{column} = {value!r:.20}"


@pytest.mark.parametrize("spoil", [flip, cut, swap_type])
def test_whatever_is_spoiled_is_named_by_whoever_reads_it(
    recorded: Path, tmp_path: Path, spoil: Callable[[Path, random.Random], str], capfd: pytest.CaptureFixture[str]
) -> None:
    for seed in range(12):
        chance = random.Random(seed)
        folder = fresh(recorded, tmp_path / "data")
        check(folder, f"seed {seed}, {spoil(folder, chance)}", capfd)


@pytest.mark.parametrize(
    "name", [STORE, CHAIN, STATUS_FILE, f"{STORE}-wal", "logs/console.jsonl", "wallets/validator/hotkeys/default"]
)
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_not_a_file_is_named(
    folder: Path, name: str, make: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    check(folder, name, capfd)


COLUMNS = [
    ("rounds", "at", float("inf")),
    ("rounds", "at", 1e300),
    ("rounds", "number", 2**63 - 1),
    ("rounds", "block", -1),
    ("replies", "emission", 1e308),
    ("replies", "emission", -3),
    ("replies", "quality", 1e6),
    ("replies", "uid", 2**63 - 1),
    ("rounds", "source", "elsewhere"),
    ("rounds", "clusters", '[["5Nobody"]]'),
    ("rounds", "clusters", "5"),
    ("rounds", "request", '{"max_tokens": "many"}'),
    ("rounds", "request", "[" * 10_000),
    ("rounds", "agreement", "all"),
    ("rounds", "scored", 7),
    ("replies", "ms", float("inf")),
    ("replies", "status", "well"),
    ("replies", "reasons", '"one"'),
    ("replies", "usage", '{"completion_tokens": "five"}'),
    ("replies", "parts", '{"truth": 1e999}'),
    ("replies", "uid", "one"),
    ("likenesses", "value", b"\xc1"),
    ("likenesses", "value", "text"),
]


@pytest.mark.parametrize(("table", "column", "value"), COLUMNS)
def test_a_row_that_nobody_wrote_is_damage(folder: Path, table: str, column: str, value: object) -> None:
    with contextlib.closing(sqlite3.connect(folder / STORE)) as connection, connection:
        one = f" WHERE rowid = (SELECT max(rowid) FROM {table})"  # noqa: S608
        connection.execute(f"UPDATE {table} SET {column} = ?{one}", (value,))  # noqa: S608 the names are ours
    damage = pytest.raises(StoreDamaged, match=rf"{STORE} is damaged: a row in it was not written by this program")
    with damage as raised, open_record(folder / STORE) as record:
        for id in record.rounds.newest_ids(10):
            record.rounds.found(id)
    assert isinstance(raised.value, Damaged)


def test_a_file_in_place_of_the_wallets_is_named(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / "wallets")
    (folder / "wallets").touch()
    assert main(["launch", "--role", "demo", "--no-ui", "--data-dir", str(folder)]) == ExitCode.USAGE
    assert f"{folder / 'wallets'}" in capfd.readouterr().err


@pytest.mark.parametrize("name", [STORE, CHAIN, f"{CHAIN}.lock", f"{CHAIN}-wal", "lock"])
def test_a_run_does_not_start_on_what_is_not_a_file(folder: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    assert main(["launch", "--role", "demo", "--no-ui", "--data-dir", str(folder)]) == ExitCode.USAGE
    err = capfd.readouterr().err
    assert str(folder / name) in err and "Traceback" not in err


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, a_socket, a_loop], ids=["folder", "pipe", "socket", "loop"])
@pytest.mark.parametrize(("name", "check"), [(STORE, "store"), ("lock", "engine")])
def test_the_doctor_says_what_is_in_place_of_a_file(
    folder: Path, name: str, check: str, make: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    assert main(["doctor", "--json", "--data-dir", str(folder)]) == ExitCode.USAGE
    found = {one["name"]: one for one in json.loads(capfd.readouterr().out)["results"]}[check]
    assert found["state"] == "CRITICAL"
    assert str(folder / name) in found["text"]
    assert "bytes" not in found["text"] and "broke" not in found["text"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, a_socket, a_loop], ids=["folder", "pipe", "socket", "loop"])
@pytest.mark.parametrize("name", [f"{CHAIN}.lock", "lock"])
def test_a_lock_that_is_not_a_file_is_named_with_what_to_do(
    folder: Path, name: str, make: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    assert main(["launch", "--role", "demo", "--no-ui", "--data-dir", str(folder)]) == ExitCode.USAGE
    assert re.search(r"lock \S+ is a .*, not a regular file: .*remove it", capfd.readouterr().err)


def test_the_lock_of_the_embedded_chain_follows_no_link(folder: Path, tmp_path: Path) -> None:
    lock = folder / f"{CHAIN}.lock"
    lock.unlink(missing_ok=True)
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ChainDataError, match="is a symbolic link, not a regular file"):
        StateFile(folder / CHAIN)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cursors SET value = 9223372036854775807",
        "UPDATE neurons SET uid = 9223372036854775807",
        "UPDATE neurons SET rounds = -1",
        "PRAGMA user_version = 3",
        "PRAGMA user_version = -1",
        "DROP TABLE likenesses",
        "ALTER TABLE neurons DROP COLUMN name",
    ],
)
def test_a_run_does_not_start_on_a_store_that_no_version_wrote(
    folder: Path, statement: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(sqlite3.connect(folder / STORE)) as connection, connection:
        connection.execute(statement)
    few = ["--rounds", "1", "--miners", "5", "--interval", "0", "--encoder", "hashing", "--seed", "9"]
    assert main(["launch", "--role", "demo", "--no-ui", *few, "--data-dir", str(folder)]) == ExitCode.USAGE
    assert f"{folder / STORE} is damaged" in capfd.readouterr().err


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_likeness_without_a_place_is_damage(folder: Path, number: float) -> None:
    likeness = Likeness(members=(0,), points=((number, 0.0),))
    with contextlib.closing(sqlite3.connect(folder / STORE)) as connection, connection:
        connection.execute("UPDATE likenesses SET value = ?", (msgspec.msgpack.encode(likeness),))
    with pytest.raises(StoreDamaged), open_record(folder / STORE) as record:
        record.rounds.found(record.rounds.newest_ids(1)[0])
