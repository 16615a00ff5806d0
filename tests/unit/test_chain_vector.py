"""Weights that cannot be right are refused by name; each call decodes, by mainnet's metadata, to what was asked."""

import math
from pathlib import Path
from typing import Any

import pytest
from scalecodec.base import ScaleBytes

from engine.chain.interface import CannotSeal
from engine.chain.substrate.messages import Connect, PalletCall, Unsigned
from engine.chain.vector import fault_in
from tests.fake_node.codec import mainnet
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


CALLS = {
    "register_limit": {"netuid": 3, "hotkey": WHO, "limit_price": 10**9},
    "burned_register": {"netuid": 3, "hotkey": WHO},
    "set_weights": {"netuid": 3, "dests": [0, 2], "weights": [65535, 1], "version_key": 7},
    "set_mechanism_weights": {"netuid": 3, "mecid": 1, "dests": [0, 2], "weights": [65535, 1], "version_key": 7},
    "commit_timelocked_weights": {"netuid": 3, "commit": "0xff02", "reveal_round": 9, "commit_reveal_version": 4},
    "commit_timelocked_mechanism_weights": {
        "netuid": 3, "mecid": 2, "commit": "0xff02", "reveal_round": 9, "commit_reveal_version": 4,
    },
    "commit_mechanism_weights": {"netuid": 3, "mecid": 1, "commit_hash": "0x" + "ab" * 32},
    "reveal_mechanism_weights": {
        "netuid": 3, "mecid": 1, "uids": [1], "values": [2], "salt": [3, 4], "version_key": 0,
    },
    "add_stake": {"hotkey": WHO, "netuid": 3, "amount_staked": 5},
    "remove_stake": {"hotkey": WHO, "netuid": 3, "amount_unstaked": 5},
}  # fmt: skip


async def test_every_call_decodes_to_what_was_asked() -> None:
    async with running(FakeNode(NETUID, RULES)) as node:
        process = kept_process()
        await process.ask(Connect(url=node.url, timeout_s=5.0), deadline_s=60.0)
        for name, arguments in CALLS.items():
            made = await process.ask(PalletCall(signer=WHO, forms=((name, arguments),)), deadline_s=60.0)  # type: ignore[arg-type]
            assert isinstance(made, Unsigned), made
            assert decoded(made.payload) == (name, arguments)


def decoded(payload: bytes) -> tuple[str, dict[str, Any]]:
    """The call with which a payload begins; what follows it are the signed extensions."""
    codec = mainnet()
    call = codec.types.create_scale_object("Call", data=ScaleBytes(payload), metadata=codec.metadata)
    found = call.decode(check_remaining=False)
    return found["call_function"], {one["name"]: one["value"] for one in found["call_args"]}
