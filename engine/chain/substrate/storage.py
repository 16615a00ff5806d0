"""The runtime's storage, by its own metadata: encodes keys as the node expects them, and decodes values.

The library can do this too, at a tenth of the speed: a metagraph of 2,500 neurons has 25,000 values.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct
from substrateinterface.utils.hasher import (
    blake2_128,
    blake2_128_concat,
    blake2_256,
    identity,
    two_x64_concat,
    xxh128,
)
from substrateinterface.utils.ss58 import ss58_decode, ss58_encode

from engine.chain.substrate.glance import Unfit
from engine.keys import SS58_FORMAT

MOST_KEYS = 10_000
"""Most keys in one request: about two megabytes; nodes accept 15."""

Item = tuple[Any, ...]
"""A storage item: its pallet, its name, and its keys."""

Values = Mapping[str, Any]
"""The values of a subnet's items, by their names."""

SUBNETS = "SubtensorModule"
"""The pallet of all that is about subnets."""

SYSTEM = "System"
"""The pallet of blocks, events and accounts."""

Query = Callable[[Sequence[str]], Mapping[str, str | None]]
"""One round trip: the values stored under these keys ("0x…"), at one block."""

Decode = Callable[[bytes, int], tuple[Any, int]]
"""Decodes the value at an offset; returns it and the next offset. Raises IndexError or `struct.error` at the end."""

_HASHERS = {
    "Blake2_128": blake2_128,
    "Blake2_128Concat": blake2_128_concat,
    "Blake2_256": blake2_256,
    "Identity": identity,
    "Twox128": xxh128,
    "Twox64Concat": two_x64_concat,
}
_FORMATS = {"bool": "?", "u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i64": "q"}
_WIDE = {"u128": False, "i128": True}
"""Integers of 16 bytes, and whether they are signed."""


class _Entry(Struct, frozen=True):
    """One item of a pallet: the prefix of its keys, the encoders of the rest, and the default value."""

    prefix: str
    keys: tuple[tuple[Callable[[bytes], bytes], Callable[[Any], bytes]], ...]
    decode: Decode
    default: bytes | None


def lacking(spec: int, pallet: str, name: str) -> Unfit:
    """The error of a runtime without this item."""
    needed = f"its runtime {spec} does not store {pallet}.{name}, which is needed"
    return Unfit(f"{needed}; name another endpoint with --network, or update this program")


class Storage:
    """The storage of one runtime. Numbers come as int or bool, addresses as ss58, bytes as bytes."""

    def __init__(self, metadata: Any, spec: int = 0) -> None:
        """`metadata` is that of the runtime `spec`, as decoded by the library."""
        self._metadata = metadata
        self._spec = spec
        self._types = metadata.portable_registry["types"].elements
        self._entries: dict[tuple[str, str], _Entry | None] = {}

    def has(self, pallet: str, name: str) -> bool:
        """Whether this runtime has the item."""
        return self._entry(pallet, name) is not None

    def read(self, query: Query, items: Sequence[Item]) -> list[Any]:
        """The values of these items, in as few round trips as possible. Raises `Unfit`."""
        entries = [self._required(*item[:2]) for item in items]
        keys = [_key(entry, item[2:]) for entry, item in zip(entries, items, strict=True)]
        found: dict[str, str | None] = {}
        for at in range(0, len(keys), MOST_KEYS):
            found.update(query(keys[at : at + MOST_KEYS]))
        return [_value(entry, found.get(key), item) for entry, key, item in zip(entries, keys, items, strict=True)]

    def _required(self, pallet: str, name: str) -> _Entry:
        entry = self._entry(pallet, name)
        if entry is None:
            raise lacking(self._spec, pallet, name)
        return entry

    def _entry(self, pallet: str, name: str) -> _Entry | None:
        if (pallet, name) not in self._entries:
            self._entries[pallet, name] = self._made(pallet, name)
        return self._entries[pallet, name]

    def _made(self, pallet: str, name: str) -> _Entry | None:
        found = self._metadata.get_metadata_pallet(pallet)
        item = next((one for one in (found.storage if found else None) or () if one.name == name), None)
        if item is None:
            return None
        kind = item.value["type"]
        default = bytes(item.value_object["default"].value_object) if item.value["modifier"] == "Default" else None
        prefix = (xxh128(found.value["storage"]["prefix"].encode()) + xxh128(name.encode())).hex()
        if "Plain" in kind:
            return _Entry(prefix, (), self._decoder(kind["Plain"]), default)
        hashers = kind["Map"]["hashers"]
        key = kind["Map"]["key"]
        parts = [key] if len(hashers) == 1 else self._definition(key)["tuple"]
        keys = tuple((_HASHERS[hasher], self._encoder(part)) for hasher, part in zip(hashers, parts, strict=True))
        return _Entry(prefix, keys, self._decoder(kind["Map"]["value"]), default)

    # -- types -------------------------------------------------------------------------------------------------

    def _definition(self, number: int) -> dict[str, Any]:
        definition: dict[str, Any] = self._types[number].value["type"]["def"]
        return definition

    def _is_address(self, number: int) -> bool:
        return bool(self._types[number].value["type"]["path"][-1:] == ["AccountId32"])

    def _encoder(self, number: int) -> Callable[[Any], bytes]:
        if self._is_address(number):
            return _public_key
        match self._definition(number):
            case {"primitive": name} if name in _FORMATS:
                return struct.Struct("<" + _FORMATS[name]).pack
            case {"composite": {"fields": [{"type": inner}]}}:
                return self._encoder(inner)
        raise Unfit(f"its runtime has a storage key of an unknown type: {self._types[number].value}")

    def _decoder(self, number: int) -> Decode:
        if self._is_address(number):
            return _address
        layout = self._layout(number)
        if layout:
            return _Fixed(struct.Struct("<" + layout), single=len(layout) == 1)
        match self._definition(number):
            case {"primitive": name} if name in _WIDE:
                return _Wide(signed=_WIDE[name])
            case {"array": {"len": size, "type": inner}} if self._layout(inner) == "B":
                return _Fixed(struct.Struct(f"{size}s"), single=True)
            case {"sequence": {"type": inner}}:
                return _Sequence(self._decoder(inner), self._layout(inner))
            case {"tuple": parts}:
                return _Tuple(tuple(map(self._decoder, parts)))
            case {"composite": {"fields": [{"type": inner, "name": None}]}}:
                return self._decoder(inner)
            case {"composite": {"fields": fields}}:
                return _Composite(tuple((one["name"], self._decoder(one["type"])) for one in fields))
            case {"variant": {"variants": variants}} if not any(one["fields"] for one in variants):
                return _Variant({one["index"]: one["name"] for one in variants})
        raise Unfit(f"its runtime has a storage value of an unknown type: {self._types[number].value}")

    def _layout(self, number: int) -> str:
        """The format for `struct` if the type is a number or a tuple of numbers, else ""."""
        match self._definition(number):
            case {"primitive": name}:
                return _FORMATS.get(name, "")
            case {"composite": {"fields": [{"type": inner, "name": None}]}}:
                return self._layout(inner)
            case {"tuple": parts}:
                letters = [self._layout(part) for part in parts]
                return "".join(letters) if all(len(one) == 1 for one in letters) else ""
        return ""


class _Fixed(Struct, frozen=True):
    layout: struct.Struct
    single: bool

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        found = self.layout.unpack_from(data, at)
        return found[0] if self.single else found, at + self.layout.size


class _Wide(Struct, frozen=True):
    signed: bool

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        if at + 16 > len(data):
            raise IndexError(at)
        return int.from_bytes(data[at : at + 16], "little", signed=self.signed), at + 16


class _Sequence(Struct, frozen=True):
    decode: Decode
    layout: str

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        size, at = _compact(data, at)
        if not self.layout:
            found = []
            for _ in range(size):
                one, at = self.decode(data, at)
                found.append(one)
            return found, at
        end = at + size * struct.calcsize("<" + self.layout)
        if end > len(data):
            raise IndexError(end)
        if self.layout == "B":
            return data[at:end], end
        if len(self.layout) == 1:
            return struct.unpack(f"<{size}{self.layout}", data[at:end]), end
        return tuple(struct.iter_unpack("<" + self.layout, data[at:end])), end


class _Tuple(Struct, frozen=True):
    parts: tuple[Decode, ...]

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        found = []
        for decode in self.parts:
            one, at = decode(data, at)
            found.append(one)
        return tuple(found), at


class _Composite(Struct, frozen=True):
    fields: tuple[tuple[str, Decode], ...]

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        found = {}
        for name, decode in self.fields:
            found[name], at = decode(data, at)
        return found, at


class _Variant(Struct, frozen=True):
    names: dict[int, str]

    def __call__(self, data: bytes, at: int) -> tuple[Any, int]:
        return self.names.get(data[at], ""), at + 1


def _address(data: bytes, at: int) -> tuple[Any, int]:
    return _ss58(data[at : at + 32]), at + 32


@lru_cache(20_000)
def _ss58(public_key: bytes) -> str:
    if len(public_key) != 32:
        raise IndexError(len(public_key))
    return str(ss58_encode(public_key, SS58_FORMAT))


@lru_cache(20_000)
def _public_key(address: str) -> bytes:
    return bytes.fromhex(ss58_decode(address))


def _compact(data: bytes, at: int) -> tuple[int, int]:
    """Decodes a length in SCALE's compact form."""
    mode = data[at] & 3
    if mode == 3:
        raise IndexError(at)  # 2^30 or more, which nobody stores
    size = 1 << mode
    return int.from_bytes(data[at : at + size], "little") >> 2, at + size


def _key(entry: _Entry, params: Sequence[Any]) -> str:
    parts = (hasher(encode(param)).hex() for (hasher, encode), param in zip(entry.keys, params, strict=True))
    return "0x" + entry.prefix + "".join(parts)


def _value(entry: _Entry, stored: str | None, item: Item) -> Any:
    data = bytes.fromhex(stored[2:]) if stored is not None else entry.default
    if data is None:
        return None
    try:
        return entry.decode(data, 0)[0]
    except (IndexError, struct.error) as error:
        raise Unfit(f"its stored {item[0]}.{item[1]} is truncated") from error
