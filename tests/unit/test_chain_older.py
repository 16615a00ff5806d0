"""A runtime of July 2025 (spec 293): epochs by a formula, no limit on a registration's price, commits that their maker
reveals. A node of one's own may run it, and so do test networks."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.chain.commitment import commitment, new_salt
from engine.chain.substrate import SubstrateChain
from engine.values import Hyperparameters
from tests.fake_node.metadata import older
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, kept_process, key

RULES = Hyperparameters(
    tempo=20, weights_rate_limit=2, serving_rate_limit=5, stake_threshold=100.0, burn=2.0, activity_cutoff=4000
)
COLD, MINER, VALIDATOR = key("cold"), key("miner"), key("validator")


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    node = FakeNode(NETUID, RULES)
    node.chain.spec, node.chain.metadata = 293, older()
    async with running(node):
        node.make_block()
        node.fund(COLD.ss58_address, 10_000)
        yield node


@pytest.fixture
async def chain(node: FakeNode) -> AsyncIterator[SubstrateChain]:
    chain = SubstrateChain(node.url, process=kept_process(), block_time=0.1)
    yield chain
    await chain.close()


@pytest.mark.parametrize(("block", "last", "due", "index"), [(1, 0, 17, 0), (16, 0, 17, 0), (17, 17, 38, 1)])
async def test_epochs_go_by_the_formula(
    node: FakeNode, chain: SubstrateChain, block: int, last: int, due: int, index: int
) -> None:
    """Where the block's number, the netuid and 1 make a multiple of the tempo and 1."""
    while node.head.state.block < block:
        node.make_block()
    look = await chain.look(NETUID)
    assert (look.block, look.last_epoch, look.next_epoch, look.epoch_index) == (block, last, due, index)
    assert (look.pending_epoch, look.rules.tempo, look.rules.activity_cutoff) == (0, 20, 4000)


async def test_a_neuron_registers_serves_stakes_and_sets_weights(node: FakeNode, chain: SubstrateChain) -> None:
    for hotkey in (MINER, VALIDATOR):
        outcome = await chain.register(NETUID, coldkey=COLD, hotkey=hotkey.ss58_address, limit=5.0)
        assert outcome.ok, outcome
    assert (await chain.serve_axon(NETUID, hotkey=MINER, ip="203.0.113.9", port=8091)).ok
    assert (await chain.add_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=500.0)).ok
    while not node.head.state.slots[1].validator_permit:
        node.make_block()
    assert (await chain.set_weights(NETUID, hotkey=VALIDATOR, uids=[0], values=[65535])).ok
    look = await chain.look(NETUID, hotkey=VALIDATOR.ss58_address)
    assert (look.weights, look.metagraph.neurons[0].port) == (((0, 65535),), 8091)
    assert [name for _, _, name, _ in node.chain.landed] == [
        "burned_register", "burned_register", "serve_axon", "add_stake", "set_weights",
    ]  # fmt: skip


async def test_hidden_weights_are_committed_to_and_revealed_by_their_maker(
    node: FakeNode, chain: SubstrateChain
) -> None:
    node.adopt(VALIDATOR.ss58_address, stake=500)
    while not node.head.state.slots[0].validator_permit:
        node.make_block()
    node.chain.amend(replace(node.head.state, rules=replace(node.head.state.rules, commit_reveal=True)))
    salt = new_salt()
    bound = commitment(NETUID, VALIDATOR.ss58_address, uids=[0], values=[65535], salt=salt, version_key=0)
    assert (await chain.commit_weights(NETUID, hotkey=VALIDATOR, commit_hash=bound)).ok
    look = await chain.look(NETUID, hotkey=VALIDATOR.ss58_address)
    assert (look.rules.commit_reveal_version, [one.hash for one in look.commits]) == (0, [bound])
    while node.head.state.block < look.commits[0].reveal_from:
        node.make_block()
    assert (await chain.reveal_weights(NETUID, hotkey=VALIDATOR, uids=[0], values=[65535], salt=salt)).ok
    assert (await chain.look(NETUID, hotkey=VALIDATOR.ss58_address)).weights == ((0, 65535),)
