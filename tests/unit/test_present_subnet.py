"""Where our own neuron stands, in lines: its place, what it earns, its collateral, and what it lacks."""

from typing import Any

from msgspec.structs import replace

from console.present.text import text_of
from console.screens.subnet.content import endpoint_facts, neurons, own_facts, price, subnet_facts, trend
from engine.snapshot import ChainView, EndpointView, NeedView, NeuronView, SubnetView
from tests.unit.tui_helpers import miner, snapshot

OWN = NeuronView(uid=1, hotkey="me", incentive=0.2, place=2, emission=10.0)
FIRST = NeuronView(uid=0, hotkey="other", incentive=0.8, place=1)


def told(own: NeuronView = OWN, **subnet: Any) -> dict[str, str]:
    view = SubnetView(neurons=(FIRST, own), lowest=(1, 0), **{"max_uids": 2, **subnet})
    shown = snapshot(subnet=view, chain=ChainView(network="test", uid=1, registered=True))
    return {label: text_of(line) for label, line in own_facts(shown)}


def test_the_neuron_that_goes_next_is_shown() -> None:
    assert told()["place"] == "✗ next to go 2 of 2"
    assert told(max_uids=3)["place"] == "2 of 2 outside immunity"


def test_immunity_is_told_in_blocks_and_time() -> None:
    assert told(replace(OWN, place=0, immune=300))["place"] == "○ immune for 300 blk 1h00m"


def test_collateral_is_told_with_the_days_until_it_is_free() -> None:
    assert told(replace(OWN, collateral=50.0, drain=0.5))["earns"] == "α10.00 a day  α50.00 locked, free in 10.0 days"
    frozen = told(replace(OWN, collateral=50.0, emission=0.0))["earns"]
    assert frozen == "α0.00 a day  α50.00 locked, frozen: it earns nothing"


def test_what_is_missing_comes_first_and_in_order() -> None:
    needs = (NeedView("funds", "none", "Send some."), NeedView("registration", "no uid", "Register."))
    shown = snapshot(chain=ChainView(network="test", needs=needs))
    assert [text_of(line) for _, line in own_facts(shown)] == [
        "1. funds: none. Send some.",
        "2. registration: no uid. Register.",
    ]


def test_a_price_is_told_as_what_is_burned_and_what_is_locked() -> None:
    assert text_of(price(SubnetView(price=2.0, locked=0.5))) == "τ2.000 = τ1.500 burned + τ0.500 locked"
    assert text_of(price(SubnetView(price=2.0))) == "τ2.000 burned"
    assert "proof of work only" in text_of(price(SubnetView(registration=False, pow_registration=True)))


def test_the_trend_of_the_price_has_a_direction() -> None:
    falling = SubnetView(trend=((100, 1.0), (200, 0.9)))
    assert text_of(trend(falling, ChainView())).endswith("-10.0% in 20m00s")
    assert "watching" in text_of(trend(SubnetView(), ChainView()))


def test_endpoints_are_listed_with_health_and_lag_the_one_in_use_first() -> None:
    behind = EndpointView(url="ws://own", state="behind", behind=12, reason="its head is block 88")
    used = EndpointView(url="wss://lite", state="good", in_use=True)
    rows = [(label, text_of(line)) for label, line in endpoint_facts(ChainView(endpoints=(behind, used)))]
    assert rows == [
        ("asked", "✓ good  wss://lite"),
        ("spare", "▲ behind  ws://own  12 behind  its head is block 88"),
    ]


def test_an_epoch_that_the_chain_puts_off_is_told_and_names_are_the_consoles() -> None:
    late = snapshot(
        subnet=SubnetView(neurons=(replace(FIRST, hotkey=miner(1).hotkey, name="on chain"), OWN), max_uids=2),
        chain=ChainView(network="test", epoch_late=3),
    )
    assert "epoch     ▲ deferred by 3 blk 36s" in [text_of(line) for line in subnet_facts(late)]
    assert [one.name for one in neurons(late)] == ["miner-1", ""]
