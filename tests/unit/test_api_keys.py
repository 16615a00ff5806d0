"""The file of bearer keys: what is kept, who may read it, and how it is changed from the command line."""

import json
import os
import threading
from pathlib import Path

import pytest

from console import api_keys as command
from console.cli import main
from console.errors import ConsoleError
from engine.api_keys import FILE_NAME, ApiKeys, KeyFileError, KeyLimits, add_key, read_keys, revoke_key, rotate_key
from engine.redaction import redact
from tests.unit.miner_helpers import Clock


def test_the_file_holds_no_key_and_is_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = add_key(path, "me")
    assert key not in path.read_text() and redact(f"it says {key}") == "it says ******"
    assert path.stat().st_mode & 0o777 == 0o600
    keys = ApiKeys(path)
    found = keys.find(key)
    assert found is not None and found.name == "me"
    assert keys.find(key + "x") is keys.find("") is keys.find("\udcff") is None


def test_an_expired_key_opens_nothing(tmp_path: Path) -> None:
    clock = Clock()
    key = add_key(tmp_path / "keys.json", "me", expires_at=clock.now + 60)
    keys = ApiKeys(tmp_path / "keys.json", clock=clock)
    assert keys.find(key) is not None
    clock.now += 60
    assert keys.find(key) is None


def test_processes_that_add_at_once_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    adding = [threading.Thread(target=add_key, args=(path, f"key-{number}")) for number in range(8)]
    for one in adding:
        one.start()
    for one in adding:
        one.join()
    assert {key.name for key in read_keys(path)} == {f"key-{number}" for number in range(8)}


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b'{"keys": []}', 0o640, "mode 0640"),
        (b'{"keys": []}', 0o602, "chmod 600"),
        (b"{", 0o600, "is damaged"),
        (b'{"keys": [{"name": "x"}]}', 0o600, "is damaged"),
        (b"\xff", 0o600, "is damaged"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_by_name(
    content: bytes, mode: int, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    path.chmod(mode)
    for use in (lambda: read_keys(path), lambda: ApiKeys(path), lambda: add_key(path, "me")):
        with pytest.raises(KeyFileError, match=words) as refused:
            use()
        assert str(path) in str(refused.value)


def test_names_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    for name in ("", "two words", "-x", "a" * 65, "x\n", "ключ"):
        with pytest.raises(KeyFileError, match="is not a valid key name"):
            add_key(path, name)
    add_key(path, "me")
    with pytest.raises(KeyFileError, match="already"):
        add_key(path, "me")
    with pytest.raises(KeyFileError, match=r"no key is called 'you' \(existing keys: me\)"):
        revoke_key(path, "you")
    with pytest.raises(KeyFileError, match="--data-dir"):
        add_key(tmp_path / "none" / "keys.json", "me")


def test_the_command_adds_lists_and_revokes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = ["--data-dir", str(tmp_path / "data")]
    assert main(["keys", "add", "bob", "--expires", "90d", "--requests-per-minute", "9", *folder]) == 0
    key = capfd.readouterr().out
    assert key.startswith("sk-subnet-") and key.count("\n") == 1
    assert main(["keys", "list", *folder]) == 0
    listed = capfd.readouterr().out
    assert "bob" in listed and "89d23h" in listed and key.strip() not in listed
    assert main(["keys", "list", "--json", *folder]) == 0
    told = json.loads(capfd.readouterr().out)[0]
    assert (told["name"], told["expired"], told["requests_per_minute"]) == ("bob", False, 9)
    assert main(["keys", "revoke", "bob", *folder]) == 0
    assert main(["keys", "revoke", "bob", *folder]) == 2
    assert "no key is called 'bob' (existing keys: none)" in capfd.readouterr().err
    for wrong in (["--expires", "soon"], ["--expires", "2001-01-01"], ["--requests-per-minute", "0"]):
        assert main(["keys", "add", "bob", *wrong, *folder]) == 2
        assert wrong[0] in capfd.readouterr().err


def test_an_expiry_is_a_period_or_a_date_to_come() -> None:
    assert command.expiry("12h", 1000.0) == 1000.0 + 12 * 3600
    assert command.expiry("2100-01-01", 1000.0) == command.expiry("2100-01-01T00:00:00Z", 1000.0) == 4102444800.0
    for wrong in ("", "-5d", "1y", "2100-13-01", "0s", "9" * 400 + "d"):
        with pytest.raises(ConsoleError, match="--expires"):
            command.expiry(wrong, 1000.0)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    add_key(path, "me")
    found = path.stat()
    if found.st_uid == 0:
        os.chown(path, 12345, 12345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: found.st_uid + 1)
    with pytest.raises(KeyFileError, match="belongs to another user"):
        read_keys(path)


def test_a_rotated_key_opens_until_the_overlap_ends_and_its_limits_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, path = Clock(), tmp_path / "keys.json"
    monkeypatch.setattr("engine.api_keys.time.time", clock)
    first = add_key(path, "me", expires_at=clock.now + 1000, limits=KeyLimits(requests_per_minute=9))
    keys = ApiKeys(path, clock=clock)
    clock.now += 100
    second = rotate_key(path, "me", overlap=60)
    assert len(keys) == 1 and first != second
    for key in (first, second):
        found = keys.find(key)
        assert found is not None and (found.name, found.requests_per_minute) == ("me", 9)
    clock.now += 60
    assert keys.find(first) is None and keys.find(second) is not None
    clock.now += 939  # the new key lives as long as the old one was meant to
    assert keys.find(second) is not None
    clock.now += 1
    assert keys.find(second) is None


def test_an_overlap_makes_no_key_live_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, path = Clock(), tmp_path / "keys.json"
    monkeypatch.setattr("engine.api_keys.time.time", clock)
    first = add_key(path, "me", expires_at=clock.now + 10)
    second = rotate_key(path, "me", overlap=3600)
    third = rotate_key(path, "me", overlap=3600, expires_at=clock.now + 50)
    keys = ApiKeys(path, clock=clock)
    assert keys.find(first) is None  # only one key before the present one is kept
    clock.now += 11
    assert keys.find(second) is None and keys.find(third) is not None
    revoke_key(path, "me")
    assert keys.find(third) is None


def test_the_command_rotates(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = ["--data-dir", str(tmp_path / "data")]
    assert main(["keys", "add", "bob", *folder]) == main(["keys", "rotate", "bob", "--overlap", "2h", *folder]) == 0
    old, new = capfd.readouterr().out.split()
    keys = ApiKeys(tmp_path / "data" / FILE_NAME)
    assert keys.find(old) is not None and keys.find(new) is not None
    assert main(["keys", "list", *folder]) == 0
    assert "never, the previous key in 1h59m" in capfd.readouterr().out
    assert main(["keys", "rotate", "eve", *folder]) == 2
    assert "no key is called 'eve' (existing keys: bob)" in capfd.readouterr().err
    for wrong in ("soon", "-1h", "400d", "9" * 9 + "d"):
        assert main(["keys", "rotate", "bob", "--overlap=" + wrong, *folder]) == 2
        assert "--overlap" in capfd.readouterr().err
