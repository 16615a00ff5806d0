"""Mainnet's metadata as later runtimes would serve it: other spec versions, items that are new, items that are gone."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tests.fake_node.codec import mainnet

_VERSION = b"node-subtensor".hex() + (b"8" + b"node-subtensor").hex() + "01000000"
"""What comes before the spec version in the constant System.Version: two names and the authoring version."""

PALLET = "SubtensorModule"


def at_spec(metadata: str, spec: int) -> str:
    """The same metadata from the runtime of this spec version."""
    at = metadata.index(_VERSION) + len(_VERSION)
    return metadata[:at] + spec.to_bytes(4, "little").hex() + metadata[at + 8 :]


def without(metadata: str, item: str) -> str:
    """The same metadata where this item has another name."""
    return metadata.replace(item.encode().hex(), (item[:-1] + "0").encode().hex())


@lru_cache
def grown() -> str:
    """Mainnet's metadata with what runtimes since spec 424 have: collateral, its call, and two errors."""
    metadata = mainnet().metadata
    [pallet] = (one for one in metadata[1][1]["pallets"].elements if one.value["name"] == PALLET)
    types = metadata.portable_registry["types"].elements
    calls, errors = types[pallet.value["calls"]["ty"]], types[pallet.value["error"]["ty"]]
    text = mainnet().hex
    for element, change in ((pallet, _with_collateral), (calls, _with_call), (errors, _with_errors)):
        text = text.replace(_encoded(element, element.value), _encoded(element, change(element.value)))
    return text


def _encoded(element: Any, value: Any) -> str:
    made = mainnet().types.create_scale_object(type(element).__name__)
    return str(made.encode(value).to_hex())[2:]


def _with_collateral(pallet: dict[str, Any]) -> dict[str, Any]:
    entries = pallet["storage"]["entries"]
    [burn] = (one for one in entries if one["name"] == "MaxAllowedUids")  # a u16 by netuid
    new = [{**burn, "name": name, "default": "0x0000"} for name in ("CollateralLockShare", "SubnetEpochConsensus")]
    return {**pallet, "storage": {**pallet["storage"], "entries": [*entries, *new]}}


def _with_call(kind: dict[str, Any]) -> dict[str, Any]:
    return _with_variants(kind, lambda known: [{**known["add_stake"], "name": "add_collateral", "index": 150}])


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
