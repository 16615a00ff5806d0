"""Weights that cannot be right are refused by name; each call decodes, by mainnet's metadata, to what was asked."""

import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scalecodec.base import ScaleBytes

from engine.chain.interface import CannotSeal
from engine.chain.substrate import chain as substrate
from engine.chain.substrate.messages import Connect, PalletCall, Unsigned
from engine.chain.vector import fault_in
from tests.fake_node.codec import Codec, mainnet
from tests.fake_node.metadata import grown, grown_codec
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, RULES, client_of, kept_process, key, running_subnet

WHO = key("validator").ss58_address


@pytest.mark.parametrize(
    ("uids", "values", "error"),
    [
        ([], [], "EmptyWeights"),
        ([1, 2], [0, 0], "EmptyWeights"),
        ([1], [math.nan], "NotANumber"),
        ([1], [math.inf], "NotANumber"),
        ([1, 2], [5, -1], "NegativeWeight"),
        ([1], [65536], "NotU16"),
        ([1], [0.5], "NotU16"),
        ([1, 1], [1, 2], "DuplicateUids"),
        ([1, 2], [1], "WeightVecNotEqualSize"),
        ([1, 9], [1, 2], "UidVecContainInvalidOne"),
    ],
)
async def test_weights_that_cannot_be_right_are_not_signed(
    uids: list[int], values: list[int], error: str, tmp_path: Path
) -> None:
    chain = await running_subnet(tmp_path)
    client = client_of(chain)
    await client.look()
    outcome = await client.set_weights(hotkey=key("validator"), uids=uids, values=values)
    assert (outcome.status, outcome.reason.partition(":")[0]) == ("rejected", error)
    with pytest.raises(CannotSeal, match=f"^{error}: "):
        await client.seal_weights(uids=uids, values=values)
    await chain.close()


def test_weights_that_can_be_right_have_no_fault() -> None:
    assert fault_in([0, 7], [0, 65535], range(8)) == ""


CALLS: dict[str, dict[str, Any]] = {
    "register_limit": {"netuid": 3, "hotkey": WHO, "limit_price": 10**9},
    "burned_register": {"netuid": 3, "hotkey": WHO},
    "set_weights": {"netuid": 3, "dests": [0, 2], "weights": [65535, 1], "version_key": 7},
    "set_mechanism_weights": {"netuid": 3, "mecid": 1, "dests": [0, 2], "weights": [65535, 1], "version_key": 7},
    "commit_timelocked_weights": {"netuid": 3, "commit": "0xff02", "reveal_round": 9, "commit_reveal_version": 4},
    "commit_timelocked_mechanism_weights": {
        "netuid": 3, "mecid": 2, "commit": "0xff02", "reveal_round": 9, "commit_reveal_version": 4,
    },
    "commit_weights": {"netuid": 3, "commit_hash": "0x" + "ab" * 32},
    "commit_mechanism_weights": {"netuid": 3, "mecid": 1, "commit_hash": "0x" + "ab" * 32},
    "reveal_weights": {"netuid": 3, "uids": [1, 2], "values": [2, 65535], "salt": [3, 4], "version_key": 2**64 - 1},
    "reveal_mechanism_weights": {
        "netuid": 3, "mecid": 1, "uids": [1], "values": [2], "salt": [3, 4], "version_key": 0,
    },
    "serve_axon": {
        "netuid": 3, "version": 1, "ip": str(2**128 - 2), "port": 8091, "ip_type": 6, "protocol": 4,
        "placeholder1": 0, "placeholder2": 0,
    },
    "add_stake": {"hotkey": WHO, "netuid": 3, "amount_staked": 5},
    "remove_stake": {"hotkey": WHO, "netuid": 3, "amount_unstaked": 5},
}  # fmt: skip

SINCE: dict[str, dict[str, Any]] = {
    "add_collateral": {"netuid": 3, "hotkey": WHO, "alpha": 10**9, "limit_price": 2 * 10**9},
    "set_min_collateral": {"netuid": 3, "hotkey": WHO, "min_locked": 5},
}
"""Calls that runtimes since spec 424 have."""


@pytest.mark.parametrize(("metadata", "calls"), [(mainnet, CALLS), (grown_codec, SINCE)], ids=["mainnet", "grown"])
async def test_every_call_decodes_to_what_was_asked(
    metadata: Callable[[], Codec], calls: dict[str, dict[str, Any]]
) -> None:
    async with running(FakeNode(NETUID, RULES)) as node:
        if calls is SINCE:
            node.chain.upgrade(grown())
            node.make_block()
        process = kept_process()
        await process.ask(Connect(url=node.url, timeout_s=5.0), deadline_s=60.0)
        for name, arguments in calls.items():
            made = await process.ask(PalletCall(signer=WHO, forms=((name, arguments),)), deadline_s=60.0)
            assert isinstance(made, Unsigned), made
            asked = {**arguments, "ip": int(arguments["ip"])} if "ip" in arguments else arguments
            assert decoded(made.payload, metadata()) == (name, asked)


def test_the_table_has_every_call_that_the_program_composes() -> None:
    source = inspect.getsource(substrate)
    forms = {form for name in re.findall(r'"([a-z_{}]+)", (?:arguments|Arguments\()', source) for form in _forms(name)}
    assert forms == {*CALLS, *SINCE}


def _forms(name: str) -> tuple[str, ...]:
    return (name.format(""), name.format("_mechanism")) if "{}" in name else (name,)


def decoded(payload: bytes, codec: Codec) -> tuple[str, dict[str, Any]]:
    """The call with which a payload begins; what follows it are the signed extensions."""
    call = codec.types.create_scale_object("Call", data=ScaleBytes(payload), metadata=codec.metadata)
    found = call.decode(check_remaining=False)
    return found["call_function"], {one["name"]: one["value"] for one in found["call_args"]}
