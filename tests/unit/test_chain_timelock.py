"""Timelocked commits to the real chain: sealed as it opens them, decrypted here with a signature that is published.

The beacon's signature of a round to come is known to nobody, so these are sealed for round 1000, long past: by block
times that lead back to it.
"""

import time

import pytest

from engine.chain.interface import TIMELOCKED, CannotSeal, Sealed
from engine.chain.substrate import timelock
from engine.chain.substrate.chain import SubstrateChain
from engine.chain.substrate.messages import Seal
from engine.keys import public_key
from engine.values import Hyperparameters
from tests.fake_node.codec import mainnet
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, kept_process, key

ROUND, ROUND_S, GENESIS = 1000, 3, 1_692_803_367
SIGNATURE = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
"""Of drand's quicknet, for round 1000."""

WHO = key("validator").ss58_address
SCHEDULE = (1000, 0, 3, 360, 100, 1)
"""The last epoch ran in block 1000, the fourth; the next is due 360 blocks later."""


def at_round(number: int, blocks: int) -> float:
    """The block time with which so many blocks from now on are in this round."""
    return (GENESIS + number * ROUND_S + ROUND_S / 2 - time.time()) / blocks


def asked(block_time: float = 12.0, **other: object) -> Seal:
    given = {"uids": [0, 7, 255], "values": [1, 65535, 300], "version_key": 9, **other}
    return Seal(netuid=NETUID, hotkey=WHO, block_time=block_time, **given)  # type: ignore[arg-type]


def opened(sealed: Sealed) -> bytes:
    """What is in it, by the published signature."""
    from bittensor_drand import decrypt_with_signature

    size = len(sealed.commit)
    prefix = (size << 2 | 1).to_bytes(2, "little") if size >= 64 else bytes([size << 2])
    framed = prefix + sealed.commit + sealed.reveal_round.to_bytes(8, "little")
    return bytes(decrypt_with_signature(framed, SIGNATURE))


def test_what_is_sealed_is_what_was_planned() -> None:
    made = timelock.seal(asked(at_round(ROUND, 263)), block=1100, schedule=SCHEDULE, version=TIMELOCKED)
    assert (made.reveal_round, made.version) == (ROUND, TIMELOCKED)
    types = mainnet().types
    [hotkey, uids, values, version] = types.create_scale_object(
        "(Vec<u8>, Vec<u16>, Vec<u16>, u64)", data=_bytes(opened(made))
    ).decode()
    assert (uids, values, version) == ([0, 7, 255], [1, 65535, 300], 9)
    assert hotkey in (public_key(WHO), "0x" + (public_key(WHO) or b"").hex())


def test_it_opens_once_the_epoch_in_which_it_is_revealed_has_begun() -> None:
    before = int((time.time() + 263 * 12 - GENESIS) / ROUND_S)
    made = timelock.seal(asked(), block=1100, schedule=SCHEDULE, version=TIMELOCKED)
    assert before <= made.reveal_round <= before + 2


@pytest.mark.parametrize(
    ("seal", "version", "error"),
    [
        (asked(uids=[*range(2500)], values=[*range(2500)]), TIMELOCKED, "CommitPayloadTooLarge"),
        (asked(), 5, "IncorrectCommitRevealVersion"),
        (asked(uids=[65536], values=[1]), TIMELOCKED, "InvalidArguments"),
    ],
)
def test_what_the_chain_would_not_take_is_not_sealed(seal: Seal, version: int, error: str) -> None:
    with pytest.raises(CannotSeal, match=f"^{error}: "):
        timelock.seal(seal, block=1100, schedule=SCHEDULE, version=version)


def test_without_the_extra_it_is_refused_by_a_sentence_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelock, "find_spec", {}.get)
    with pytest.raises(CannotSeal, match=r"install .*bittensor-drand"):
        timelock.seal(asked(), block=1100, schedule=SCHEDULE, version=TIMELOCKED)


async def test_the_schedule_is_that_of_one_block_of_the_node() -> None:
    async with running(FakeNode(NETUID, Hyperparameters(tempo=20, commit_reveal_version=TIMELOCKED))) as node:
        chain = SubstrateChain(node.url, process=kept_process())
        node.make_block()
        now = time.time()
        made = await chain.seal_weights(NETUID, hotkey=WHO, uids=[1], values=[1])
        first = node.head.state.last_epoch + 20
        after = now + (first - node.head.state.block) * chain.block_time
        assert 0 <= made.reveal_round - int((after - GENESIS) / ROUND_S) <= 15, "a few blocks into the epoch"
        await chain.close()


def _bytes(data: bytes) -> object:
    from scalecodec.base import ScaleBytes

    return ScaleBytes(data)
