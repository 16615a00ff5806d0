"""Wallet files as bittensor lays them out: `<wallets>/<name>/{coldkey, coldkeypub.txt, hotkeys/<hotkey>}`.

From an operator's wallet only the hotkey and the coldkey's address are read: a server holds no more than that, and some
hold only the hotkey. Throwaway wallets, coldkey included, are made here, for the embedded chain only.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.chain.coldkey import ENCRYPTED, Missing, WrongPassword, guard_of, opened
from engine.files import BYTE_ORDER_MARK, UNDECODABLE, damage, not_a_file, open_input
from engine.keys import SS58_FORMAT, Signer, is_address, new_mnemonic
from engine.redaction import know
from engine.text import safe
from engine.values import Guard

THROWAWAY_HOTKEY = "default"
LARGEST_FILE = 16 * 1024
"""Bytes; a hotkey's file has some 400."""

SR25519 = 1
"""The crypto type that bittensor-wallet writes for sr25519, the only one that neurons sign with."""

SR25519_NAMES = (None, SR25519, "1", "sr25519", "Sr25519", "SR25519")
WIDEST_TYPE = 20
"""How many characters of an unknown key type an error quotes."""

_PUBLIC_KEY = re.compile(r"(0[xX])?[0-9a-fA-F]{64}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")

NEW_HOTKEY = (
    "copy your hotkey's file there, make a new one with `btcli wallet new-hotkey`, or name yours with --wallet.name, "
    "--wallet.hotkey and --wallet.path"
)
NEW_HOTKEY_FILE = (
    "rewrite it without a password with `btcli wallet regen-hotkey --no-use-password`, or from version 11 on with "
    "`btcli wallet regen-hotkey`"
)
NEW_THROWAWAY = "move that wallet's folder away, and the next launch makes new throwaway keys"
COLDKEY_FILE = "copy it again from where the coldkey is kept"
COLDKEY_ELSEWHERE = (
    "a server is better off without it: do this where the coldkey is kept, for example with btcli, which needs no more "
    "than this hotkey's address"
)
NEW_COLDKEYPUB = (
    "rewrite it with `btcli wallet regen-coldkeypub --ss58-address ADDRESS` (from version 11 on `--ss58 ADDRESS "
    "--public-key 0x…`), or write nothing but the address into it"
)
"""No remedy creates a coldkey or copies its secret to a machine that runs a neuron: its address is enough here."""


class WalletError(Exception):
    """A wallet that cannot be used; the message names the file and the remedy."""


class Wallet(Struct, frozen=True):
    """A neuron's keys. Only a throwaway wallet holds its coldkey; the address is "" if unknown.

    An operator's coldkey stays in its file, `coldkey_file`, until a call needs it; `guard` says how it is protected.
    """

    name: str
    hotkey: Signer
    coldkey_address: str
    coldkey: Signer | None = None
    coldkey_file: Path | None = None
    guard: Guard = ""

    def unlocked(self, password: str = "") -> Signer:
        """The coldkey, for one call. Takes seconds if it is encrypted. Raises `WalletError`."""
        if self.coldkey is not None:
            return self.coldkey
        if self.coldkey_file is None:
            raise WalletError("this wallet has no coldkey")
        return _coldkey_in(self.coldkey_file, password, self.coldkey_address)

    def __repr__(self) -> str:
        return f"Wallet({self.name!r}, hotkey={self.hotkey.ss58_address}, coldkey={self.coldkey_address})"


class _KeyFile(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The JSON of one file. Old files lack some fields; a public one has no secret."""

    account_id: str | None = None
    public_key: str | None = None
    private_key: str | None = None
    secret_phrase: str | None = None
    secret_seed: str | None = None
    ss58_address: str | None = None
    crypto_type: int | str | None = None


def load_wallet(path: Path, name: str, hotkey: str) -> Wallet:
    """The hotkey, and the coldkey's address if it is there, of the wallet `name` in the wallets' folder.

    Raises `WalletError`.
    """
    home = path.expanduser() / _checked(name)
    wallet = _loaded(home, hotkey, new_key=NEW_HOTKEY_FILE, new_address=NEW_COLDKEYPUB)
    coldkey = home / "coldkey"
    return msgspec.structs.replace(wallet, coldkey_file=coldkey, guard=guard_of(coldkey))


def load_throwaway(folder: Path, name: str, hotkey: str) -> Wallet:
    """Like `load_wallet`, for a throwaway wallet: the remedies in its errors never involve the operator's keys."""
    return _loaded(folder / _checked(name), hotkey, new_key=NEW_THROWAWAY, new_address=NEW_THROWAWAY)


def _loaded(home: Path, hotkey: str, *, new_key: str, new_address: str) -> Wallet:
    return Wallet(
        name=home.name,
        hotkey=_load_key(home / "hotkeys" / _checked(hotkey), new_key),
        coldkey_address=_load_address(home / "coldkeypub.txt", new_address),
    )


def throwaway(folder: Path, name: str) -> Wallet:
    """The wallet `name` in the wallets' folder, created if missing. Raises `WalletError`, `OSError`.

    It appears whole or not at all, even when two processes create it at once.
    """
    home = folder / _checked(name)
    if not home.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder))
        try:
            _write_wallet(draft)
            draft.rename(home)
        except OSError:
            if not home.exists():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    wallet = load_throwaway(folder, name, THROWAWAY_HOTKEY)
    return msgspec.structs.replace(wallet, coldkey=_load_key(home / "coldkey", NEW_THROWAWAY))


def new_hotkey(path: Path, name: str, hotkey: str) -> bool:
    """Make a hotkey in the wallet `name`, beside the coldkey's address, unless there is one. Says whether it was made.

    Its file appears whole or not at all. A coldkey is never made. Raises `WalletError`, `OSError`.
    """
    home = path.expanduser() / _checked(name)
    file = home / "hotkeys" / _checked(hotkey)
    address = home / "coldkeypub.txt"
    if not _load_address(address, NEW_COLDKEYPUB):
        raise WalletError(f"{address} does not exist, and a coldkey is never made here: {NEW_COLDKEYPUB}")
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{hotkey}.", dir=file.parent) as draft:
        _write(Path(draft) / hotkey, _fresh_key())
        try:
            os.link(Path(draft) / hotkey, file)
        except FileExistsError:
            return False
    return True


# -- reading ---------------------------------------------------------------------------------------------------


def _load_key(path: Path, repair: str) -> Signer:
    """`repair` says what to do about a file that cannot be used."""
    try:
        raw = _read(path, repair)
    except FileNotFoundError:
        raise WalletError(f"{path} does not exist: {NEW_HOTKEY if repair == NEW_HOTKEY_FILE else repair}") from None
    if raw.startswith(ENCRYPTED):
        raise WalletError(f"{path} is encrypted, and its password cannot be asked for here: {repair}")
    return _key_in(path, raw, repair)


def _coldkey_in(path: Path, password: str, address: str) -> Signer:
    """The key in this file, which must match the address if that is known."""
    try:
        raw = _read(path, COLDKEY_FILE)
    except FileNotFoundError:
        raise WalletError(f"{path} does not exist: {COLDKEY_ELSEWHERE}") from None
    if raw.startswith(ENCRYPTED):
        try:
            raw = opened(raw, password)
        except WrongPassword:
            what = "this password does not open it" if password else "it needs its password"
            raise WalletError(f"{path} is encrypted, and {what}") from None
        except Missing as error:
            raise WalletError(f"{path} {error}") from None
    key = _key_in(path, raw, COLDKEY_FILE)
    if address and key.ss58_address != address:
        raise WalletError(
            f"{path} holds {key.ss58_address}, but coldkeypub.txt names {address}: one belongs to another wallet"
        )
    return key


def _key_in(path: Path, raw: bytes, repair: str) -> Signer:
    try:
        held = msgspec.json.decode(raw, type=_KeyFile)
    except UNDECODABLE:
        raise WalletError(damage(path, "it is not a JSON wallet file", repair)) from None
    for secret in (held.private_key, held.secret_phrase, held.secret_seed):
        know(_bare_hex(secret or ""))
    if held.crypto_type not in SR25519_NAMES:
        kind = safe(str(held.crypto_type), WIDEST_TYPE)
        raise WalletError(f"{path} holds a key of crypto type {kind}: only sr25519 keys (1) are supported")
    try:
        key = _keypair(held)
    except ValueError as error:
        raise WalletError(damage(path, f"its secret does not make a key ({error})", repair)) from None
    if key is None:
        raise WalletError(damage(path, "it has no privateKey, secretSeed or secretPhrase", repair))
    if held.ss58_address not in (None, key.ss58_address):
        raise WalletError(f"{path} names {held.ss58_address}, but its secret belongs to {key.ss58_address}")
    return key


def _load_address(path: Path, repair: str) -> str:
    """The address in a `coldkeypub.txt`, "" if there is none: nothing that a server signs needs it."""
    try:
        raw = _read(path, repair)
    except FileNotFoundError:
        return ""
    address = _address_in(raw)
    if not is_address(address):
        raise WalletError(f"{path} holds no coldkey address: {repair}, or delete it to run without")
    return address


def _address_in(raw: bytes) -> str:
    """The address in any format that Bittensor has used: JSON, a bare address or a bare public key; otherwise ""."""
    try:
        text = raw.decode().strip().strip('"')
        if not text.startswith("{"):
            return _address_of(text) if _PUBLIC_KEY.fullmatch(text) else text
        held = msgspec.json.decode(raw, type=_KeyFile)
        return held.ss58_address or _address_of(held.public_key or held.account_id or "")
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return ""


def _address_of(public_key: str) -> str:
    from substrateinterface import Keypair

    return str(Keypair(public_key=_hex(public_key, 32), ss58_format=SS58_FORMAT).ss58_address)


def _read(path: Path, repair: str) -> bytes:
    """A wallet file, without the byte order mark of some editors. Raises WalletError, FileNotFoundError."""
    if obstacle := not_a_file(path):
        raise WalletError(damage(path, obstacle, repair))
    try:
        with open_input(path) as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise WalletError(f"{path} cannot be read ({error.strerror}): check its owner and its permissions") from None
    if len(raw) > LARGEST_FILE:
        raise WalletError(f"{path} is too large for a wallet file")
    return raw.removeprefix(BYTE_ORDER_MARK)


def _keypair(held: _KeyFile) -> Signer | None:
    from substrateinterface import Keypair

    key: Signer | None = None
    if held.private_key:
        key = Keypair.create_from_private_key(_hex(held.private_key, 64), ss58_format=SS58_FORMAT)
    elif held.secret_seed:
        key = Keypair.create_from_seed(_hex(held.secret_seed, 32), ss58_format=SS58_FORMAT)
    elif held.secret_phrase:
        key = Keypair.create_from_mnemonic(held.secret_phrase, ss58_format=SS58_FORMAT)
    return key


def _hex(text: str, length: int) -> bytes:
    """The bytes of a secret. Errors never quote it."""
    try:
        secret = bytes.fromhex(_bare_hex(text))
    except ValueError:
        raise ValueError("not hexadecimal") from None
    if len(secret) != length:
        raise ValueError(f"{len(secret)} bytes, not {length}")
    return secret


def _bare_hex(text: str) -> str:
    return text.removeprefix("0x").removeprefix("0X")


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise WalletError(
            f"{name!r} is not a valid wallet or hotkey name: use at most 64 letters, digits, '_', '-' and '.'"
        )
    return name


# -- making ----------------------------------------------------------------------------------------------------


def _write_wallet(home: Path) -> None:
    coldkey, hotkey = _fresh_key(), _fresh_key()
    (home / "hotkeys").mkdir(mode=0o700)
    _write(home / "coldkey", coldkey)
    _write(
        home / "coldkeypub.txt",
        _KeyFile(account_id=coldkey.account_id, public_key=coldkey.public_key, ss58_address=coldkey.ss58_address),
    )
    _write(home / "hotkeys" / THROWAWAY_HOTKEY, hotkey)


def _fresh_key() -> _KeyFile:
    from substrateinterface import Keypair

    phrase = new_mnemonic()
    key = Keypair.create_from_mnemonic(phrase, ss58_format=SS58_FORMAT)
    return _KeyFile(
        account_id=f"0x{key.public_key.hex()}",
        public_key=f"0x{key.public_key.hex()}",
        private_key=f"0x{key.private_key.hex()}",
        secret_phrase=phrase,
        secret_seed=f"0x{key.seed_hex.hex()}",
        ss58_address=key.ss58_address,
        crypto_type=SR25519,
    )


def _write(path: Path, content: _KeyFile) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(content))
        file.flush()
        os.fsync(file.fileno())
