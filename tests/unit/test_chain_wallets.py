"""Wallet files: bittensor's layout read, throwaway keys made, every unusable file named with what to do."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from substrateinterface import Keypair

from engine.chain.wallets import WalletError, load_wallet, new_hotkey, throwaway
from engine.keys import signature_hex, verify

PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
KEY = Keypair.create_from_mnemonic(PHRASE, ss58_format=42)
OTHER = Keypair.create_from_uri("//Other", ss58_format=42)
SECRETS = {
    "privateKey": "0x" + KEY.private_key.hex(),
    "secretPhrase": PHRASE,
    "secretSeed": "0x" + KEY.seed_hex.hex(),
}


def hotkey_file(**fields: Any) -> str:
    """A hotkey's file as btcli writes it, with some fields changed or (None) left out."""
    public = {"accountId": "0x" + KEY.public_key.hex(), "publicKey": "0x" + KEY.public_key.hex()}
    held = public | SECRETS | {"ss58Address": KEY.ss58_address, "cryptoType": 1} | fields
    return json.dumps({name: value for name, value in held.items() if value is not None})


def wallet_with(folder: Path, hotkey: str | bytes, *, coldkeypub: str | None = None) -> Path:
    """A wallets' folder with the wallet "w", whose hotkey "h" has this content."""
    (folder / "w" / "hotkeys").mkdir(parents=True)
    (folder / "w" / "hotkeys" / "h").write_bytes(hotkey if isinstance(hotkey, bytes) else hotkey.encode())
    public = coldkeypub if coldkeypub is not None else json.dumps({"ss58Address": OTHER.ss58_address})
    (folder / "w" / "coldkeypub.txt").write_text(public)
    return folder


def error_of(folder: Path, name: str = "w", hotkey: str = "h") -> str:
    with pytest.raises(WalletError) as raised:
        load_wallet(folder, name, hotkey)
    message = str(raised.value)
    assert not any(secret in message for secret in SECRETS.values())
    return message


@pytest.mark.parametrize("kept", [["privateKey"], ["secretSeed"], ["secretPhrase"], list(SECRETS)])
def test_any_one_secret_makes_the_key(tmp_path: Path, kept: list[str]) -> None:
    gone = {name: None for name in SECRETS if name not in kept}
    wallet = load_wallet(wallet_with(tmp_path, hotkey_file(**gone)), "w", "h")
    assert wallet.hotkey.ss58_address == KEY.ss58_address
    assert verify(KEY.ss58_address, b"message", signature_hex(wallet.hotkey, b"message"))
    assert (wallet.name, wallet.coldkey_address, wallet.coldkey) == ("w", OTHER.ss58_address, None)


def test_old_files_without_address_and_type_are_read(tmp_path: Path) -> None:
    old = json.dumps({"secretSeed": SECRETS["secretSeed"][2:]})
    assert load_wallet(wallet_with(tmp_path, old), "w", "h").hotkey.ss58_address == KEY.ss58_address


@pytest.mark.parametrize("kind", ["sr25519", "1", 1])
@pytest.mark.parametrize("secret", ["privateKey", "secretSeed"])
def test_hexadecimal_and_the_type_are_read_however_they_are_written(tmp_path: Path, secret: str, kind: object) -> None:
    fields = dict.fromkeys(SECRETS) | {secret: SECRETS[secret].replace("0x", "0X"), "cryptoType": kind}
    assert load_wallet(wallet_with(tmp_path, hotkey_file(**fields)), "w", "h").hotkey.ss58_address == KEY.ss58_address


@pytest.mark.parametrize("file", ["coldkey", "coldkeypub.txt", "hotkeys/default"])
@pytest.mark.parametrize("content", [None, "", "{}", "$NACLx", '{"privateKey": "0xzz"}'])
def test_an_unusable_throwaway_wallet_is_made_again(tmp_path: Path, file: str, content: str | None) -> None:
    throwaway(tmp_path, "lazy-1")
    path = tmp_path / "lazy-1" / file
    path.unlink()
    if content is not None:
        path.write_text(content)
    elif file == "coldkeypub.txt":
        assert throwaway(tmp_path, "lazy-1").coldkey_address == ""
        return
    with pytest.raises(WalletError) as raised:
        throwaway(tmp_path, "lazy-1")
    assert str(path) in str(raised.value)
    assert "move that wallet's folder away, and the next launch makes new throwaway keys" in str(raised.value)
    assert "btcli" not in str(raised.value)


def test_the_repr_shows_addresses_alone(tmp_path: Path) -> None:
    for wallet in (load_wallet(wallet_with(tmp_path, hotkey_file()), "w", "h"), throwaway(tmp_path, "t")):
        expected = f"Wallet('{wallet.name}', hotkey={wallet.hotkey.ss58_address}, coldkey={wallet.coldkey_address})"
        assert repr(wallet) == f"{wallet}" == expected


def test_a_missing_file_names_its_path_and_the_command(tmp_path: Path) -> None:
    message = error_of(tmp_path, "nobody")
    assert str(tmp_path / "nobody" / "hotkeys" / "h") in message
    assert "btcli wallet new-hotkey" in message
    assert "--wallet.name" in message


def test_a_hotkey_alone_is_enough(tmp_path: Path) -> None:
    wallet_with(tmp_path, hotkey_file())
    (tmp_path / "w" / "coldkeypub.txt").unlink()
    wallet = load_wallet(tmp_path, "w", "h")
    assert (wallet.hotkey.ss58_address, wallet.coldkey_address) == (KEY.ss58_address, "")


PUBLIC = "0x" + OTHER.public_key.hex()


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"accountId": PUBLIC, "publicKey": PUBLIC, "ss58Address": OTHER.ss58_address, "cryptoType": 1}),
        json.dumps({"publicKey": PUBLIC}),
        json.dumps({"accountId": PUBLIC}),
        json.dumps(OTHER.ss58_address),
        OTHER.ss58_address,
        OTHER.ss58_address + "\n",
        PUBLIC,
        PUBLIC.removeprefix("0x"),
        PUBLIC.replace("0x", "0X"),
        json.dumps({"publicKey": PUBLIC.removeprefix("0x")}),
        json.dumps({"publicKey": PUBLIC.replace("0x", "0X")}),
        f"  {PUBLIC}\r\n",
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_coldkeypub_is_read_in_every_form_that_there_is(tmp_path: Path, content: str, mark: str) -> None:
    wallet = load_wallet(wallet_with(tmp_path, mark + hotkey_file(), coldkeypub=mark + content), "w", "h")
    assert (wallet.hotkey.ss58_address, wallet.coldkey_address) == (KEY.ss58_address, OTHER.ss58_address)


@pytest.mark.parametrize("start", [b"$NACL\x01\x02", b"$ANSIBLE_VAULT;1.1;AES256\n31", b"gAAAAABh"])
def test_an_encrypted_hotkey_says_how_to_rewrite_it(tmp_path: Path, start: bytes) -> None:
    message = error_of(wallet_with(tmp_path, start + b"x" * 300))
    assert "hotkeys/h is encrypted" in message
    assert "btcli wallet regen-hotkey --no-use-password" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (hotkey_file(ss58Address=OTHER.ss58_address), f"names {OTHER.ss58_address}, but its secret belongs to"),
        (
            hotkey_file(privateKey=None, secretSeed=None, secretPhrase=None),
            "it has no privateKey, secretSeed or",
        ),
        (hotkey_file(privateKey="0x" + "ff" * 64), "its secret does not make a key"),
        (hotkey_file(privateKey="0x" + "12" * 32), "its secret does not make a key (32 bytes, not 64)"),
        (
            hotkey_file(privateKey=None, secretSeed="0xzz"),
            "its secret does not make a key (not hexadecimal)",
        ),
        (
            hotkey_file(privateKey=None, secretSeed=None, secretPhrase="one two three"),
            "its secret does not make a key",
        ),
        (hotkey_file(cryptoType=0), "crypto type 0: only sr25519"),
        (hotkey_file(cryptoType="ed25519"), "crypto type ed25519: only sr25519"),
        (hotkey_file(cryptoType="\x1b[2J" + "x" * 99), "x…: only sr25519"),
        (hotkey_file(privateKey=5), "is damaged: it is not a JSON wallet file"),
        ("", "is damaged: it is not a JSON wallet file"),
        ("[" * 10_000, "is damaged: it is not a JSON wallet file"),
        ("{" + " " * 20_000 + "}", "too large"),
    ],
)
def test_a_hotkey_that_cannot_be_used(tmp_path: Path, content: str, expected: str) -> None:
    message = error_of(wallet_with(tmp_path, content))
    assert expected in message
    assert str(tmp_path / "w" / "hotkeys" / "h") in message


@pytest.mark.parametrize(
    "content",
    ["{}", '{"ss58Address": "5Nonsense"}', "null", "", "0x12", "0x" + "zz" * 32, "{" * 9, "$NACL", '{"publicKey": 5}'],
)
def test_a_coldkeypub_that_cannot_be_used_asks_for_an_address_and_no_coldkey(tmp_path: Path, content: str) -> None:
    message = error_of(wallet_with(tmp_path, hotkey_file(), coldkeypub=content))
    assert str(tmp_path / "w" / "coldkeypub.txt") in message
    assert "btcli wallet regen-coldkeypub --ss58-address" in message


def test_a_folder_in_place_of_a_coldkeypub_is_told_with_its_own_advice(tmp_path: Path) -> None:
    path = wallet_with(tmp_path, hotkey_file()) / "w" / "coldkeypub.txt"
    path.unlink()
    path.mkdir()
    message = error_of(tmp_path)
    assert "a folder is in its place" in message
    assert "btcli wallet regen-coldkeypub --ss58-address" in message and "hotkey`" not in message


@pytest.mark.parametrize("name", ["", ".", "..", "../w", "a/b", "x" * 65, "new\nline"])
def test_names_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    wallet_with(tmp_path, hotkey_file())
    assert "is not a valid wallet" in error_of(tmp_path, name)
    assert "is not a valid wallet" in error_of(tmp_path, "w", name)
    with pytest.raises(WalletError, match="is not a valid"):
        throwaway(tmp_path, name)


def test_a_throwaway_wallet_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "wallets"
    wallet = throwaway(folder, "miner-1")
    assert wallet.coldkey is not None
    assert wallet.coldkey.ss58_address == wallet.coldkey_address != wallet.hotkey.ss58_address
    again = throwaway(folder, "miner-1")
    assert (again.hotkey.ss58_address, again.coldkey_address) == (wallet.hotkey.ss58_address, wallet.coldkey_address)
    paths = sorted(folder.rglob("*"))
    assert [str(path.relative_to(folder)) for path in paths] == [
        "miner-1",
        "miner-1/coldkey",
        "miner-1/coldkeypub.txt",
        "miner-1/hotkeys",
        "miner-1/hotkeys/default",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *paths) if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}


def test_a_throwaway_wallet_can_be_read_by_other_tools(tmp_path: Path) -> None:
    wallet = throwaway(tmp_path, "t")
    for path, address in (("hotkeys/default", wallet.hotkey.ss58_address), ("coldkey", wallet.coldkey_address)):
        held = json.loads((tmp_path / "t" / path).read_text())
        assert held["ss58Address"] == address
        for made in (
            Keypair.create_from_private_key(held["privateKey"], ss58_format=42),
            Keypair.create_from_seed(held["secretSeed"], ss58_format=42),
            Keypair.create_from_mnemonic(held["secretPhrase"], ss58_format=42),
        ):
            assert made.ss58_address == address
            assert "0x" + made.public_key.hex() == held["publicKey"] == held["accountId"]
    public = json.loads((tmp_path / "t" / "coldkeypub.txt").read_text())
    assert set(public) == {"accountId", "publicKey", "ss58Address"}
    assert wallet.coldkey is not None and wallet.coldkey.ss58_address == public["ss58Address"]


def test_many_may_make_the_same_throwaway_wallet_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        wallets = list(pool.map(lambda _: throwaway(tmp_path, "t"), range(8)))
    assert len({(wallet.hotkey.ss58_address, wallet.coldkey_address) for wallet in wallets}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_new_hotkey_goes_beside_the_coldkeys_address_and_never_over_another(tmp_path: Path) -> None:
    home = wallet_with(tmp_path, hotkey_file()) / "w"
    before = (home / "hotkeys" / "h").read_bytes()
    assert not new_hotkey(tmp_path, "w", "h")
    assert (home / "hotkeys" / "h").read_bytes() == before
    assert new_hotkey(tmp_path, "w", "second")
    made = load_wallet(tmp_path, "w", "second")
    assert made.hotkey.ss58_address != KEY.ss58_address
    assert made.coldkey_address == OTHER.ss58_address
    assert stat.S_IMODE((home / "hotkeys" / "second").stat().st_mode) == 0o600
    assert sorted(path.name for path in home.rglob("*")) == ["coldkeypub.txt", "h", "hotkeys", "second"]


def test_a_hotkey_is_made_for_no_coldkey_that_is_unknown(tmp_path: Path) -> None:
    for exists in (False, True):
        if exists:
            (tmp_path / "w").mkdir()
        with pytest.raises(WalletError, match=r"coldkeypub\.txt does not exist, and a coldkey is never made here"):
            new_hotkey(tmp_path, "w", "h")
    assert list((tmp_path / "w").iterdir()) == []
