"""What a neuron sees of a real embedded chain, block by block, through outages and the loss of its uid."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.chain.embedded import EmbeddedChain
from engine.chain.interface import ChainUnavailable
from engine.feed import Feed
from engine.node import chain_watch as watch_module
from engine.node.chain_watch import ChainWatch, NotRegistered, chain_view
from engine.values import IfDeregistered, Metagraph, at_port
from tests.unit.chain_helpers import NETUID, RULES, client_of, key, running_subnet
from tests.unit.engine_helpers import a_feed, named, until


class Wire:
    """The chain at the end of a line that can break (`broken`) or fall silent (`silent`)."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain
        self.broken = self.silent = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.chain, name)

    async def block(self) -> int:
        if self.silent:
            await asyncio.Event().wait()
        if self.broken:
            raise ChainUnavailable("no answer from the endpoint")
        return await self.chain.block()


class Watched:
    """A watch on the neuron `name` and what it told."""

    def __init__(self, chain: EmbeddedChain, name: str, timeout_s: float, *, if_lost: IfDeregistered = "pause") -> None:
        self.wire = Wire(chain)
        self.feed: Feed = a_feed()
        self.seen: list[Metagraph] = []
        self.client = client_of(self.wire, name, timeout_s=timeout_s)  # type: ignore[arg-type]
        self.watch = ChainWatch(self.client, self.feed, (self.seen.append,), if_lost=if_lost)

    def about(self, subject: str) -> list[str]:
        """What needs attention under this subject."""
        return [one.text for one in self.feed.attention if one.subject == subject]


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[EmbeddedChain]:
    made = await running_subnet(tmp_path, miners=2)
    yield made
    await made.close()


@asynccontextmanager
async def watching(chain: EmbeddedChain, name: str = "validator", *, timeout_s: float = 60.0) -> AsyncIterator[Watched]:
    watched = Watched(chain, name, timeout_s)
    started = asyncio.Event()
    task = asyncio.create_task(watched.watch.run(started.set))
    try:
        await asyncio.wait_for(started.wait(), 30)
        yield watched
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "POLL_FASTEST_S", 0.01)
    monkeypatch.setattr(watch_module, "POLL_SLOWEST_S", 0.01)


async def test_its_own_row_and_the_rules_are_there_from_the_start(chain: EmbeddedChain) -> None:
    await chain.set_weights(NETUID, hotkey=key("validator"), uids=[1, 2], values=[65535, 21845])
    async with watching(chain) as watched:
        view = chain_view(watched.client)
        assert (view.network, view.netuid, view.uid, view.registered, view.validator_permit) == (
            "embedded", NETUID, 0, True, True,
        )  # fmt: skip
        assert (view.tempo, view.weights_rate_limit) == (RULES.tempo, RULES.weights_rate_limit)
        assert view.stake >= 5000
        assert (view.block, view.last_weights_block, view.next_weights_block) == (20, 20, 30)
        assert view.reachable
        assert view.block_at > 0
        assert watched.client.seen.shares == {1: 0.75, 2: 0.25}
        assert [metagraph.block for metagraph in watched.seen] == [20]


async def test_blocks_are_followed_and_the_metagraph_every_few(chain: EmbeddedChain) -> None:
    async with watching(chain) as watched:
        await chain.tick()
        await until(lambda: watched.client.head.block == 21)
        assert len(watched.seen) == 1
        for _ in range(watch_module.LOOK_EVERY_BLOCKS):
            await chain.tick()
        await until(lambda: len(watched.seen) == 2)
        assert watched.seen[-1].block >= 25


async def test_an_outage_is_reported_and_waited_out(chain: EmbeddedChain) -> None:
    async with watching(chain) as watched:
        watched.wire.broken = True
        await until(lambda: watched.feed.attention)
        assert not chain_view(watched.client).reachable
        assert chain_view(watched.client).uid == 0, "what was known is still shown"
        assert [(line.level, line.subject) for line in watched.feed.attention] == [("error", "chain")]
        await until(lambda: watched.feed.attention[0].count > 3)
        watched.wire.broken = False
        await until(lambda: watched.feed.attention == ())
        assert chain_view(watched.client).reachable
        assert named(watched.feed, "attention")[-1]["text"] == "the chain answers again"


async def test_a_chain_that_falls_silent_is_not_taken_for_one_that_works(
    chain: EmbeddedChain,
) -> None:
    async with watching(chain, timeout_s=0.5) as watched:
        watched.wire.silent = True
        await until(lambda: watched.feed.attention)
        assert not chain_view(watched.client).reachable


async def test_a_chain_that_falls_silent_is_reported_long_before_it_is_given_up(
    chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watch_module.SILENT_S <= 10
    monkeypatch.setattr(watch_module, "SILENT_S", 0.1)
    async with watching(chain) as watched:
        watched.wire.silent = True
        await until(lambda: watched.feed.attention)
        [line] = watched.feed.attention
        assert (line.level, line.text) == ("warning", "embedded has not answered for 0.1 s")


async def test_an_unreachable_chain_at_the_start_is_the_supervisors(chain: EmbeddedChain) -> None:
    watched = Watched(chain, "validator", 60.0)
    watched.wire.broken = True
    with pytest.raises(ChainUnavailable):
        await watched.watch.run(lambda: pytest.fail("it has not started"))


async def test_a_hotkey_that_never_was_registered_ends_the_run(chain: EmbeddedChain) -> None:
    watched = Watched(chain, "stranger", 60.0)
    with pytest.raises(NotRegistered, match="is not registered on netuid"):
        await watched.watch.run(lambda: pytest.fail("it has not started"))


async def test_who_loses_the_uid_stops_if_that_is_set(tmp_path: Path) -> None:
    rules = replace(RULES, max_uids=3, min_mortal=0, immunity_period=0)
    chain = await running_subnet(tmp_path, miners=2, rules=rules)
    lost = Watched(chain, "miner1", 60.0, if_lost="stop")
    await lost.watch.refresh()
    for number in range(3):
        assert (await chain.register(NETUID, coldkey=key("cold"), hotkey=key(f"newcomer{number}").ss58_address)).ok
    await chain.tick()
    with pytest.raises(NotRegistered, match=r"is no longer registered on netuid .*: another neuron took its uid"):
        await lost.watch.refresh()
    await chain.close()


async def test_who_loses_the_uid_continues_and_is_back_once_registered_again(tmp_path: Path) -> None:
    rules = replace(RULES, max_uids=3, min_mortal=0, immunity_period=0)
    chain = await running_subnet(tmp_path, miners=2, rules=rules)
    cold = key("cold")
    async with watching(chain, "miner1") as watched:
        uid = chain_view(watched.client).uid
        for number in range(3):
            newcomer = key(f"newcomer{number}").ss58_address
            assert (await chain.register(NETUID, coldkey=cold, hotkey=newcomer)).ok
        for _ in range(watch_module.LOOK_EVERY_BLOCKS):
            await chain.tick()
        await until(lambda: watched.about("registration"))
        view = chain_view(watched.client)
        assert (view.uid, view.registered, view.stake, view.axon) == (None, False, 0.0, "")
        assert "no longer registered" in watched.about("registration")[0]
        assert watched.client.seen.weights == ()
        assert (await chain.register(NETUID, coldkey=cold, hotkey=key("miner1").ss58_address)).ok
        for _ in range(watch_module.LOOK_EVERY_BLOCKS):
            await chain.tick()
        await until(lambda: chain_view(watched.client).registered)
        await until(lambda: not watched.about("registration"))
        assert uid is not None
    await chain.close()


async def test_who_wants_to_stop_without_a_uid_stops(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path, miners=1, rules=replace(RULES, max_uids=2, min_mortal=0, immunity_period=0))
    watched = Watched(chain, "miner1", timeout_s=60.0)
    watch = ChainWatch(watched.client, watched.feed, (), if_lost="stop")
    await watch.refresh()
    assert "the next registration takes its uid" in watched.about("place on the subnet")[0]
    assert (await chain.register(NETUID, coldkey=key("cold"), hotkey=key("newcomer").ss58_address)).ok
    await chain.tick()
    with pytest.raises(NotRegistered, match=r"no longer registered .* another neuron took its uid"):
        await watch.refresh()
    await chain.close()


async def test_the_subnet_is_seen_with_its_prices(chain: EmbeddedChain) -> None:
    watched = Watched(chain, "miner1", timeout_s=60.0)
    for _ in range(2):
        await watched.watch.refresh()
        await chain.tick()
    subnet = watched.watch.subnet
    assert subnet is not None
    assert [block for block, _ in subnet.trend] == [RULES.tempo, RULES.tempo + 1]
    assert subnet.price == subnet.trend[-1][1] < subnet.trend[0][1]


async def test_an_ipv6_axon_is_shown_in_brackets(chain: EmbeddedChain) -> None:
    for _ in range(RULES.serving_rate_limit):
        await chain.tick()
    assert (await chain.serve_axon(NETUID, hotkey=key("miner1"), ip="2001:db8::1", port=8091)).ok
    async with watching(chain, "miner1") as watched:
        assert chain_view(watched.client).axon == "[2001:db8::1]:8091"
    assert at_port("10.0.0.1", 1) == "10.0.0.1:1"
