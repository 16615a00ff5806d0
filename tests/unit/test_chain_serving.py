"""Axons: what the chain takes and refuses."""

import pytest
from msgspec.structs import replace

from engine.chain.embedded import Refused
from engine.chain.embedded.look import look_of
from engine.chain.embedded.neurons import placed, serve_axon
from engine.chain.embedded.state import ChainState
from tests.unit.chain_helpers import RULES, later, subnet


def refusal(state: ChainState, *, hotkey: str = "a", ip: str = "192.0.2.1", port: int = 9000) -> str:
    with pytest.raises(Refused) as refused:
        serve_axon(state, hotkey=hotkey, ip=ip, port=port)
    return refused.value.name


def test_refusals() -> None:
    state = subnet("a")
    assert refusal(state, hotkey="stranger") == "HotKeyNotRegisteredInNetwork"
    assert refusal(state, ip="miner.example.org") == "InvalidIpType"
    assert refusal(state, ip="255.255.255.255") == "InvalidIpAddress"
    assert refusal(state, ip="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == "InvalidIpAddress"
    assert refusal(state, port=0) == "InvalidPort"
    assert refusal(state, port=65536) == "InvalidPort"


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1"])
def test_loopback_and_private_addresses_are_taken(ip: str) -> None:
    neuron = look_of(serve_axon(subnet("a"), hotkey="a", ip=ip, port=9000)).metagraph.neurons[0]
    assert (neuron.ip, neuron.port, neuron.axon_block, neuron.serving) == (ip, 9000, 1, True)


def test_an_axon_is_taken_back_with_address_zero() -> None:
    state = serve_axon(subnet("a"), hotkey="a", ip="127.0.0.1", port=9000)
    state = serve_axon(later(state, 5), hotkey="a", ip="0.0.0.0", port=9000)
    assert not look_of(state).metagraph.neurons[0].serving


def test_serving_rate_limit() -> None:
    state = serve_axon(subnet("a"), hotkey="a", ip="127.0.0.1", port=9000)
    with pytest.raises(Refused, match="ServingRateLimitExceeded: 1 blocks left"):
        serve_axon(later(state, 4), hotkey="a", ip="127.0.0.1", port=9001)
    assert serve_axon(later(state, 5), hotkey="a", ip="127.0.0.1", port=9001).slots[0].axon is not None
    unlimited = replace(state, rules=replace(RULES, serving_rate_limit=0))
    serve_axon(unlimited, hotkey="a", ip="127.0.0.1", port=9001)


def test_setting_up_knows_no_rate_limit_but_the_other_rules() -> None:
    state = placed(placed(subnet("a"), hotkey="a", ip="127.0.0.1", port=9000), hotkey="a", ip="127.0.0.1", port=9001)
    assert look_of(state).metagraph.neurons[0].port == 9001
    for faulty in ({"hotkey": "stranger"}, {"ip": "localhost"}, {"port": 0}):
        with pytest.raises(Refused):
            placed(state, **{"hotkey": "a", "ip": "127.0.0.1", "port": 9002, **faulty})  # type: ignore[arg-type]


def test_the_first_fault_in_the_chains_order_is_named() -> None:
    state = serve_axon(subnet("a"), hotkey="a", ip="127.0.0.1", port=9000)
    assert refusal(state, hotkey="stranger", ip="x", port=0) == "HotKeyNotRegisteredInNetwork"
    assert refusal(state, ip="x", port=0) == "InvalidIpType"
    assert refusal(state, port=0) == "ServingRateLimitExceeded"
