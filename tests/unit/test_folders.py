"""A file is replaced as a whole or not at all, and stays replaced when the power fails."""

import os
import stat
from pathlib import Path

import pytest

from engine.folders import replace_file


@pytest.mark.parametrize(("durable", "synced"), [(True, ["file", "folder"]), (False, [])])
def test_a_file_and_its_folder_are_on_the_disk_before_it_is_said_to_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool, synced: list[str]
) -> None:
    seen: list[str] = []

    def sync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        assert is_folder or os.fstat(descriptor).st_size == 3, "all of it is written by then"
        seen.append("folder" if is_folder else "file")

    monkeypatch.setattr(os, "fsync", sync)
    replace_file(tmp_path / "one", b"new", durable=durable)
    assert (tmp_path / "one").read_bytes() == b"new"
    assert (seen, [path.name for path in tmp_path.iterdir()]) == (synced, ["one"])


def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file(tmp_path / "one", b"old")

    def fail(_: int) -> None:
        raise OSError("disk")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk"):
        replace_file(tmp_path / "one", b"new")
    assert (tmp_path / "one").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
