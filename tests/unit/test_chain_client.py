"""The one way to the chain: a look is shared, whatever is sent is in the next one, and no call is without an end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from engine.chain.client import ChainClient
from engine.chain.embedded import EmbeddedChain
from engine.chain.interface import ChainUnavailable, Look
from engine.values import Outcome
from tests.unit.chain_helpers import NETUID, client_of, key, running_subnet

MINE = {"hotkey": key("validator"), "uids": [1], "values": [65535], "version_key": 0}


class Line:
    """The chain at the end of a line that can break (`broken`) or fall silent (`silent`), and how often it was read.

    What is read is held back until `let_through`."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain
        self.broken = self.silent = False
        self.read: list[int] = []
        self.was_read, self.let_through = asyncio.Event(), asyncio.Event()
        self.let_through.set()

    def __getattr__(self, name: str) -> object:
        found = getattr(self.chain, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def called(*arguments: object, **named: object) -> object:
            if self.silent:
                await asyncio.Event().wait()
            if self.broken:
                raise ChainUnavailable("the line is cut")
            return await found(*arguments, **named)

        return called

    async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
        seen = await self.chain.look(netuid, hotkey=hotkey, coldkey=coldkey)
        self.read.append(seen.block)
        self.was_read.set()
        await self.let_through.wait()
        if self.broken:
            raise ChainUnavailable("the line is cut")
        return seen


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """A chain at block 20, right after the epoch that gave the validator its permit."""
    chain = await running_subnet(tmp_path, miners=1)
    yield Line(chain)
    await chain.close()


def client_on(line: Line, timeout_s: float = 60.0) -> ChainClient:
    return client_of(line, timeout_s=timeout_s)  # type: ignore[arg-type]  # as `Chain` through __getattr__


async def test_a_look_is_one_block_and_everything_of_it(line: Line) -> None:
    client = client_on(line)
    assert (client.seen.block, client.seen.metagraph.neurons, client.reachable) == (0, (), False)
    assert client.age_s == float("inf")
    look = await client.look()
    assert look == await line.chain.look(NETUID, hotkey=key("validator").ss58_address, coldkey=key("cold").ss58_address)
    assert (look.block, look.last_epoch, look.next_epoch) == (20, 20, 40)
    assert look.own == look.metagraph.neurons[0]
    assert look.balance > 0
    assert (client.seen, client.head.block, client.reachable) == (look, 20, True)
    assert client.age_s < 60


async def test_all_who_look_at_one_block_share_what_is_read(line: Line) -> None:
    client = client_on(line)
    looks = await asyncio.gather(*(client.look() for _ in range(5)))
    assert all(look is looks[0] for look in looks)
    assert line.read == [20]
    await line.chain.tick()
    assert (await client.look()).block == 21
    assert line.read == [20, 21]


async def test_an_older_look_will_do_for_whom_it_will_until_something_is_sent(line: Line) -> None:
    client = client_on(line)
    assert (await client.look(max_age_s=3600)).block == 20
    await line.chain.tick()
    assert (await client.look(max_age_s=3600)).block == 20
    assert (await client.set_weights(**MINE)).ok  # type: ignore[arg-type]
    assert (await client.look(max_age_s=3600)).shares == {1: 1.0}
    assert line.read == [20, 21]


async def test_what_was_sent_is_in_the_next_look_at_the_same_block(line: Line) -> None:
    client = client_on(line)
    assert (await client.look()).shares == {}
    assert (await client.set_weights(**MINE)).ok  # type: ignore[arg-type]
    assert (await client.look()).shares == {1: 1.0}
    await client.look()
    assert line.read == [20, 20]


async def test_what_is_sent_while_somebody_reads_is_in_the_look_after_it(line: Line) -> None:
    client = client_on(line)
    line.let_through.clear()
    reading = asyncio.create_task(client.look())
    await line.was_read.wait()
    assert (await client.set_weights(**MINE)).ok  # type: ignore[arg-type]
    line.let_through.set()
    assert (await reading).shares == {}
    assert (await client.look()).shares == {1: 1.0}


async def test_a_look_that_failed_leaves_the_last_one_and_is_tried_again_in_the_same_block(line: Line) -> None:
    client = client_on(line)
    first = await client.look()
    await line.chain.tick()
    await client.read_head()
    line.broken = True
    with pytest.raises(ChainUnavailable, match="cut"):
        await client.look()
    assert (client.seen, client.reachable) == (first, False)
    line.broken = False
    assert (await client.look()).block == 21
    assert client.reachable


async def test_a_look_that_was_cancelled_is_read_again(line: Line) -> None:
    client = client_on(line)
    line.let_through.clear()
    reading = asyncio.create_task(client.look())
    await line.was_read.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    line.let_through.set()
    assert client.seen.block == 0
    assert (await client.look()).block == 20


async def test_the_first_sight_of_a_block_is_kept(line: Line) -> None:
    client = client_on(line)
    await client.read_head()
    first = client.head
    assert first.latency_ms >= 0
    await client.read_head()
    assert (client.head.block, client.head.at) == (20, first.at)
    await line.chain.tick()
    await client.read_head()
    assert client.head.block == 21
    assert client.head.at > first.at


async def test_a_read_that_is_never_answered_is_given_up(line: Line) -> None:
    client = client_on(line, timeout_s=0.02)
    line.silent = True
    for read in (client.read_head, client.look):
        with pytest.raises(ChainUnavailable, match=r"embedded gave no answer in 0\.02 s"):
            await read()
    assert not client.reachable


COLD, FERDIE = key("cold"), key("ferdie").ss58_address
ACTIONS: dict[str, Callable[[ChainClient], Awaitable[Outcome]]] = {
    "register": lambda client: client.register(coldkey=COLD, hotkey=FERDIE),
    "serve": lambda client: client.serve_axon(hotkey=key("miner1"), ip="127.0.0.1", port=9000),
    "set": lambda client: client.set_weights(**MINE),  # type: ignore[arg-type]
    "commit": lambda client: client.commit_weights(hotkey=key("validator"), commit_hash="0xab"),
    "reveal": lambda client: client.reveal_weights(**MINE, salt=[1]),  # type: ignore[arg-type]
    "stake": lambda client: client.add_stake(coldkey=COLD, hotkey=key("miner1").ss58_address, amount=1),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
async def test_what_was_sent_and_not_answered_is_unknown(
    line: Line, action: Callable[[ChainClient], Awaitable[Outcome]]
) -> None:
    client = client_on(line, timeout_s=0.02)
    line.silent = True
    assert await action(client) == Outcome(status="unknown", reason="embedded gave no answer in 0.02 s")
    line.silent, line.broken = False, True
    assert await action(client) == Outcome(status="unknown", reason="the line is cut")
    assert not client.reachable


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
async def test_what_the_chain_answers_comes_through(
    line: Line, action: Callable[[ChainClient], Awaitable[Outcome]]
) -> None:
    outcome = await action(client_on(line))
    assert outcome.status in ("ok", "rejected")
    assert outcome.ok or outcome.reason.startswith(("ServingRateLimitExceeded", "CommitRevealDisabled"))
