"""Several endpoints of one network: whose turn it is, and what a dead, stuck, lying or foreign one comes to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from engine.chain.embedded.state import RAO
from engine.chain.interface import ChainUnavailable
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate.endpoints import FINNEY, LAG_BLOCKS, NETWORKS, STILL_BLOCKS, SURVEY_S, Endpoints, network_of
from engine.chain.substrate.messages import Sighting
from engine.values import Hyperparameters
from tests.fake_node.chain import FakeChain
from tests.fake_node.metadata import grown
from tests.fake_node.node import FakeNode, running
from tests.fake_node.script import NotUnderstood, obey
from tests.unit.chain_helpers import NETUID, kept_process, key

RULES = Hyperparameters(tempo=20, weights_rate_limit=10, serving_rate_limit=5, burn=2.0)
COLD, MINER = key("cold"), key("miner")
A, B, C = "ws://a", "ws://b", "ws://c"
NOBODY = "ws://127.0.0.1:1"


# -- whose turn it is ------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("engine.chain.substrate.endpoints.time.monotonic", clock)
    return clock


def states(endpoints: Endpoints) -> list[str]:
    return [one.state for one in endpoints.health]


def test_the_doubtful_are_asked_last_and_in_the_operators_order() -> None:
    endpoints = Endpoints([A, B, C], block_time=12)
    endpoints.failed(A, "cut", unfit=False)
    assert endpoints.in_turn() == (B, C, A)
    endpoints.failed(B, "another chain", unfit=True)
    assert endpoints.in_turn() == (C, A, B)
    endpoints.answered(C, 5)
    assert endpoints.current == C
    assert states(endpoints) == ["failing", "unfit", "good"]


def test_a_survey_finds_the_way_back(clock: Clock) -> None:
    endpoints = Endpoints([A, B], block_time=12)
    endpoints.failed(A, "cut", unfit=False)
    endpoints.answered(B, 5)
    assert not endpoints.to_survey
    clock.now += SURVEY_S + 1
    assert endpoints.to_survey == (A, B)
    endpoints.survey([Sighting(url=A, block=10), Sighting(url=B, block=10)])
    assert (endpoints.in_turn(), states(endpoints)) == ((A, B), ["good", "good"])


def test_a_stuck_head_is_told_from_a_quiet_chain(clock: Clock) -> None:
    endpoints = Endpoints([A, B], block_time=12)
    endpoints.answered(A, 100)
    clock.now += STILL_BLOCKS * 12 + 1
    endpoints.answered(A, 100)
    assert endpoints.to_survey == (A, B)
    endpoints.survey([Sighting(url=A, block=100), Sighting(url=B, block=100)])
    assert states(endpoints) == ["good", "good"]
    assert "no new block for 37 s, at any endpoint" in endpoints.health[0].reason
    assert endpoints.to_survey == tuple[str, ...](), "not at every poll"
    clock.now += STILL_BLOCKS * 12 + 1
    endpoints.survey([Sighting(url=A, block=100), Sighting(url=B, block=101 + LAG_BLOCKS)])
    assert (states(endpoints), endpoints.in_turn()) == (["behind", "good"], (B, A))
    assert endpoints.health[0].reason == f"its head is block 100, {B} is at {101 + LAG_BLOCKS}"


def test_a_lone_endpoint_is_stuck_when_it_says_why(clock: Clock) -> None:
    endpoints = Endpoints([A], block_time=12)
    endpoints.answered(A, 100)
    clock.now += 40
    endpoints.survey([Sighting(url=A, block=100, trouble="it has no peers")])
    assert endpoints.health[0].reason == "its head is stuck at block 100: it has no peers"
    clock.now += 12
    endpoints.answered(A, 101)
    endpoints.survey([Sighting(url=A, block=101, trouble="it has no peers")])
    assert states(endpoints) == ["good"], "a head that moves is not stuck"


def test_a_network_is_named_by_names_and_urls() -> None:
    assert network_of("ws://own:9944, finney").urls[:2] == (
        "ws://own:9944",
        "wss://entrypoint-finney.opentensor.ai:443",
    )
    assert network_of("ws://own:9944, finney").genesis == FINNEY
    assert network_of("ws://own:9944").genesis == ""
    with pytest.raises(ChainUnavailable, match="two chains"):
        network_of("finney,test")


# -- at nodes --------------------------------------------------------------------------------------------------


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[FakeNode, FakeNode]]:
    """Two nodes of one chain."""
    chain = FakeChain(NETUID, RULES)
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(running(FakeNode(NETUID, RULES, chain=chain))) for _ in "ab"]
        for _ in range(10):
            chain.make_block()
        chain.fund(COLD.ss58_address, 1000)
        yield first, second


async def opened(*urls: str, block_time: float = 12.0) -> SubstrateChain:
    return await SubstrateChain.open(",".join(urls), process=kept_process(), block_time=block_time)


async def until(chain: SubstrateChain, seen: Callable[[], bool]) -> None:
    """Ask for the head until this is so."""
    async with asyncio.timeout(20):
        while not seen():
            await chain.block()


async def test_a_run_begins_at_the_first_endpoint_that_answers_and_continues_at_the_next(
    nodes: tuple[FakeNode, FakeNode],
) -> None:
    first, second = nodes
    chain = await opened(NOBODY, first.url, second.url)
    assert chain.endpoint == first.url
    assert [one.state for one in chain.endpoints] == ["failing", "good", "good"]
    assert chain.endpoints[0].reason == "Connection refused"
    first.script("state_queryStorageAt", "cut before")
    assert (await chain.look(NETUID)).block == 10
    assert chain.endpoint == second.url


async def test_what_was_sent_is_followed_at_another_endpoint(nodes: tuple[FakeNode, FakeNode]) -> None:
    first, second = nodes
    first.chain.instant = False
    chain = await opened(first.url, second.url, block_time=0.02)
    first.script("chain_getBlock", "cut before")
    sending = asyncio.create_task(chain.register(NETUID, coldkey=COLD, hotkey=MINER.ss58_address, limit=5))
    await first.pooled.wait()
    first.make_block()
    assert (await sending).ok
    assert chain.endpoint == second.url
    assert [name for _, _, name, _ in first.chain.landed] == ["register_limit"], "once"


async def test_a_stuck_node_is_left_for_one_whose_head_moves(nodes: tuple[FakeNode, FakeNode]) -> None:
    first, second = nodes
    chain = await opened(first.url, second.url, block_time=0.01)
    first.stuck = True
    for _ in range(LAG_BLOCKS + 1):
        first.make_block()
    await until(chain, lambda: chain.endpoint == second.url)
    assert (await chain.block(), chain.endpoints[0].state) == (11 + LAG_BLOCKS, "behind")


async def test_a_node_that_lies_about_its_block_is_not_asked(nodes: tuple[FakeNode, FakeNode]) -> None:
    first, second = nodes
    first.lies_by = 50
    chain = await opened(first.url, second.url)
    assert chain.endpoint == second.url
    assert chain.endpoints[0].reason == "it says that its head is block 60, whose state is that of block 10"
    with pytest.raises(ChainUnavailable, match=f"{first.url}: it says that its head is block 60"):
        await opened(first.url)


async def test_a_node_that_begins_to_lie_is_found_out_by_a_look(nodes: tuple[FakeNode, FakeNode]) -> None:
    first, second = nodes
    chain = await opened(first.url, second.url)
    first.lies_by = 50
    assert await chain.block() == 60
    assert (await chain.look(NETUID)).block == 10
    assert chain.endpoint == second.url


async def test_a_fork_and_another_chain_are_told_from_ours(nodes: tuple[FakeNode, FakeNode]) -> None:
    first, _ = nodes
    fork = FakeNode(NETUID, RULES, chain=first.chain.forked())
    fork.chain.reorganise(3)
    async with running(fork), running(FakeNode(NETUID, RULES, seed=9)) as foreign:
        for _ in range(4):
            first.make_block()
            fork.make_block()
        chain = await opened(first.url, fork.url, foreign.url, block_time=0.01)
        await until(chain, lambda: [one.state for one in chain.endpoints] == ["good", "unfit", "unfit"])
        _, forked, other = chain.endpoints
        assert forked.reason.startswith("it is on a fork: its block 11 is 0x")
        assert other.reason.startswith("it serves another chain, whose first block is 0x")


async def test_another_chain_under_a_public_name_is_refused(
    nodes: tuple[FakeNode, FakeNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NETWORKS, "finney", (nodes[0].url,))
    with pytest.raises(ChainUnavailable, match="it serves another chain"):
        await opened("finney")


async def test_a_runtime_that_grows_is_followed_and_one_that_serves_old_metadata_is_named(
    nodes: tuple[FakeNode, FakeNode],
) -> None:
    first, _ = nodes
    chain = await opened(first.url)
    lacking = await chain.set_min_collateral(NETUID, coldkey=COLD, hotkey=MINER.ss58_address, amount=1)
    assert lacking.reason == "CallNotFound: the chain's runtime 424 has no set_min_collateral"
    first.chain.upgrade(grown())
    first.stale = True
    with pytest.raises(ChainUnavailable, match="it runs runtime 425 and serves the metadata of 424"):
        await chain.look(NETUID)
    first.stale = False
    outcome = await chain.register(NETUID, coldkey=COLD, hotkey=MINER.ss58_address, limit=5)
    assert outcome.ok
    await bonds(chain, first)


async def bonds(chain: SubstrateChain, node: FakeNode) -> None:
    """Collateral is locked, bought where stake is missing, and kept above a floor, by the calls that the runtime has:
    tried here, since the metadata that has them takes seconds to decode."""
    hotkey = MINER.ss58_address
    assert (await chain.add_stake(NETUID, coldkey=COLD, hotkey=hotkey, amount=3)).ok
    dear = await chain.add_collateral(NETUID, coldkey=COLD, hotkey=hotkey, amount=4, price=0.9)
    assert dear.reason.startswith("SlippageTooHigh")
    assert (await chain.add_collateral(NETUID, coldkey=COLD, hotkey=hotkey, amount=4, price=1.5)).ok
    stranger = await chain.add_collateral(NETUID, coldkey=MINER, hotkey=hotkey, amount=1, price=1.5)
    assert stranger.reason.startswith("NonAssociatedColdKey")
    assert (await chain.set_min_collateral(NETUID, coldkey=COLD, hotkey=hotkey, amount=0.5)).ok
    assert [(name, given) for _, _, name, given in node.chain.landed[-2:]] == [
        ("add_collateral", {"netuid": NETUID, "hotkey": hotkey, "alpha": 4 * RAO, "limit_price": round(1.5 * RAO)}),
        ("set_min_collateral", {"netuid": NETUID, "hotkey": hotkey, "min_locked": RAO // 2}),
    ]
    own = (await chain.look(NETUID, hotkey=hotkey)).own
    assert own is not None
    assert (own.stake, own.collateral, own.drain) == (4.0, 4.0, 1.0)


# -- troubles in words -----------------------------------------------------------------------------------------


async def test_a_node_is_troubled_in_words() -> None:
    async with running(FakeNode(NETUID, RULES)) as node:
        for _ in range(5):
            node.make_block()
        before = node.head.hash
        for line in ("stuck", "lie 3", "peers 0", "lose 2", "reorganise 2", "upgrade", "stale", "bare", "cut"):
            obey(node, line)
        obey(node, "author_submitExtrinsic cut after")
        assert (node.stuck, node.lies_by, node.peers, node.chain.loses, node.stale) == (True, 3, 0, 2, True)
        assert (node.chain.spec, node.bare_pool_errors, node.head.hash == before) == (425, True, False)
        obey(node, "moving")
        assert not node.stuck
    for line in ("", "explode", "lie high", "author_submitExtrinsic explode"):
        with pytest.raises(NotUnderstood, match=r"is none of these:\nMETHOD FAULT"):
            obey(node, line)
