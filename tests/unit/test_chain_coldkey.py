"""The coldkey: how its file is kept, opened for one call, and never beside a server."""

import functools
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.roles.run import run
from engine.chain import coldkey
from engine.chain.wallets import WalletError, load_wallet, throwaway
from engine.commands import AddStake, Register
from engine.node.chain_watch import NotRegistered
from engine.node.command_loop import _detail
from engine.settings import Settings
from tests.unit.engine_helpers import a_feed

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """The JSON of a coldkey, and its address."""
    folder = tmp_path_factory.mktemp("made")
    made = throwaway(folder, "w")
    return (folder / "w" / "coldkey").read_bytes(), made.coldkey_address


@pytest.fixture
def wallets(tmp_path: Path) -> Path:
    throwaway(tmp_path, "w")
    return tmp_path


def encrypted(raw: bytes, password: str) -> bytes:
    """As btcli writes it, by Bittensor's own package."""
    from bittensor_wallet.keyfile import encrypt_keyfile_data

    return bytes(encrypt_keyfile_data(raw, password=password))


def test_a_file_of_btcli_opens_with_its_password_alone(
    secret: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nacl.pwhash import argon2i

    monkeypatch.setattr(argon2i, "kdf", functools.cache(argon2i.kdf))  # seconds each time, as it is meant to be
    raw, _ = secret
    kept = encrypted(raw, PASSWORD)
    assert kept.startswith(coldkey.NACL)
    assert json.loads(coldkey.opened(kept, PASSWORD)) == json.loads(raw)
    with pytest.raises(coldkey.WrongPassword):
        coldkey.opened(kept[:-1], PASSWORD)


def test_an_older_file_needs_the_extra_and_names_it(secret: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from bittensor_wallet.keyfile import legacy_encrypt_keyfile_data

    raw, _ = secret
    kept = bytes(legacy_encrypt_keyfile_data(raw, PASSWORD))
    assert kept.startswith(coldkey.OLDER)
    assert json.loads(coldkey.opened(kept, PASSWORD)) == json.loads(raw)
    monkeypatch.setitem(__import__("sys").modules, "bittensor_wallet.keyfile", None)
    with pytest.raises(coldkey.Missing, match="bittensor-wallet"):
        coldkey.opened(kept, PASSWORD)


def test_a_file_of_ansible_opens_with_its_password_alone(secret: tuple[bytes, str]) -> None:
    raw, _ = secret
    kept = vault(raw, PASSWORD)
    assert kept.startswith(coldkey.OLDER)
    assert json.loads(coldkey.opened(kept, PASSWORD)) == json.loads(raw)
    for wrong in ("", PASSWORD + "!"):
        with pytest.raises(coldkey.WrongPassword):
            coldkey.opened(kept, wrong)


def vault(raw: bytes, password: str) -> bytes:
    """As ansible-vault writes it: version 1.1, AES-256 in counter mode under a key of PBKDF2."""
    from Crypto.Cipher import AES
    from Crypto.Util import Counter

    salt = bytes(range(32))
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 10_000, 80)
    counter = Counter.new(128, initial_value=int.from_bytes(made[64:], "big"))
    padded = raw + bytes([16 - len(raw) % 16]) * (16 - len(raw) % 16)
    sealed = AES.new(made[:32], AES.MODE_CTR, counter=counter).encrypt(padded)
    mac = hmac.new(made[32:64], sealed, hashlib.sha256).hexdigest()
    body = b"\n".join((salt.hex().encode(), mac.encode(), sealed.hex().encode())).hex().encode()
    return b"\n".join((b"$ANSIBLE_VAULT;1.1;AES256", *(body[at : at + 80] for at in range(0, len(body), 80)), b""))


def test_how_it_is_kept_is_seen_without_a_password(wallets: Path, secret: tuple[bytes, str]) -> None:
    path = wallets / "w" / "coldkey"
    assert load_wallet(wallets, "w", "default").guard == "open"
    path.write_bytes(b"$NACL" + b"x" * 40)
    assert load_wallet(wallets, "w", "default").guard == "encrypted"
    path.unlink()
    held = load_wallet(wallets, "w", "default")
    assert held.guard == "absent"
    with pytest.raises(WalletError, match="do this where the coldkey is kept"):
        held.unlocked()


def test_it_must_be_the_key_that_coldkeypub_names(wallets: Path, secret: tuple[bytes, str]) -> None:
    held = load_wallet(wallets, "w", "default")
    assert held.unlocked().ss58_address == held.coldkey_address
    (wallets / "w" / "coldkey").write_bytes(secret[0])
    with pytest.raises(WalletError, match="another wallet"):
        held.unlocked()


def test_a_password_is_neither_shown_nor_logged() -> None:
    for command in (Register(limit=1.0, password=PASSWORD), AddStake(amount=2.0, password=PASSWORD)):
        assert PASSWORD not in f"{command!r} {command} {_detail(command)} {command.name}"
    assert _detail(AddStake(amount=2.0, password=PASSWORD)) == "amount 2.0"


async def test_nothing_serves_beside_a_readable_coldkey_unless_told_so(wallets: Path, tmp_path: Path) -> None:
    settings = Settings(role="validator", wallet_name="w", wallet_path=wallets, data_dir=tmp_path / "data")
    (tmp_path / "data").mkdir(mode=0o700)
    with pytest.raises(WalletError, match=r"is an unencrypted coldkey.*--allow-coldkey"):
        await run(settings, tmp_path / "data", a_feed())
    told = replace(settings, allow_coldkey=True, read_only=True, network=f"embedded:{tmp_path / 'shared'}")
    with pytest.raises(NotRegistered):
        await run(told, tmp_path / "data", a_feed())
