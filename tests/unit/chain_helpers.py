"""What the tests of the chain and of the weights share: small subnets, as states for the rules and as a chain."""

from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace
from substrateinterface import Keypair

from engine.chain.client import ChainClient
from engine.chain.embedded import EmbeddedChain
from engine.chain.embedded.epoch import next_block
from engine.chain.embedded.neurons import add_stake, register
from engine.chain.embedded.sandbox import fund
from engine.chain.embedded.state import ChainState, genesis
from engine.chain.interface import Chain
from engine.chain.substrate.process import NodeProcess
from engine.keys import SS58_FORMAT, Signer
from engine.values import Hyperparameters, Metagraph

NETUID = 3
RULES = Hyperparameters(tempo=20, weights_rate_limit=10, serving_rate_limit=5, immunity_period=30, burn=0.001)


def subnet(*hotkeys: str, rules: Hyperparameters = RULES) -> ChainState:
    """A subnet at block 1 with these hotkeys on uids 0, 1, …, all owned by "cold", who is rich."""
    state = next_block(fund(genesis(NETUID, rules, seed=0), coldkey="cold", amount=100_000))
    for hotkey in hotkeys:
        state = register(state, coldkey="cold", hotkey=hotkey)
    return state


def staked(state: ChainState, **stakes: float) -> ChainState:
    """The state with so many tokens on these hotkeys."""
    for hotkey, amount in stakes.items():
        state = add_stake(state, coldkey="cold", hotkey=hotkey, amount=amount)
    return state


def permitted(state: ChainState, *hotkeys: str) -> ChainState:
    """The state with a validator permit for these hotkeys, as an epoch would give it."""
    return replace(
        state,
        slots=tuple(replace(slot, validator_permit=True) if slot.hotkey in hotkeys else slot for slot in state.slots),
    )


def later(state: ChainState, blocks: int) -> ChainState:
    """The state so many blocks on."""
    for _ in range(blocks):
        state = next_block(state)
    return state


@lru_cache
def key(name: str) -> Signer:
    """A key by name, the same each time."""
    signer: Signer = Keypair.create_from_uri(f"//{name}", ss58_format=SS58_FORMAT)
    return signer


class _KeptProcess(NodeProcess):
    async def close(self) -> None:
        """Does nothing: the next test uses it too, and it ends with the tests."""


@lru_cache
def kept_process() -> NodeProcess:
    """A process that keeps mainnet's metadata from test to test."""
    return _KeptProcess()


async def running_subnet(
    folder: Path, *, miners: int = 4, rules: Hyperparameters = RULES, permit: bool = True
) -> EmbeddedChain:
    """A chain with the staked hotkey "validator" on uid 0 and serving miners "miner1", … on the next uids.

    With `permit` it stands right after the first epoch, which gives the validator its permit.
    """
    chain = await EmbeddedChain.open(folder / "chain.db", netuid=NETUID, hyperparameters=rules)
    cold = key("cold")
    await chain.tick()
    await chain.fund(cold.ss58_address, 100_000)
    for name in ("validator", *(f"miner{number}" for number in range(1, miners + 1))):
        outcome = await chain.register(NETUID, coldkey=cold, hotkey=key(name).ss58_address)
        assert outcome.ok, outcome
        if name != "validator":
            outcome = await chain.serve_axon(NETUID, hotkey=key(name), ip="127.0.0.1", port=9000)
            assert outcome.ok, outcome
    outcome = await chain.add_stake(NETUID, coldkey=cold, hotkey=key("validator").ss58_address, amount=5000)
    assert outcome.ok, outcome
    while permit and await chain.block() < rules.tempo:
        await chain.tick()
    return chain


async def metagraph_on(chain: Chain) -> Metagraph:
    """The subnet as everybody sees it."""
    return (await chain.look(NETUID)).metagraph


async def weights_on(chain: Chain, name: str = "validator") -> tuple[tuple[int, int], ...]:
    """What this key has set."""
    return (await chain.look(NETUID, hotkey=key(name).ss58_address)).weights


def client_of(chain: Chain, name: str = "validator", *, timeout_s: float = 60.0) -> ChainClient:
    """This key's way to the chain, with the coldkey "cold"."""
    cold = key("cold").ss58_address
    return ChainClient(chain, netuid=NETUID, hotkey=key(name).ss58_address, coldkey=cold, timeout_s=timeout_s)
