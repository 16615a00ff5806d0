"""Committing to weights and revealing them: the hash, the window, and what the chain refuses."""

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scalecodec.base import RuntimeConfigurationObject
from scalecodec.type_registry import load_type_registry_preset

from engine.chain.commitment import commitment, new_salt
from engine.chain.embedded import EmbeddedChain, Refused
from engine.chain.embedded.state import ChainState
from engine.chain.embedded.weights import MOST_COMMITS, commit_weights, reveal_weights, set_weights, waiting_commits
from tests.unit.chain_helpers import NETUID, RULES, key, later, permitted, running_subnet, staked, subnet, weights_on

HIDING = replace(RULES, commit_reveal=True)
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
WORDS = st.lists(st.integers(0, 65535), max_size=300)


def ready() -> ChainState:
    """Block 11 of a subnet in which "v" (uid 0) may commit to weights on "a" and "b"; its epochs are at 20, 40, …"""
    return later(permitted(staked(subnet("v", "a", "b", rules=HIDING), v=1000), "v"), 10)


def committed(state: ChainState, *hashes: str) -> ChainState:
    for commit_hash in hashes:
        state = later(commit_weights(state, hotkey="v", commit_hash=commit_hash), RULES.weights_rate_limit)
    return state


def revealed(state: ChainState, commit_hash: str, **call: Any) -> ChainState:
    return reveal_weights(state, commit_hash=commit_hash, **{"hotkey": "v", "uids": [1, 2], "values": [9, 3]} | call)


def refusal(state: ChainState, commit_hash: str, **call: Any) -> str:
    with pytest.raises(Refused) as refused:
        revealed(state, commit_hash, **call)
    return refused.value.name


def to_block(state: ChainState, block: int) -> ChainState:
    return later(state, block - state.block)


def test_a_commit_moves_last_update_and_shows_nothing() -> None:
    state = ready()
    after = commit_weights(state, hotkey="v", commit_hash="0x01")
    assert (after.slots[0].weights, after.slots[0].last_update) == ((), state.block)
    (waiting,) = waiting_commits(after, "v")
    assert (waiting.hash, waiting.block, waiting.reveal_from, waiting.reveal_until) == ("0x01", 11, 20, 39)


def test_it_is_revealed_in_the_next_epoch_and_in_no_other() -> None:
    state = committed(ready(), "0x01")
    assert refusal(to_block(ready(), 19), "0x01") == "NoWeightsCommitFound"
    assert refusal(commit_weights(ready(), hotkey="v", commit_hash="0x01"), "0x01") == "RevealTooEarly"
    for block in (20, 39):
        after = revealed(to_block(state, block), "0x01")
        assert after.slots[0].weights == ((1, 65535), (2, 21845))
        assert after.slots[0].last_update == 11
        assert waiting_commits(after, "v") == ()
    assert refusal(to_block(state, 40), "0x01") == "ExpiredWeightCommit"
    assert waiting_commits(to_block(state, 40), "v") == ()


def test_a_longer_reveal_period_is_waited_for() -> None:
    state = committed(replace(ready(), rules=replace(HIDING, reveal_period=3)), "0x01")
    assert [(one.reveal_from, one.reveal_until) for one in waiting_commits(state, "v")] == [(60, 79)]
    assert refusal(to_block(state, 59), "0x01") == "RevealTooEarly"
    assert revealed(to_block(state, 60), "0x01").slots[0].weights


def test_other_weights_than_those_committed_to_are_refused() -> None:
    state = to_block(committed(ready(), "0x01"), 20)
    assert refusal(state, "0x02") == "InvalidRevealCommitHashNotMatch"


def test_the_chains_other_checks_hold_when_the_weights_are_known() -> None:
    state = to_block(committed(ready(), "0x01"), 20)
    assert refusal(state, "0x01", uids=[1, 9]) == "UidVecContainInvalidOne"
    assert refusal(state, "0x01", hotkey="stranger") == "HotKeyNotRegisteredInSubNet"


def test_a_later_reveal_ends_the_earlier_commits() -> None:
    state = ready()
    for number in range(2):
        state = later(commit_weights(state, hotkey="v", commit_hash=f"0x0{number}"), 10 - number)
    state = to_block(replace(state, rules=replace(HIDING, reveal_period=2)), 45)
    assert [one.hash for one in waiting_commits(state, "v")] == ["0x00", "0x01"]
    assert refusal(revealed(to_block(state, 60), "0x01"), "0x00") == "NoWeightsCommitFound"


def test_commits_keep_to_the_rate_limit_and_to_a_number() -> None:
    state = commit_weights(ready(), hotkey="v", commit_hash="0x01")
    with pytest.raises(Refused, match="CommittingWeightsTooFast: 9 blocks left"):
        commit_weights(later(state, 1), hotkey="v", commit_hash="0x02")
    hoarder = replace(ready(), rules=replace(HIDING, weights_rate_limit=1, tempo=500))
    for number in range(MOST_COMMITS):
        hoarder = later(commit_weights(hoarder, hotkey="v", commit_hash=f"0x{number:02x}"), 1)
    with pytest.raises(Refused, match="TooManyUnrevealedCommits"):
        commit_weights(hoarder, hotkey="v", commit_hash="0xff")


def test_a_subnet_takes_either_plain_weights_or_commits() -> None:
    plain = replace(ready(), rules=RULES)
    with pytest.raises(Refused, match="CommitRevealDisabled"):
        commit_weights(plain, hotkey="v", commit_hash="0x01")
    assert refusal(plain, "0x01") == "CommitRevealDisabled"
    with pytest.raises(Refused, match="CommitRevealEnabled"):
        set_weights(ready(), hotkey="v", uids=[1], values=[1])


@lru_cache
def runtime() -> RuntimeConfigurationObject:
    """The types of the field's own encoder."""
    types = RuntimeConfigurationObject(ss58_format=42)
    types.update_type_registry(load_type_registry_preset("legacy"))
    return types


@given(uids=WORDS, values=WORDS, salt=WORDS, version=st.integers(0, 2**64 - 1))
def test_the_hash_is_that_of_the_runtimes_own_encoding(
    uids: list[int], values: list[int], salt: list[int], version: int
) -> None:
    encoder = runtime().create_scale_object("(AccountId, u16, Vec<u16>, Vec<u16>, Vec<u16>, u64)")
    encoded = bytes(encoder.encode((ALICE, NETUID, uids, values, salt, version)).data)
    expected = "0x" + blake2b(encoded, digest_size=32).hexdigest()
    assert commitment(NETUID, ALICE, uids=uids, values=values, salt=salt, version_key=version) == expected


def test_a_salt_uses_every_bit_of_its_words() -> None:
    words = [word for _ in range(40) for word in new_salt()]
    assert 0 <= min(words) < 1 << 15 <= max(words) < 1 << 16


def test_weights_that_cannot_be_encoded_are_refused() -> None:
    with pytest.raises(ValueError, match="is not an ss58 address"):
        commitment(NETUID, "v", uids=[1], values=[1], salt=[1], version_key=0)
    with pytest.raises(ValueError, match="cannot be encoded"):
        commitment(NETUID, ALICE, uids=[65536], values=[1], salt=[1], version_key=0)


async def test_a_commit_outlives_a_restart_and_only_its_salt_opens_it(tmp_path: Path) -> None:
    validator = key("validator")
    weights: dict[str, Any] = {"uids": [1, 2], "values": [65535, 100], "version_key": 0}
    salt = new_salt()
    chain = await running_subnet(tmp_path, rules=HIDING)
    bound = commitment(NETUID, validator.ss58_address, salt=salt, **weights)
    assert (await chain.commit_weights(NETUID, hotkey=validator, commit_hash=bound)).ok
    await chain.close()

    chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID)
    assert [one.hash for one in (await chain.look(NETUID, hotkey=validator.ss58_address)).commits] == [bound]
    while await chain.block() < 40:
        await chain.tick()
    wrong = await chain.reveal_weights(NETUID, hotkey=validator, salt=new_salt(), **weights)
    assert (wrong.status, wrong.reason.partition(":")[0]) == ("rejected", "InvalidRevealCommitHashNotMatch")
    assert (await chain.reveal_weights(NETUID, hotkey=validator, salt=salt, **weights)).ok
    assert await weights_on(chain) == ((1, 65535), (2, 100))
    await chain.close()
