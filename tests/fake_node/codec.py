"""What the metadata says of storage, calls and events, and the bytes of an extrinsic."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from msgspec import Struct
from scalecodec.base import ScaleBytes
from substrateinterface.storage import StorageKey

from engine.chain.substrate.runtime import decoded

METADATA = Path(__file__).parents[1] / "data" / "mainnet-424.v14.hex"
"""Mainnet's metadata of spec 424 (July 2026), as `state_getMetadata` returns it."""

MOST_KNOWN = 50_000
"""Keys and encoded values that are remembered: making one takes a millisecond."""

_SIGNED_V4 = 0x84
_ACCOUNT_ID, _SR25519 = 0, 1


class Codec:
    """Encodes and decodes by one runtime's metadata ("0x…")."""

    def __init__(self, metadata: str) -> None:
        self.hex = metadata
        self._keys: dict[tuple[Any, ...], tuple[str, str]] = {}
        self._encoded: dict[tuple[str, str], str] = {}
        self.types, self.metadata = decoded(metadata)

    def key(self, item: str, *params: Any, pallet: str = "SubtensorModule") -> str:
        """The key of a storage item."""
        return self._storage(item, *params, pallet=pallet)[0]

    def entry(self, item: str, *params: Any, value: Any, pallet: str = "SubtensorModule") -> tuple[str, str]:
        """A storage item's key, and its value encoded."""
        key, kind = self._storage(item, *params, pallet=pallet)
        return key, self.encode(kind, value)

    def encode(self, kind: str, value: Any) -> str:
        """A value as "0x…". Most of them are as they were a block ago."""
        known = (kind, repr(value))
        if known not in self._encoded:
            if len(self._encoded) > MOST_KNOWN:
                self._encoded.clear()
            self._encoded[known] = str(self.types.create_scale_object(kind, metadata=self.metadata).encode(value))
        return self._encoded[known]

    def call(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """A call's name and arguments."""
        found = self.types.create_scale_object("Call", data=ScaleBytes(data), metadata=self.metadata).decode()
        return str(found["call_function"]), {one["name"]: one["value"] for one in found["call_args"]}

    def error_index(self, name: str) -> int:
        """An error of the subnets' pallet as events number it."""
        errors = self.metadata.get_metadata_pallet("SubtensorModule").errors
        return next(int(one.value["index"]) for one in errors if one.name == name)

    @property
    def pallet_index(self) -> int:
        """The subnets' pallet as events number it."""
        return int(self.metadata.get_metadata_pallet("SubtensorModule").value["index"])

    def _storage(self, item: str, *params: Any, pallet: str) -> tuple[str, str]:
        """The key of an item, and the type of its value."""
        known = (pallet, item, *params)
        if known not in self._keys:
            if len(self._keys) > MOST_KNOWN:
                self._keys.clear()
            key = StorageKey.create_from_storage_function(
                pallet, item, list(params), runtime_config=self.types, metadata=self.metadata
            )
            self._keys[known] = (str(key.to_hex()), key.value_scale_type)
        return self._keys[known]


@lru_cache
def mainnet() -> Codec:
    """Mainnet's metadata, decoded once."""
    return Codec(METADATA.read_text().strip())


class Extrinsic(Struct, frozen=True, kw_only=True):
    """A signed extrinsic of version 4, taken apart. `call` and `extra` are bytes as they were signed."""

    signer: bytes
    signature: bytes
    era: bytes
    nonce: int
    extra: bytes
    call: bytes
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """From the bytes that are sent. Raises `ValueError`."""
        size, at = _compact(raw, 0)
        if size != len(raw) - at or raw[at] != _SIGNED_V4 or raw[at + 1] != _ACCOUNT_ID or raw[at + 34] != _SR25519:
            raise ValueError("not a signed extrinsic of version 4")
        signer, signature = raw[at + 2 : at + 34], raw[at + 35 : at + 99]
        begin = at + 99
        era = raw[begin : begin + 1] if raw[begin] == 0 else raw[begin : begin + 2]
        nonce, at = _compact(raw, begin + len(era))
        _, at = _compact(raw, at)  # the tip
        at += 1  # CheckMetadataHash: its mode
        return cls(
            signer=signer, signature=signature, era=era, nonce=nonce, extra=raw[begin:at], call=raw[at:], raw=raw
        )

    @property
    def hash(self) -> str:
        """ "0x" and 64 hex digits."""
        return "0x" + hashlib.blake2b(self.raw, digest_size=32).hexdigest()

    def born(self, current: int) -> tuple[int, int]:
        """The block in which its era began, and the last one that may include it, as seen from `current`."""
        if len(self.era) == 1:
            return 0, 2**63
        encoded = int.from_bytes(self.era, "little")
        period = 2 << (encoded & 0xF)
        phase = (encoded >> 4) * max(period >> 12, 1)
        birth = (max(current, phase) - phase) // period * period + phase
        return birth, birth + period - 1

    def payload(self, *, spec: int, transaction: int, genesis: str, birth: str) -> bytes:
        """What must have been signed: call, extensions, and what goes unsaid; hashed when it is long."""
        implied = spec.to_bytes(4, "little") + transaction.to_bytes(4, "little")
        implied += bytes.fromhex(genesis[2:]) + bytes.fromhex(birth[2:]) + b"\0"
        whole = self.call + self.extra + implied
        return hashlib.blake2b(whole, digest_size=32).digest() if len(whole) > 256 else whole


def _compact(data: bytes, at: int) -> tuple[int, int]:
    """SCALE's compact integer at this place, and the place after it."""
    mode = data[at] & 3
    if mode == 3:
        size = (data[at] >> 2) + 4
        return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size
    size = 1 << mode
    return int.from_bytes(data[at : at + size], "little") >> 2, at + size
