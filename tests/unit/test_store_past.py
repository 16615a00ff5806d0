"""Reading a store without leaving a trace, and looking back in it."""

import shutil
from pathlib import Path

import pytest

from engine.errors import StoreUnusable
from engine.store.record import open_record
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.store.stored import RoundMark
from engine.values import Outcome
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_plan, a_reply, a_round, hotkey


async def stored(folder: Path, rounds: int) -> Store:
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    for number in range(rounds):
        await store.record(a_round(number), netuid=NETUID, history=None, cursor=None)
    return store


def files(folder: Path) -> dict[str, tuple[int, float]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def copied(folder: Path) -> Path:
    """The store and what waits in its log, beside it."""
    copy = folder / "copy"
    copy.mkdir()
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        shutil.copy(folder / name, copy)
    return copy


async def test_looking_back_leaves_no_trace_in_the_folder(tmp_path: Path) -> None:
    await (await stored(tmp_path, 3)).close()
    before = files(tmp_path)
    with open_record(tmp_path / FILE_NAME, brief=True) as record:
        assert record.rounds.newest_subnet() == NETUID
    with open_record(tmp_path / FILE_NAME, brief=True) as record:
        assert record.rounds.found("round-1") is not None
    assert list(before) == [FILE_NAME]
    assert files(tmp_path) == before


async def test_what_a_running_engine_has_only_in_its_log_is_seen(tmp_path: Path) -> None:
    store = await stored(tmp_path, 3)
    try:
        with open_record(tmp_path / FILE_NAME, brief=True) as record:
            assert [mark.number for mark in record.rounds.marks(NETUID, after=0)] == [1, 2, 3]
        await store.record(a_round(3), netuid=NETUID, history=None, cursor=None)
        with open_record(tmp_path / FILE_NAME, brief=True) as record:
            assert record.rounds.marks(NETUID, after=3) == [RoundMark(4, T0 + 180)]
    finally:
        await store.close()


async def test_a_copied_folder_is_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await stored(tmp_path, 2)
    copy = copied(tmp_path)
    await store.close()
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    with open_record(tmp_path / FILE_NAME) as record:
        assert record.rounds.found("round-1") is not None
    assert set(files(tmp_path)) == {FILE_NAME, "copy"}
    with pytest.raises(StoreUnusable, match=r"store\.db-wal can only be read in a writable folder"):
        open_record(copy / FILE_NAME).__enter__()


async def test_rounds_replies_and_samples_end_where_one_stands(tmp_path: Path) -> None:
    store = await stored(tmp_path, 4)
    failed = a_reply(1, status="timeout", ms=0.0)
    await store.record(a_round(4, [failed]), netuid=NETUID, history=None, cursor=None)
    await store.close()
    with open_record(tmp_path / FILE_NAME, brief=True) as record:
        assert (record.rounds.span(NETUID), record.rounds.span(3)) == ((1, 5), None)
        found = record.rounds.bare(2)
        assert found is not None
        assert (found.challenge.id, len(found.replies), found.replies[0].text) == ("round-1", 3, "")
        assert record.rounds.bare(9) is None
        assert [reply.at for reply in record.replies.last(NETUID, hotkey(1), 3, 2)] == [T0 + 120, T0 + 60]
        assert record.replies.last(NETUID, hotkey(1), 5, 1)[0].status == "timeout"
        assert record.replies.samples_until(NETUID, hotkey(2), PROFILE, 5, 2) == [(T0 + 120, 0.5), (T0 + 180, 0.5)]
        assert record.replies.last(NETUID, hotkey(9), 5, 2) == []


async def test_a_second_subnet_in_the_same_store_is_another_record(tmp_path: Path) -> None:
    store = await stored(tmp_path, 2)
    await store.record(a_round(2), netuid=NETUID + 1, history=None, cursor=None)
    await store.record(a_round(3), netuid=NETUID, history=None, cursor=None)
    await store.close()
    with open_record(tmp_path / FILE_NAME, brief=True) as record:
        assert [mark.number for mark in record.rounds.marks(NETUID, after=0)] == [1, 2, 4]
        assert [mark.number for mark in record.rounds.marks(NETUID + 1, after=0)] == [3]


async def test_journal_and_commands_end_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await stored(tmp_path, 1)
    for at, block in ((10.0, 100), (20.0, 110)):
        monkeypatch.setattr("time.time", lambda at=at: at)
        entry = await store.journal.intend(a_plan(block))
        await store.journal.settle(entry, Outcome(status="ok", reason="\x1b[31mfine"))
        await store.log_command(at, "setweights", "\x1b[2J", "ok", "")
    await store.close()
    with open_record(tmp_path / FILE_NAME, brief=True) as record:
        assert [entry.plan.block for entry in record.plans.recent(NETUID, 9, until=15.0)] == [100]
        assert [entry.plan.block for entry in record.plans.recent(NETUID, 9, until=25.0)] == [110, 100]
        latest = record.plans.on_chain(NETUID, until=15.0)
        assert latest is not None
        assert latest.block == 100
        assert record.plans.on_chain(NETUID, until=5.0) is None
        (command,) = record.commands.recent(9, until=15.0)
        assert (command.at, command.detail.isprintable()) == (10.0, True)


async def test_an_invalid_hotkey_is_left_out(tmp_path: Path) -> None:
    store = await stored(tmp_path, 1)
    await store.note_neurons(NETUID, [("5F\x1b[2J", "", 9, "evil"), (hotkey(8), "", 8, "good")], at=T0)
    await store.close()
    with open_record(tmp_path / FILE_NAME, brief=True) as record:
        assert record.neurons.names(NETUID) == {hotkey(uid): "" for uid in range(3)} | {hotkey(8): "good"}
