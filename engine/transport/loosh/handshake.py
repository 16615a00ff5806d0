"""Loosh dialect A, what both ends share: names on the wire, the key exchange, its cryptography (facts/loosh 2.2).

The validator makes a Fernet key, seals it for the miner's RSA key and signs `timestamp.nonce.hotkey`. The signature
covers neither the key nor whom it is for: who sits between the two can put a key of his own into a handshake, or carry
it to another miner while it is fresh. The dialect is like that; the miner's end can only keep the time short.
"""

from typing import Annotated

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from msgspec import Meta, Struct

from engine.keys import SS58_LENGTH, Signer, signature_hex
from engine.transport.gate import Claim

AVAILABILITY_PATH = "/availability"
PUBLIC_KEY_PATH = "/fiber/public-key"
KEY_EXCHANGE_PATH = "/fiber/key-exchange"
CHALLENGE_PATH = "/fiber/challenge"

VALIDATOR_HEADER = "x-fiber-validator-hotkey-ss58"
MINER_HEADER = "x-fiber-miner-hotkey-ss58"
KEY_UUID_HEADER = "x-fiber-symmetric-key-uuid"

KEY_BITS = 2048
MAX_KEY_BITS = 4096
MAX_PEM_CHARACTERS = 2048
MAX_UUID_CHARACTERS = 64
EXCHANGE_BYTES = 16 * 1024

_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class KeyExchange(Struct, frozen=True, kw_only=True):
    """The body of a key exchange. `encrypted_symmetric_key` is hex; `timestamp` is in unix seconds."""

    encrypted_symmetric_key: Annotated[str, Meta(min_length=1, max_length=MAX_KEY_BITS // 4)]
    symmetric_key_uuid: Annotated[str, Meta(min_length=1, max_length=MAX_UUID_CHARACTERS)]
    timestamp: float
    nonce: Annotated[str, Meta(min_length=1, max_length=128)]
    signature: Annotated[str, Meta(min_length=1, max_length=256)]
    validator_hotkey_ss58: Annotated[str, Meta(max_length=SS58_LENGTH)]

    def claim(self) -> Claim:
        return Claim(
            hotkey=self.validator_hotkey_ss58,
            timestamp=self.timestamp,
            nonce=self.nonce,
            message=signed_text(self.timestamp, self.nonce, self.validator_hotkey_ss58),
            signature=self.signature,
        )


def signed_text(timestamp: float, nonce: str, hotkey: str) -> bytes:
    """What is signed. The timestamp as Python writes a float, since the miner builds this from the parsed number."""
    return f"{timestamp!r}.{nonce}.{hotkey}".encode()


def new_exchange(
    signer: Signer, public_key: rsa.RSAPublicKey, key: bytes, *, key_uuid: str, nonce: str, timestamp: float
) -> bytes:
    """The body of a key exchange for `key` (the 44 characters of a Fernet key)."""
    hotkey = signer.ss58_address
    return msgspec.json.encode(
        KeyExchange(
            encrypted_symmetric_key=public_key.encrypt(key, _OAEP).hex(),
            symmetric_key_uuid=key_uuid,
            timestamp=timestamp,
            nonce=nonce,
            signature=signature_hex(signer, signed_text(timestamp, nonce, hotkey)),
            validator_hotkey_ss58=hotkey,
        )
    )


def new_private_key() -> rsa.RSAPrivateKey:
    """Takes a tenth of a second or more: call it in a thread."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def public_pem(private_key: rsa.RSAPrivateKey) -> str:
    """PEM, SubjectPublicKeyInfo."""
    return (
        private_key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def read_public_key(pem: str) -> rsa.RSAPublicKey:
    """A peer's RSA key of 2048 to 4096 bits. Raises ValueError, in words, for anything else."""
    if len(pem) > MAX_PEM_CHARACTERS or not pem.isascii():
        raise ValueError(f"no PEM of at most {MAX_PEM_CHARACTERS} characters")
    if not pem.lstrip().startswith("-----BEGIN PUBLIC KEY-----"):
        raise ValueError("no PEM public key (SubjectPublicKeyInfo)")
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the PEM holds no key") from None
    if not isinstance(key, rsa.RSAPublicKey) or not KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise ValueError(f"no RSA key of {KEY_BITS} to {MAX_KEY_BITS} bits")
    if not 3 <= key.public_numbers().e < 2**32:
        raise ValueError("an RSA exponent out of bounds")
    return key


def unseal_key(private_key: rsa.RSAPrivateKey, sealed: str) -> bytes:
    """The key in `encrypted_symmetric_key`. Takes a millisecond: call it in a thread. Raises ValueError."""
    return private_key.decrypt(bytes.fromhex(sealed), _OAEP)
