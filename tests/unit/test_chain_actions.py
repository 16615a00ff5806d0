"""What an action on the chain would send, what it costs, and everything that stands in its way."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.actions.action import WIDTH, Level, confirmation
from console.actions.stake import amount_in, floor_in
from console.present.text import text_of
from console.screens.dialogs import ConfirmDialog
from console.screens.registry import ACTIONS
from engine.chain.commitment import largest_commit, sealed_size
from engine.commands import AddCollateral, AddStake, AnyCommand, RemoveStake, SetMinCollateral
from engine.snapshot import ChainView, CommitView, NextPlanView, PlanView, SetterView, Snapshot
from engine.text import cells
from tests.unit.test_tui_weights import FINNEY, take
from tests.unit.tui_helpers import NARROW, NOW, Orders, app_of, feed_of, miner, screen_text, snapshot, toasts

RICH = replace(FINNEY, coldkey="5Cold", balance=50.0, stake=900.0, movable=400.0, collateral=500.0, price=0.25)
MINERS = (miner(1, planned=1.0),)


def neuron(chain: ChainView = RICH, **changes: Any) -> Snapshot:
    return snapshot(**{"chain": chain, "miners": MINERS, "coldkey": "encrypted", **changes})


def against(action: str, seen: Snapshot, typed: str = "") -> list[str]:
    obstacles = ACTIONS[f"chain.{action}"].obstacles
    assert obstacles is not None
    return list(obstacles(seen, typed))


def told(action: str, seen: Snapshot, typed: str = "") -> str:
    return "\n".join(text_of(line) for line in confirmation(ACTIONS[f"chain.{action}"], seen, typed).lines)


def test_a_question_has_room_on_a_small_terminal() -> None:
    for action in ACTIONS.values():
        if action.level >= Level.ASKED:
            asked = confirmation(action, neuron()).lines
            assert all(cells(text_of(line)) <= WIDTH for line in asked), action.id


# -- what stands in the way --------------------------------------------------------------------------------------------


def test_weights_that_break_several_rules_have_each_of_them_named() -> None:
    broken = replace(
        RICH, stake=40.0, stake_threshold=1000.0, validator_permit=False, next_weights_block=112, commit_reveal=True
    )
    few = NextPlanView(skipped="3 miners are serving; the subnet requires at least 8 weights")
    assert against("set_weights", neuron(broken, next_plan=few)) == [
        "commit-reveal is on: commit instead",
        "stake threshold: α40.00 of the α1,000.00 that weights take",
        "no validator permit",
        "rate limit: 12 blocks left (2m24s)",
        "3 miners are serving; the subnet requires at least 8 weights",
    ]


def test_without_a_uid_the_rules_of_uids_are_not_named() -> None:
    gone = replace(RICH, registered=False, validator_permit=False, stake=0.0, stake_threshold=5.0)
    assert against("set_weights", neuron(gone)) == ["this hotkey is not registered"]


def test_on_a_subnet_with_null_consensus_a_permit_says_who_has_it() -> None:
    [permit] = against("set_weights", neuron(replace(RICH, consensus="null", validator_permit=False)))
    assert permit == "no validator permit: by null consensus, only the hotkey with the most stake has one"


@pytest.mark.parametrize("action", ["set_weights", "commit"])
def test_weights_of_a_mechanism_name_it_and_one_that_the_subnet_lacks_is_an_obstacle(action: str) -> None:
    hiding = replace(RICH, commit_reveal=action == "commit", mechanism=1)
    assert "netuid 42 mechanism 1 as " in told(action, neuron(hiding))
    assert against(action, neuron(hiding)) == [
        "MechanismDoesNotExist: the last mechanism of netuid 42 is 0: name one with --mechanism"
    ]
    assert against(action, neuron(replace(hiding, mechanisms=2))) == []


def test_a_commit_that_is_too_large_or_cannot_be_sealed_says_so() -> None:
    hiding = replace(RICH, commit_reveal=True, timelocked=True, largest_commit=5000)
    large = NextPlanView(weights=2500, sealed_bytes=sealed_size(2500))
    assert against("commit", neuron(hiding, next_plan=NextPlanView(weights=9, sealed_bytes=325))) == []
    assert against(
        "commit", neuron(replace(hiding, cannot_seal="CommitRevealEnabled: no library"), next_plan=large)
    ) == [
        "CommitRevealEnabled: no library",
        "payload size: 10,289 bytes, and the chain takes 5,000",
    ]
    assert against("commit", neuron(replace(hiding, largest_commit=largest_commit("null", 3)), next_plan=large)) == []


def test_a_commit_of_an_older_version_key_cannot_be_revealed() -> None:
    commits = (CommitView(block=90, reveal_from=101, reveal_until=150),)
    plan = PlanView(at=NOW, block=90, mode="normal", uids=(1,), weights_u16=(9,), outcome="committed", reason="")
    seen = neuron(
        replace(RICH, commit_reveal=True, weights_version=7),
        plans=(plan,),
        setter=SetterView(next_block=0, what="", reason="", commits=commits),
    )
    assert against("reveal", seen) == [
        "version key: the commit was made for 0, and the subnet now requires 7",
        "next epoch: 1 block left (12s)",
    ]


def test_a_registration_names_money_owner_and_key_at_once() -> None:
    shut = replace(RICH, registered=False, registration_open=False, registration_by_work=True, registration_cost=60.0)
    work, funds, key = against("register", neuron(shut, coldkey="absent"))
    assert "pow_register" in work
    assert funds == "the coldkey has τ50.000, a registration costs τ60.000"
    assert key.startswith("the coldkey is not on this machine")
    assert against("register", neuron(replace(RICH, registered=False, coldkey="", balance=0.0))) == []


@pytest.mark.parametrize(
    ("action", "typed", "reason"),
    [
        ("stake", "50.1", "the coldkey has τ50.000, not τ50.100"),
        ("unstake", "401", "at most α400.0000 can be moved: α500.0000 is locked as collateral"),
        ("collateral", "640", "the coldkey has τ50.000, the missing α240.0000 cost up to τ60.300"),
    ],
)
def test_an_amount_that_is_not_there_is_an_obstacle_and_one_that_is_there_none(
    action: str, typed: str, reason: str
) -> None:
    assert against(action, neuron(), typed) == [reason]
    assert against(action, neuron(), "12.5") == against(action, neuron()) == []


def test_collateral_beyond_free_stake_needs_a_price_and_a_chain_that_has_it() -> None:
    assert "no price is known" in against("collateral", neuron(replace(RICH, price=0.0)), "640")[0]
    embedded = replace(RICH, network="embedded", price=0.0)
    assert against("collateral", neuron(embedded), "440") == against("floor", neuron(embedded)) == []


@pytest.mark.parametrize("action", ["stake", "unstake", "collateral", "floor"])
def test_what_the_coldkey_signs_names_key_and_registration(action: str) -> None:
    seen = neuron(replace(RICH, registered=False), coldkey="absent", read_only=True)
    first, second, third, *_ = against(action, seen)
    assert (first, second) == ("not while --read-only is on", "this hotkey is not registered")
    assert third.startswith("the coldkey is not on this machine")


# -- what would be sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "typed", "said"),
    [
        ("stake", "10", ["costs         τ10.000 at most", "then has      τ40.000", "price         τ0.250 each"]),
        ("unstake", "100", ["then staked   α800.0000", "of which α400.0000 can be moved"]),
        ("collateral", "440", ["then locked   α940.0000", "bought        α40.0000", "costs         τ10.050 at most"]),
        ("floor", "30", ["locked now    α500.0000", "floor         α30.0000"]),
        ("floor", "0", ["floor         none: all of it drains"]),
    ],
)
def test_stake_and_collateral_say_what_is_sent_and_what_is_left(action: str, typed: str, said: list[str]) -> None:
    shown = told(action, neuron(), typed)
    assert [line for line in said if line not in shown] == []


def test_an_unknown_price_is_not_taken_for_one_token() -> None:
    assert "not known here" in told("stake", neuron(replace(RICH, price=0.0)))
    assert "one for one" in told("stake", neuron(replace(RICH, price=0.0, network="embedded")))


def test_an_address_is_shown_before_it_is_announced() -> None:
    serving = neuron(role="miner")
    assert "announces     8.8.8.8:8091" in told("serve", serving, "8.8.8.8:8091")
    assert "10.0.0.7:8091  ▲ not reachable from the internet" in told("serve", serving, "10.0.0.7:8091")


@pytest.mark.parametrize("on_chain", ["8.8.8.8:8091", "[2001:db8::1]:8091"])
def test_an_address_that_stands_on_chain_is_not_announced_again(on_chain: str) -> None:
    serving = neuron(replace(RICH, axon=on_chain), role="miner")
    assert against("serve", serving, f" {on_chain} ") == [f"{on_chain} is already announced on chain"]
    assert against("serve", serving, "8.8.4.4:8091") == against("serve", serving) == []


@pytest.mark.parametrize("typed", ["127.0.0.1:8091", "[::1]:8091", "255.255.255.255:1", "8.8.8.8:0", "0.0.0.0:80", "x"])
def test_an_address_that_the_chain_refuses_is_not_sent(typed: str) -> None:
    order = ACTIONS["chain.serve"].order
    assert order is not None
    with pytest.raises(ValueError, match=r"enter (IP:PORT|the address|the port|the one) ?"):
        order(neuron(role="miner"), typed)


def test_amounts_are_numbers_above_nothing_and_a_floor_may_be_none() -> None:
    assert (amount_in(" 1.5 "), floor_in("0"), floor_in("2")) == (1.5, 0.0, 2.0)
    for typed in ("0", "-1", "nan", "inf", "1e12", "", "ten", "1,5"):
        with pytest.raises(ValueError, match=r"for example 1\.5"):
            amount_in(typed)


def test_the_size_of_a_commit_is_that_of_a_sealed_one() -> None:
    from bittensor_drand import get_encrypted_commit_v2

    for weights in (1, 63, 64, 256):
        uids = list(range(weights))
        sealed, _ = get_encrypted_commit_v2(uids, uids, 7, 1000, 0, 5, 360, 10, 1100, 1, 12.0, bytes(32))
        assert len(sealed) == sealed_size(weights)


# -- through the keyboard ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letter", "typed", "refused", "command"),
    [
        ("t", "12.5", "99", AddStake(amount=12.5, password="pw")),
        ("z", "400", "401", RemoveStake(amount=400.0, password="pw")),
        ("b", "7", "-7", AddCollateral(amount=7.0, price=0.25 * 1.005, password="pw")),
        ("m", "0", "x", SetMinCollateral(amount=0.0, password="pw")),
    ],
    ids=["stake", "unstake", "collateral", "floor"],
)
async def test_stake_is_moved_by_an_amount_a_password_and_the_netuid(
    tmp_path: Path, letter: str, typed: str, refused: str, command: AnyCommand
) -> None:
    app = app_of(neuron(), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, letter)
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("tab", *refused, "enter", *"pw", "enter", *"42", "enter", "y")
        assert orders.taken == []
        await pilot.press(*("backspace",) * len(refused), *typed)
        shown = screen_text(app)
        assert "pw" not in shown
        await pilot.press("enter", "enter", "enter", "y")
    assert orders.taken == [command]


async def test_an_action_with_several_obstacles_tells_them_all_on_the_screen(tmp_path: Path) -> None:
    app = app_of(neuron(replace(RICH, registered=False), coldkey="absent"), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, "t")
        assert not isinstance(app.screen, ConfirmDialog)
        assert "this hotkey is not registered; the coldkey is not on this machine" in toasts(app)[-1]
