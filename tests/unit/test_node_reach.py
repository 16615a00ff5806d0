"""Whether an announced address leads to our server, tried over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.chain.embedded import EmbeddedChain
from engine.node.axons import Axon, Axons
from engine.node.reach import LARGEST, ROUTE, unreached
from tests.unit.chain_helpers import client_of, key, running_subnet
from tests.unit.engine_helpers import a_feed

HERE, ALSO_HERE = "127.0.0.1", "127.0.0.2"


@asynccontextmanager
async def answering(body: bytes, status: str = "200 OK") -> AsyncIterator[int]:
    """A server at every loopback address, on the port that it gives."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(f"GET {ROUTE} ".encode())
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()

    server = await asyncio.start_server(answer, "0.0.0.0", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_our_own_server_at_another_address_is_reached() -> None:
    async with answering(b"our key") as port:
        assert await unreached(ALSO_HERE, port, near=(HERE, port)) == ""


async def test_another_server_and_nobody_are_told_apart() -> None:
    async with answering(b"our key") as port, answering(b"another key") as other:
        assert await unreached(ALSO_HERE, other, near=(HERE, port)) == (
            f"{ALSO_HERE}:{other} leads to a server other than this one: check the port forwarding"
        )
        assert "nothing answers at [::1]:" in (await unreached("::1", port, near=(HERE, port)) or "")
        async with answering(b"our key", "503 Service Unavailable") as failing:
            assert "nothing answers" in (await unreached(HERE, failing, near=(HERE, port)) or "")


async def test_nothing_is_said_before_our_own_server_answers() -> None:
    async with answering(b"another key") as other:
        assert await unreached(HERE, other, near=(HERE, 1)) is None


async def test_a_server_that_never_ends_its_answer_is_cut_off() -> None:
    async with answering(b"our key") as port, answering(b"x" * 40 * LARGEST) as endless:
        assert "other than this one" in (await unreached(HERE, endless, near=(HERE, port)) or "")


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[EmbeddedChain]:
    made = await running_subnet(tmp_path, miners=1)
    yield made
    await made.close()


async def test_an_address_on_chain_is_tried_until_it_leads_here(chain: EmbeddedChain) -> None:
    hotkey = key("miner1").ss58_address
    async with answering(b"our key") as port, answering(b"another key") as other:
        feed = a_feed()
        await chain.place(hotkey, ALSO_HERE, other)
        axons = Axons(client_of(chain), [Axon(key("miner1"), HERE, port, near=(HERE, port), kept=False)], feed)
        await axons.announce()
        await axons.probe()
        assert [line.text.partition(" leads")[0] for line in feed.attention] == [f"{ALSO_HERE}:{other}"]
        await chain.place(hotkey, ALSO_HERE, port)
        await chain.tick()  # a look is one of a block
        await axons.announce()
        await axons.probe()
        assert feed.attention == ()
        axons._axons[hotkey] = replace(axons._axons[hotkey], near=(HERE, 1))
        await axons.probe()
        assert feed.attention == ()


async def test_an_address_that_the_operator_left_to_the_chain_is_not_announced(chain: EmbeddedChain) -> None:
    before = (await chain.look(3)).metagraph
    axons = Axons(client_of(chain), [Axon(key("miner1"), "8.8.8.8", 1, near=(HERE, 1), kept=False)], a_feed())
    await axons.announce()
    assert (await chain.look(3)).metagraph.neurons == before.neurons
