"""Mainnet's metadata as later runtimes would serve it: other spec versions, items that are new, items that are gone."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from tests.fake_node.codec import Codec, mainnet

_VERSION = b"node-subtensor".hex() + (b"8" + b"node-subtensor").hex() + "01000000"
"""What comes before the spec version in the constant System.Version: two names and the authoring version."""

PALLET = "SubtensorModule"

_BEGIN = "6d6574610e"
"""What comes before the number of types: the magic word, and metadata's version 14."""

_U64, _U64F64 = 6, 56
"""Types of mainnet's metadata, by number."""

_ONE = "0x" + (2**64).to_bytes(16, "little").hex()
"""The number 1 with 64 bits behind the point."""


def at_spec(metadata: str, spec: int) -> str:
    """The same metadata from the runtime of this spec version."""
    at = metadata.index(_VERSION) + len(_VERSION)
    return metadata[:at] + spec.to_bytes(4, "little").hex() + metadata[at + 8 :]


def without(metadata: str, item: str) -> str:
    """The same metadata where this item has another name."""
    return metadata.replace(item.encode().hex(), (item[:-1] + "0").encode().hex())


SINCE_2025 = (
    "LastEpochBlock", "PendingEpochAt", "SubnetEpochIndex", "ActivityCutoffFactorMilli", "CommitRevealWeightsVersion",
    "TimelockedWeightCommits", "MechanismCountCurrent", "MinNonImmuneUids", "ImmuneOwnerUidsLimit", "BurnHalfLife",
    "BurnIncreaseMult", "MinerBurned", "register_limit", "commit_timelocked_weights", "set_mechanism_weights",
)  # fmt: skip
"""Items and calls that came after the runtime of July 2025."""


@lru_cache
def older() -> str:
    """Mainnet's metadata without what the runtime of July 2025 (spec 293) had not got yet."""
    metadata = mainnet().hex
    for item in SINCE_2025:
        metadata = without(metadata, item)
    return at_spec(metadata, 293)


@lru_cache
def grown() -> str:
    """Mainnet's metadata with what runtimes since spec 424 have: collateral, its calls, and two errors."""
    metadata = mainnet().metadata
    [pallet] = (one for one in metadata[1][1]["pallets"].elements if one.value["name"] == PALLET)
    types = metadata.portable_registry["types"].elements
    calls, errors = types[pallet.value["calls"]["ty"]], types[pallet.value["error"]["ty"]]
    text = mainnet().hex
    for element, change in (
        (pallet, partial(_with_collateral, kind=len(types))),
        (calls, _with_calls),
        (errors, _with_errors),
    ):
        text = text.replace(_encoded(element, element.value), _encoded(element, change(element.value)))
    last = _encoded(types[-1], types[-1].value)
    text = text.replace(last, last + _encoded(types[-1], _collateral(len(types))))
    return text.replace(_BEGIN + _compact(len(types)), _BEGIN + _compact(len(types) + 1), 1)


@lru_cache
def grown_codec() -> Codec:
    """The grown metadata, decoded once: it takes seconds."""
    return Codec(grown())


def _encoded(element: Any, value: Any) -> str:
    made = mainnet().types.create_scale_object(type(element).__name__)
    return str(made.encode(value).to_hex())[2:]


def _compact(number: int) -> str:
    """SCALE's compact form of a number from 64 to 16383."""
    return (number << 2 | 1).to_bytes(2, "little").hex()


def _with_collateral(pallet: dict[str, Any], *, kind: int) -> dict[str, Any]:
    """`kind` is the number of the new type of what `MinerCollateral` stores."""
    entries = pallet["storage"]["entries"]
    known = {one["name"]: one for one in entries}
    by_netuid = known["MaxAllowedUids"]  # a u16
    new = [{**by_netuid, "name": name, "default": "0x0000"} for name in ("CollateralLockShare", "SubnetEpochConsensus")]
    drain = {**by_netuid["type"]["Map"], "value": _U64F64}
    new.append({**by_netuid, "name": "CollateralDrainRatio", "type": {"Map": drain}, "default": _ONE})
    by_all = known["RootClaimed"]["type"]["Map"]  # by netuid, hotkey and coldkey
    kept = {"name": "MinerCollateral", "modifier": "Optional", "type": {"Map": {**by_all, "value": kind}}}
    new.append({**by_netuid, **kept, "default": "0x00"})
    return {**pallet, "storage": {**pallet["storage"], "entries": [*entries, *new]}}


def _collateral(kind: int) -> dict[str, Any]:
    """The type of what is stored of a hotkey's collateral."""
    fields = {"locked": _U64, "min_locked": _U64, "earned": _U64, "drain_ratio": _U64F64}
    made: list[dict[str, Any]] = [
        {"name": name, "type": number, "typeName": None, "docs": []} for name, number in fields.items()
    ]
    path = ["pallet_subtensor", "MinerCollateralState"]
    return {"id": kind, "type": {"path": path, "params": [], "def": {"composite": {"fields": made}}, "docs": []}}


def _with_calls(kind: dict[str, Any]) -> dict[str, Any]:
    """The calls' arguments are those of the SDK's generated layer (bittensor 11.3.0)."""

    def made(known: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        netuid, hotkey = known["burned_register"]["fields"]
        alpha, price = known["remove_stake"]["fields"][2], known["add_stake_limit"]["fields"][3]
        add = [netuid, hotkey, {**alpha, "name": "alpha"}, price]
        floor = [netuid, hotkey, {**alpha, "name": "min_locked"}]
        usual = known["add_stake"]
        return [
            {**usual, "name": "add_collateral", "index": 150, "fields": add},
            {**usual, "name": "set_min_collateral", "index": 151, "fields": floor},
        ]

    return _with_variants(kind, made)


def _with_errors(kind: dict[str, Any]) -> dict[str, Any]:
    names = {"CommitPayloadTooLarge": 173, "CommitQueueFull": 174}
    plain: dict[str, Any] = {"fields": [], "docs": [], "discriminant": None}
    return _with_variants(kind, lambda _: [{**plain, "name": name, "index": index} for name, index in names.items()])


def _with_variants(
    kind: dict[str, Any], made: Callable[[dict[str, dict[str, Any]]], list[dict[str, Any]]]
) -> dict[str, Any]:
    variants = kind["type"]["def"]["variant"]["variants"]
    more = [*variants, *made({one["name"]: one for one in variants})]
    return {**kind, "type": {**kind["type"], "def": {"variant": {"variants": more}}}}
