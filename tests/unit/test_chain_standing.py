"""Who goes next, which validator is out of line, and what others give each miner: subnets made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace

from engine.chain.interface import Look
from engine.chain.standing import immunity_left, leaving, no_place, subnet_view
from engine.snapshot import SubnetView
from engine.values import Hyperparameters, Kin, Metagraph, Neuron, Subnet

RULES = Hyperparameters(tempo=360, immunity_period=100, max_uids=6, min_mortal=0, burn=10.0, collateral_share=0.2)
BLOCK = 1000


def neuron(uid: int, **fields: Any) -> Neuron:
    return Neuron(uid=uid, hotkey=f"hk{uid}", coldkey=f"ck{uid}", **{"registered_at": uid, **fields})


def look(*neurons: Neuron, hotkey: str = "", **fields: Any) -> Look:
    return Look(
        hotkey=hotkey, metagraph=Metagraph(netuid=1, block=BLOCK, neurons=neurons), **{"rules": RULES, **fields}
    )


def view(seen: Look) -> SubnetView:
    return subnet_view(seen, block_time=12.0)


THREE = (
    neuron(0, validator_permit=True, stake=60.0),
    neuron(1, validator_permit=True, stake=30.0),
    neuron(2, validator_permit=True, stake=10.0),
    neuron(3, incentive=0.7, emission=3.0),
    neuron(4, incentive=0.3, emission=1.0),
)
ROWS = {0: ((3, 65535), (4, 65535)), 1: ((3, 65535), (4, 65535)), 2: ((4, 65535),)}


def test_a_subnet_without_neurons_is_shown() -> None:
    assert view(look()) == replace(SubnetView(), max_uids=6, price=10.0, locked=2.0)


def test_the_one_with_the_least_emission_goes_first_and_the_oldest_of_these() -> None:
    neurons = (
        neuron(0, emission=2.0),
        neuron(1, emission=1.0, registered_at=500),
        neuron(2, emission=1.0, registered_at=400),
        neuron(3, emission=0.0, registered_at=BLOCK - 50),
        neuron(4, emission=0.0),
    )
    seen = look(*neurons, subnet=Subnet(owner_hotkey="hk4"))
    assert [one.uid for one in leaving(seen)] == [2, 1, 0, 3]
    assert immunity_left(seen, neurons[3]) == 50
    few = replace(seen, rules=replace(RULES, min_mortal=3))
    assert [one.uid for one in leaving(few)] == [3]
    assert no_place(few) == ""
    assert "nobody can be replaced" in no_place(
        replace(seen, rules=replace(RULES, min_mortal=4, max_uids=5, immunity_period=10))
    )


@pytest.mark.parametrize(("allowed", "stay"), [(0, []), (1, [5]), (2, [5, 2]), (3, [5, 2, 4])])
def test_so_many_of_the_owners_stay_as_the_rules_allow_its_hotkey_first_and_then_the_oldest(
    allowed: int, stay: list[int]
) -> None:
    neurons = [replace(neuron(uid), coldkey="owner" if uid in (2, 4) else f"ck{uid}") for uid in range(6)]
    seen = look(*neurons, subnet=Subnet(owner="owner", owner_hotkey="hk5"))
    seen = replace(seen, rules=replace(RULES, immune_owner_uids=allowed))
    assert {one.uid for one in leaving(seen)} == set(range(6)) - set(stay)


def test_places_are_by_incentive_among_those_outside_immunity() -> None:
    seen = view(
        look(neuron(0, incentive=0.1), neuron(1, incentive=0.5), neuron(2, incentive=0.4, registered_at=BLOCK - 1))
    )
    assert [(one.place, one.immune) for one in seen.neurons] == [(2, 0), (1, 0), (0, 99)]


def test_who_is_out_of_line_is_clipped_and_said_with_whom() -> None:
    first, second, third = view(look(*THREE, rows=ROWS)).validators
    assert first.clipped == second.clipped == 0
    assert third.clipped == pytest.approx(0.5)
    assert (first.nearest, first.nearest_apart) == (1, 0)
    assert (first.farthest, first.farthest_apart) == (2, 0.5)
    assert (third.top, third.given) == (4, 1)


def test_what_others_give_leaves_our_own_weights_out() -> None:
    assert view(look(*THREE, rows=ROWS)).neurons[4].others == pytest.approx(0.55)
    assert view(look(*THREE, rows=ROWS, hotkey="hk2")).neurons[4].others == pytest.approx(0.5)
    assert view(look(*THREE, rows=ROWS, hotkey="hk0")).neurons[4].others == pytest.approx((0.5 * 30 + 10) / 40)


def test_the_rows_of_who_lost_its_permit_and_rows_of_zeros_count_for_nothing() -> None:
    neurons = (replace(THREE[0], validator_permit=False), *THREE[1:])
    seen = view(look(*neurons, rows={**ROWS, 1: ((3, 0),)}))
    assert [one.uid for one in seen.validators] == [2]
    assert seen.validators[0].nearest is None
    assert seen.validators[0].clipped == 0


def test_the_owners_part_and_what_child_hotkeys_take_are_summed() -> None:
    neurons = (
        neuron(0, incentive=0.5),
        neuron(1, incentive=0.2),
        neuron(2, incentive=0.3, parents=(Kin("hk9", 1.0),), take=0.18),
    )
    seen = view(look(*neurons, subnet=Subnet(owner="ck1", owner_hotkey="hk0", burned=0.6)))
    assert seen.owners == pytest.approx(0.7)
    assert (seen.children, seen.burned) == (0.3, 0.6)
    assert [one.owners for one in seen.neurons] == [True, True, False]


def test_emission_is_told_a_day() -> None:
    assert view(look(*THREE)).neurons[3].emission == pytest.approx(3.0 * 7200 / 360)
