"""A coldkey's file: how it is protected, and its key for one call. Neither key nor password is kept or logged."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from engine.files import open_input
from engine.packages import install
from engine.values import Guard

NACL = b"$NACL"
OLDER = (b"$ANSIBLE_VAULT", b"gAAAAA")
ENCRYPTED = (NACL, *OLDER)

SALT = b"\x13q\x83\xdf\xf1Z\t\xbc\x9c\x90\xb5Q\x879\xe9\xb1"
"""Bittensor's salt, the same for every file."""

NEEDS_WALLET = "is encrypted in an older format, which needs bittensor-wallet; install it with"


class WrongPassword(Exception):
    """The password does not open the file."""


class Missing(Exception):
    """The format needs a package that is not installed; the message says which."""


def guard_of(path: Path) -> Guard:
    """How the coldkey in this file is protected. Only its first bytes are read."""
    try:
        with open_input(path) as file:
            return "encrypted" if file.read(16).startswith(ENCRYPTED) else "open"
    except FileNotFoundError:
        return "absent"
    except OSError:
        return "unreadable"


def opened(raw: bytes, password: str) -> bytes:
    """The content of an encrypted file. By design this takes seconds and half a gigabyte.

    Raises `WrongPassword`, `Missing`.
    """
    return _nacl(raw, password) if raw.startswith(NACL) else _older(raw, password)


def _nacl(raw: bytes, password: str) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.pwhash import argon2i
    from nacl.secret import SecretBox

    key = argon2i.kdf(
        SecretBox.KEY_SIZE,
        password.encode(),
        SALT,
        opslimit=argon2i.OPSLIMIT_SENSITIVE,
        memlimit=argon2i.MEMLIMIT_SENSITIVE,
    )
    try:
        return bytes(SecretBox(key).decrypt(raw[len(NACL) :]))
    except (CryptoError, ValueError):
        raise WrongPassword from None


def _older(raw: bytes, password: str) -> bytes:
    try:
        from bittensor_wallet.keyfile import decrypt_keyfile_data
    except ImportError:
        raise Missing(f"{NEEDS_WALLET} {install('bittensor-wallet')}") from None
    decrypt: Callable[..., bytes] = decrypt_keyfile_data
    try:
        with redirect_stdout(io.StringIO()):  # it prints what it does, into our JSON or onto the screen
            return bytes(decrypt(raw, password=password))
    except Exception:  # its errors have no common class, and quote their input
        raise WrongPassword from None
