"""Session keys survive a restart, what they have opened is not opened again, and nobody else can read them."""

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.transport import kept_keys
from engine.transport.callers import Callers
from engine.transport.kept_keys import KEY_FILE, KeptKeys
from engine.transport.rsa import FernetKey
from engine.transport.sessions import KeyRing, SavedKey
from engine.transport.x25519 import PairedKey
from engine.values import Peer
from tests.unit.miner_helpers import ALICE, MINER, ObedientBackend, Validator, make_server, running
from tests.unit.transport_helpers import challenge


def kept(folder: Path) -> KeptKeys:
    return KeptKeys(folder, MINER.ss58_address)


def sealed_file(folder: Path) -> Path:
    return folder / f"session-keys-{MINER.ss58_address}.sealed"


def modes(folder: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()]


@pytest.mark.parametrize("name", ["loosh", "fiber", "own"])
async def test_a_validator_continues_after_a_restart_without_a_new_handshake(tmp_path: Path, name: str) -> None:
    callers = Callers(ALICE, usual=name, allow_private=True)
    async with running(make_server(ObedientBackend(), kept=kept(tmp_path))) as first:
        peer = Peer(MINER.ss58_address, *first.address)
        await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)
        before = first.view().sessions
    assert modes(tmp_path) == [0o600, 0o600]
    async with running(make_server(ObedientBackend(), kept=kept(tmp_path), port=peer.port)) as second:
        assert not sealed_file(tmp_path).exists()
        await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)
        assert [one.status for one in second.view().requests] == [200]
        [held], [was] = second.view().sessions, before
        assert (held.hotkey, held.key_uuid, held.created_at) == (was.hotkey, was.key_uuid, was.created_at)
        assert abs(held.expires_at - was.expires_at) < 0.01
    await callers.close()


async def test_what_was_opened_before_the_restart_is_not_opened_again(tmp_path: Path) -> None:
    async with running(make_server(ObedientBackend(), kept=kept(tmp_path))) as server, Validator(server) as alice:
        await alice.shake()
        token = alice.sealed("once")
        opened = [
            (await alice.http.post("/fiber/challenge", content=token, headers=alice.headers)).status_code
            for _ in range(2)
        ]
    async with (
        running(make_server(ObedientBackend(), kept=kept(tmp_path), port=server.address[1])) as server,
        Validator(server) as again,
    ):
        opened.append((await again.http.post("/fiber/challenge", content=token, headers=alice.headers)).status_code)
        fresh = await again.http.post("/fiber/challenge", content=alice.sealed("new"), headers=alice.headers)
    assert opened == [200, 409, 409]
    assert fresh.status_code == 200


SAVED = SavedKey(
    hotkey=ALICE.ss58_address, key_uuid="u", secret=b"s" * 32, created_at=1.0, expires_at=2e9, opened=(b"m" * 16,)
)


def test_neither_file_gives_a_secret_away_and_both_together_do(tmp_path: Path) -> None:
    kept(tmp_path).keep({"loosh": (SAVED,)})
    raw = sealed_file(tmp_path).read_bytes()
    assert SAVED.secret not in raw
    assert kept(tmp_path).take() == {"loosh": (SAVED,)}
    assert kept(tmp_path).take() == {}, "once"


def _wrong_key(folder: Path) -> None:
    (folder / KEY_FILE).write_bytes(b"A" * 43 + b"=")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: sealed_file(folder).write_bytes(b"garbage"),
        lambda folder: sealed_file(folder).write_bytes(b""),
        lambda folder: sealed_file(folder).chmod(0o644),
        lambda folder: (folder / KEY_FILE).chmod(0o640),
        lambda folder: (folder / KEY_FILE).write_bytes(b"\xff"),
        _wrong_key,
    ],
    ids=["garbage", "empty", "read by others", "key read by others", "no key", "another key"],
)
async def test_files_that_cannot_be_trusted_are_reported_and_nothing_is_held(
    tmp_path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    kept(tmp_path).keep({"loosh": (SAVED,)})
    spoil(tmp_path)
    async with running(make_server(kept=kept(tmp_path))) as server:
        assert server.view().sessions == ()
    assert re.search("session keys in .* cannot be read, so callers must shake hands again: .* ", caplog.text)
    assert "Error" not in caplog.text and "InvalidToken" not in caplog.text


async def test_a_folder_that_takes_no_files_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    missing = tmp_path / "gone"
    async with running(make_server(kept=kept(missing))):
        pass
    assert f"cannot be kept in {missing}" in caplog.text


def test_more_keys_than_are_kept_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kept_keys, "MOST_BYTES", 200)
    kept(tmp_path).keep({"loosh": (SAVED,) * 3})
    assert "at most 200 are kept" in caplog.text
    assert list(tmp_path.iterdir()) == []


async def test_secrets_that_are_none_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept(tmp_path).keep({"own": (SAVED,), "loosh": (replace(SAVED, secret=b"short"),), "unknown": (SAVED,)})
    async with running(make_server(kept=kept(tmp_path))) as server:
        assert server.view().sessions == ()
    assert "are not valid keys" in caplog.text


def test_a_key_is_restored_for_the_rest_of_its_time_and_no_longer_than_one_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    ring: KeyRing[bytes] = KeyRing(ttl=100)
    over, good, far = (replace(SAVED, key_uuid=str(end), expires_at=end) for end in (999.0, 1050.0, 1e6))
    ring.restore([over, good, far], lambda secret: secret)
    assert {(view.key_uuid, view.expires_at) for view in ring.views()} == {("1050.0", 1050.0), ("1000000.0", 1100.0)}
    assert ring.was_opened(ALICE.ss58_address, "1050.0", b"m" * 16)


def test_keys_are_made_again_of_their_secrets() -> None:
    fernet = FernetKey.of(b"k" * 32, ttl=60)
    assert FernetKey.of(fernet.secret, ttl=60) == fernet
    paired = PairedKey(b"p" * 64, asks=False)
    assert PairedKey(paired.secret, asks=False) == paired
    for short in (b"", b"k" * 31):
        with pytest.raises(ValueError, match="32 url-safe"):
            FernetKey.of(short, ttl=60)
        with pytest.raises(ValueError, match="a shared secret must have"):
            PairedKey(short, asks=True)
