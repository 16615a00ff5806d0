"""One process per neuron and one per data folder, across processes and after a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.folders import FolderError, prepare_folder, state_home
from engine.locks import AlreadyRunning, folder_holder, folder_lock, neuron_lock

HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
HOLD = """
import sys
from pathlib import Path
from engine.locks import neuron_lock
with neuron_lock(sys.argv[1], 7, Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_same_hotkey_runs_once_a_netuid(tmp_path: Path) -> None:
    with neuron_lock(HOTKEY, 7, tmp_path / "one"):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} .*one"), neuron_lock(HOTKEY, 7, tmp_path):
            pass
        with neuron_lock(HOTKEY, 8, tmp_path), neuron_lock("other", 7, tmp_path):
            pass
    with neuron_lock(HOTKEY, 7, tmp_path / "two"):
        with pytest.raises(AlreadyRunning) as caught, neuron_lock(HOTKEY, 7, tmp_path):
            pass
        assert caught.value.holder is not None
        assert (caught.value.holder.pid, caught.value.holder.data_dir) == (os.getpid(), str(tmp_path / "two"))


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, HOTKEY, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning, match=f"process {process.pid} "), neuron_lock(HOTKEY, 7, tmp_path):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with neuron_lock(HOTKEY, 7, tmp_path):
        pass


def test_a_data_folder_is_used_once(tmp_path: Path) -> None:
    assert folder_holder(tmp_path) is None
    with folder_lock(tmp_path):
        assert folder_holder(tmp_path) is not None
        with pytest.raises(AlreadyRunning, match="data folder"), folder_lock(tmp_path):
            pass
    assert folder_holder(tmp_path) is None


def test_a_hotkey_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    with neuron_lock("../../up", 7, tmp_path):
        assert [path.name for path in (state_home() / "locks").iterdir()] == [".._.._up-7.lock"]


def test_an_unreadable_lock_file_still_locks(tmp_path: Path) -> None:
    with folder_lock(tmp_path):
        (tmp_path / "lock").write_bytes(b"\xff{")
        with pytest.raises(AlreadyRunning, match="another process"), folder_lock(tmp_path):
            pass


def test_new_and_empty_folders_become_private(tmp_path: Path) -> None:
    assert prepare_folder(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "empty").mkdir(mode=0o755)
    assert prepare_folder(tmp_path / "empty").stat().st_mode & 0o777 == 0o700


def test_a_shared_folder_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "file").touch()
    assert prepare_folder(shared).stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722, 0o1777])
def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    assert prepare_folder(shared).stat().st_mode & 0o777 == 0o700
    (shared / "file").touch()
    shared.chmod(mode)
    with pytest.raises(FolderError, match=rf"can be written by others \(mode {mode:04o}\).* chmod go-w"):
        prepare_folder(shared)
    assert shared.stat().st_mode & 0o7777 == mode


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(FolderError, match="belongs to another user"):
        prepare_folder(theirs)


def test_a_lock_follows_no_link_and_waits_for_no_fifo(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "lock").symlink_to(precious)
    with pytest.raises(FolderError, match="lock is a symbolic link, not a regular file"), folder_lock(tmp_path):
        pass
    assert precious.read_text() == "precious"
    (tmp_path / "lock").unlink()
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(FolderError, match="not a regular file"), folder_lock(tmp_path):
        pass
    with pytest.raises(FolderError, match="not a regular file"):
        folder_holder(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"folder .*file/data cannot be used"):
        prepare_folder(tmp_path / "file" / "data")
