"""A data folder in one file, and back: whole or not at all, and only what belongs there."""

import asyncio
import gzip
import io
import json
import shutil
import sqlite3
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.backups import backup, restore
from console.cli import main
from console.errors import ConsoleError
from engine.api_keys import add_key
from engine.folders import prepare_folder
from engine.locks import AlreadyRunning, folder_lock
from engine.store.schema import LATEST
from engine.store.store import Store
from tests.unit.chain_helpers import running_subnet
from tests.unit.weights_helpers import Crash, FaultyChain, setter_on


@pytest.fixture
async def node(tmp_path: Path) -> Path:
    return await _a_node(tmp_path / "node")


async def _a_node(folder: Path) -> Path:
    """A stopped node's folder."""
    prepare_folder(folder)
    await (await Store.open(folder / "store.db", retention_days=7)).close()
    add_key(folder / "api-keys.json", "me")
    (folder / "api-key-use.json").write_text("{}")
    prepare_folder(folder / "wallets" / "throwaway")
    (folder / "wallets" / "throwaway" / "hotkey").write_text("a secret seed")
    (folder / "logs").mkdir()
    (folder / "logs" / "log.jsonl").write_text("{}")
    (folder / "link").symlink_to("/etc/passwd")
    return folder


async def test_a_node_goes_on_from_its_backup(node: Path, tmp_path: Path) -> None:
    for with_keys, there in ((False, set()), (True, {"api-keys.json", "api-key-use.json", "wallets"})):
        file, moved = tmp_path / f"{with_keys}.tar.gz", tmp_path / f"moved-{with_keys}"
        backup(node, file, with_keys=with_keys)
        assert file.stat().st_mode & 0o777 == 0o600
        manifest = restore(file, moved)
        assert manifest.with_keys is with_keys
        assert {path.name for path in moved.iterdir()} == {"store.db", "lock", *there}
        assert (moved / "store.db").read_bytes() == (node / "store.db").read_bytes()
        assert all(path.stat().st_mode & 0o077 == 0 for path in moved.rglob("*"))
        await (await Store.open(moved / "store.db", retention_days=7)).close()


async def test_neither_is_done_while_an_engine_runs(node: Path, tmp_path: Path) -> None:
    backup(node, tmp_path / "file", with_keys=False)
    with folder_lock(node):
        with pytest.raises(AlreadyRunning):
            backup(node, tmp_path / "other", with_keys=False)
        with pytest.raises(AlreadyRunning):
            restore(tmp_path / "file", node)
    assert not (tmp_path / "other").exists()


async def test_nothing_is_ever_overwritten(node: Path, tmp_path: Path) -> None:
    backup(node, tmp_path / "file", with_keys=False)
    with pytest.raises(ConsoleError, match="already exists and was not changed"):
        backup(node, tmp_path / "file", with_keys=False)
    with pytest.raises(ConsoleError, match=r"already has a record \(api-key-use.json, api-keys.json, store.db"):
        restore(tmp_path / "file", node)
    with pytest.raises(ConsoleError, match="there is no record in"):
        backup(tmp_path / "none", tmp_path / "other", with_keys=False)


async def test_a_backup_of_a_newer_version_is_refused(node: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(node / "store.db")) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    backup(node, tmp_path / "file", with_keys=False)
    with pytest.raises(ConsoleError, match=f"schema {LATEST + 1}.*update subnet-console"):
        restore(tmp_path / "file", tmp_path / "moved")
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["lock"]


def _renamed(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    """The manifest and the member both say `name` instead of store.db."""
    told = json.loads(members["manifest.json"])
    told["files"] = [{**one, "name": name} for one in told["files"] if one["name"] == "store.db"]
    return {"manifest.json": json.dumps(told).encode(), name: members["store.db"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it: it | {"store.db": it["store.db"][:-1] + b"!"}, "store.db was changed or damaged"),
        (lambda it: it | {"store.db": it["store.db"] + b"!"}, "store.db is missing or was changed"),
        (lambda it: {"manifest.json": it["manifest.json"]}, "is missing or was"),
        (lambda it: {"store.db": it["store.db"]}, "does not begin with a manifest"),
        (lambda it: it | {"manifest.json": b"{"}, "not a complete backup"),
        (lambda it: _renamed(it, "../store.db"), "does not belong in a data folder"),
        (lambda it: _renamed(it, "/etc/store.db"), "does not belong in a data folder"),
        (lambda it: _renamed(it, "wallets/../../x"), "does not belong in a data folder"),
        (lambda it: _renamed(it, "config.toml"), "does not belong in a data folder"),
        (lambda it: _renamed(it, "wallets/x"), "it has no store.db"),
        (lambda it: _renamed(it, "wallets/nul\0"), "not a complete backup"),
        (
            lambda it: it | {"manifest.json": it["manifest.json"].replace(b"true", b"false")},
            "'api-key-use.json' does not belong",
        ),
    ],
)
async def test_a_backup_that_was_tampered_with_leaves_nothing(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], words: str, node: Path, tmp_path: Path
) -> None:
    backup(node, tmp_path / "file", with_keys=True)
    with tarfile.open(tmp_path / "file") as archive:
        members = {one.name: found.read() for one in archive if (found := archive.extractfile(one))}
    with tarfile.open(tmp_path / "changed", "w:gz") as archive:
        for name, content in change(members).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(ConsoleError, match=words) as refused:
        restore(tmp_path / "changed", tmp_path / "moved")
    assert str(tmp_path / "changed") in str(refused.value)
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["lock"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
async def test_only_files_are_unpacked(kind: bytes, node: Path, tmp_path: Path) -> None:
    backup(node, tmp_path / "file", with_keys=False)
    with tarfile.open(tmp_path / "file") as archive, tarfile.open(tmp_path / "changed", "w:gz") as changed:
        for one in archive:
            if one.name == "store.db":
                one.type, one.linkname = kind, "/etc/passwd"
                changed.addfile(one)
            else:
                changed.addfile(one, archive.extractfile(one))
    with pytest.raises(ConsoleError, match=r"store\.db is missing or was changed"):
        restore(tmp_path / "changed", tmp_path / "moved")
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["lock"]


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_headers_that_unpack_into_gigabytes_are_not_unpacked(kind: bytes, tmp_path: Path) -> None:
    header = tarfile.TarInfo("bomb")
    header.type, header.size = kind, 16 << 30
    with gzip.open(tmp_path / "bomb", "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(8 << 20))
    tracemalloc.start()
    with pytest.raises(ConsoleError, match="unpacks to more than its manifest says"):
        restore(tmp_path / "bomb", tmp_path / "moved")
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_a_backup_that_is_damaged_anywhere_is_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, instead: bytes
) -> None:
    """Not compressed, so that the damage meets headers, manifest and content alike."""
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        asyncio.run(_a_node(folder / "node"))
        backup(folder / "node", folder / "file", with_keys=True)
    plain = gzip.decompress((folder / "file").read_bytes())
    at = at % len(plain)
    (folder / "changed").write_bytes(gzip.compress(plain[:at] + instead + plain[at + len(instead) :], compresslevel=0))
    moved = folder / "moved"
    try:
        restore(folder / "changed", moved)
        assert (moved / "store.db").read_bytes() == (folder / "node" / "store.db").read_bytes()
    except ConsoleError:
        assert [path.name for path in moved.iterdir()] == ["lock"]
    finally:
        shutil.rmtree(moved, ignore_errors=True)


FAULTS_OF_THE_LAST_DAY = ("", "crash before sending", "crash after sending", "crash late by 1")


@pytest.mark.parametrize("fault", FAULTS_OF_THE_LAST_DAY)
async def test_a_node_that_moves_sends_no_window_twice(fault: str, node: Path, tmp_path: Path) -> None:
    """Its last deed on the old machine succeeds, or ends it at the worst moment; then it moves, journal and all."""
    chain = FaultyChain(await running_subnet(tmp_path))
    await _mind_weights(node, chain, until=35)
    chain.faults.next = fault
    with suppress(Crash):
        await _mind_weights(node, chain, until=36)
    backup(node, tmp_path / "file", with_keys=False)
    restore(tmp_path / "file", tmp_path / "moved")
    await _mind_weights(tmp_path / "moved", chain, until=80)
    assert dict(chain.landed) == {40: 1, 60: 1, 80: 1}
    await chain.inner.close()


async def test_a_node_that_goes_on_from_an_older_backup_neither_repeats_nor_loses_a_window(
    node: Path, tmp_path: Path
) -> None:
    """The old machine went on after the backup; what it sent is on the chain, if not in the journal that moves."""
    chain = FaultyChain(await running_subnet(tmp_path))
    await _mind_weights(node, chain, until=30)
    backup(node, tmp_path / "file", with_keys=False)
    await _mind_weights(node, chain, until=36)
    restore(tmp_path / "file", tmp_path / "moved")
    await _mind_weights(tmp_path / "moved", chain, until=80)
    assert dict(chain.landed) == {40: 1, 60: 1, 80: 1}
    await chain.inner.close()


async def _mind_weights(folder: Path, chain: FaultyChain, *, until: int) -> None:
    """Set weights as the engine of `folder` does, block by block, with the journal in its store."""
    store = await Store.open(folder / "store.db", retention_days=7)
    try:
        setter = setter_on(chain, store.journal)
        while await chain.block() < until:
            await setter.step()
            await chain.tick()
    finally:
        await store.close()


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b\x08\x00" + b"x" * 50])
def test_what_is_no_backup_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ConsoleError, match="is not a complete backup"):
        restore(tmp_path / "file", tmp_path / "moved")
    with pytest.raises(ConsoleError, match="no such backup"):
        restore(tmp_path / "none", tmp_path / "moved")


async def test_a_backup_that_is_cut_short_leaves_nothing(node: Path, tmp_path: Path) -> None:
    backup(node, tmp_path / "file", with_keys=False)
    whole = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConsoleError, match="is not a complete backup"):
        restore(tmp_path / "file", tmp_path / "moved")
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["lock"]


async def test_the_commands_say_what_was_done(node: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "node.tar.gz")
    assert main(["backup", file, "--keys", "--data-dir", str(node)]) == 0
    assert "can act as this node" in capfd.readouterr().out
    assert main(["restore", file, "--json", "--data-dir", str(tmp_path / "moved")]) == 0
    told = msgspec.json.decode(capfd.readouterr().out)
    assert {one["name"] for one in told["files"]} == {
        "api-key-use.json",
        "api-keys.json",
        "store.db",
        "wallets/throwaway/hotkey",
    }
    assert main(["restore", file, "--data-dir", str(tmp_path / "moved")]) == 2
    assert "already has a record" in capfd.readouterr().err
