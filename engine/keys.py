"""Hotkeys: who signs and how a signature is checked (sr25519, ss58 format 42).

`substrateinterface` costs a third of a second to import, so it is loaded when a key is first used.
"""

from functools import lru_cache
from typing import Protocol

SS58_FORMAT = 42
SS58_LENGTH = 48
"""Substrate's generic address format, and the characters of an address in it."""

IDENTITY_KEY = bytes(32)  # under this public key one signature holds for every message


class Signer(Protocol):
    """Anything that can sign for one address."""

    @property
    def ss58_address(self) -> str:
        """The address that it signs for."""
        ...

    def sign(self, data: bytes | str) -> bytes:
        """The sr25519 signature of `data`: 64 bytes."""
        ...


def is_address(text: str) -> bool:
    """Whether `text` is an ss58 address of this format. The length is looked at first: base58 is quadratic."""
    return len(text) == SS58_LENGTH and public_key(text) is not None


def new_mnemonic() -> str:
    """Twelve words for a fresh key."""
    from substrateinterface import Keypair

    return str(Keypair.generate_mnemonic())


def signature_hex(signer: Signer, message: bytes | str) -> str:
    """`0x` and 128 hex digits."""
    return "0x" + signer.sign(message).hex()


def verify(address: str, message: bytes, signature: str) -> bool:
    """Whether `signature` ("0x" + 128 hex digits) is this address's over `message`, plain or in <Bytes>.

    Never raises: what cannot be read is not a valid signature.
    """
    public = public_key(address) if len(address) == SS58_LENGTH else None
    if public is None or public == IDENTITY_KEY or len(signature) != 130 or not signature.startswith("0x"):
        return False
    from sr25519 import verify as verify_sr25519

    try:
        raw = bytes.fromhex(signature[2:])
        wrapped = b"<Bytes>%b</Bytes>" % message
        return bool(verify_sr25519(raw, message, public) or verify_sr25519(raw, wrapped, public))
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def public_key(address: str) -> bytes | None:
    """The 32 bytes of an ss58 address of this format; None when it is not one."""
    from substrateinterface.utils.ss58 import ss58_decode

    try:
        return bytes.fromhex(ss58_decode(address, valid_ss58_format=SS58_FORMAT))
    except ValueError:
        return None
