"""A neuron's address on chain is kept equal to the address where it serves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.chain.embedded import EmbeddedChain
from engine.commands import Serve
from engine.node import axons as axons_module
from engine.node.axons import Axon, Axons
from tests.unit.chain_helpers import RULES, client_of, key, metagraph_on, running_subnet
from tests.unit.engine_helpers import a_feed


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[EmbeddedChain]:
    made = await running_subnet(tmp_path, miners=1)
    for _ in range(RULES.serving_rate_limit):
        await made.tick()
    yield made
    await made.close()


async def address_of(chain: EmbeddedChain) -> tuple[str, int]:
    neuron = (await metagraph_on(chain)).by_hotkey(key("miner1").ss58_address)
    assert neuron is not None
    return neuron.ip, neuron.port


async def test_an_address_is_announced_once_it_differs_and_a_refusal_is_reported(chain: EmbeddedChain) -> None:
    feed = a_feed()
    await Axons(client_of(chain), [Axon(key("miner1"), "127.0.0.1", 9100)], feed).announce()
    assert await address_of(chain) == ("127.0.0.1", 9100)
    block = (await metagraph_on(chain)).neurons[1].axon_block
    await chain.tick()
    again = Axons(client_of(chain), [Axon(key("miner1"), "127.0.0.1", 9100)], feed)
    await again.announce()
    assert (await metagraph_on(chain)).neurons[1].axon_block == block
    await Axons(client_of(chain), [Axon(key("miner1"), "127.0.0.1", 9200)], feed).announce()
    assert await address_of(chain) == ("127.0.0.1", 9100)
    assert "ServingRateLimitExceeded" in feed.attention[0].text


async def test_an_address_that_the_operator_names_stays(chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axons_module, "CHECK_EVERY_S", 0.01)
    axons = Axons(client_of(chain), [Axon(key("miner1"), "127.0.0.1", 9000)], a_feed())
    running = asyncio.create_task(axons.run(lambda: None))
    outcome = await axons.serve(key("miner1").ss58_address, Serve("8.8.8.8", 8091))
    assert outcome.ok
    for _ in range(RULES.serving_rate_limit):
        await chain.tick()
    await asyncio.sleep(0.05)
    assert await address_of(chain) == ("8.8.8.8", 8091)
    refused = await axons.serve(key("miner1").ss58_address, Serve("8.8.8.8", 0))
    assert refused.reason.startswith("InvalidPort")
    await asyncio.sleep(0.05)
    assert await address_of(chain) == ("8.8.8.8", 8091)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
