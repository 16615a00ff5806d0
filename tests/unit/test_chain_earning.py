"""What a fresh wallet lacks to earn, in order, until nothing is left."""

from typing import Any

from engine.chain.earning import missing
from engine.chain.interface import Look
from engine.values import Hyperparameters, Metagraph, Neuron

RULES = Hyperparameters(
    burn=2.0, collateral_share=0.25, max_validators=2, stake_threshold=100.0, max_uids=4, min_mortal=0
)
OTHERS = tuple(
    Neuron(uid=uid, hotkey=f"hk{uid}", coldkey="ck", stake=stake, emission=uid)
    for uid, stake in enumerate((900.0, 300.0, 200.0))
)


def look(*own: Neuron, balance: float = 0.0, **rules: Any) -> Look:
    return Look(
        hotkey="me",
        metagraph=Metagraph(netuid=7, block=5000, neurons=(*OTHERS, *own)),
        rules=Hyperparameters(**{name: getattr(RULES, name) for name in RULES.__struct_fields__} | rules),
        next_epoch=5100,
        balance=balance,
    )


def own(**fields: Any) -> Neuron:
    return Neuron(uid=3, hotkey="me", coldkey="cold", **fields)


def needs(seen: Look, role: str = "miner", coldkey: str = "cold") -> list[str]:
    return [one.need for one in missing(seen, role=role, coldkey=coldkey)]


def test_a_fresh_wallet_lacks_everything_in_order() -> None:
    assert needs(look()) == ["funds", "registration", "axon"]
    assert needs(look(), "validator") == ["funds", "registration", "permit"]
    funds, registration, _ = missing(look(balance=0.5), role="miner", coldkey="cold")
    assert "τ2.0000 (τ1.5000 burned + τ0.5000 locked), and the coldkey has τ0.5" in funds.what
    assert "τ1.5000 and the fee to cold" in funds.do
    assert "has no uid on netuid 7" in registration.what
    assert "chain register" in registration.do


def test_each_step_takes_one_away() -> None:
    assert needs(look(balance=3.0)) == ["registration", "axon"]
    assert needs(look(own())) == ["axon"]
    assert needs(look(own(ip="203.0.113.9", port=8091))) == []
    assert needs(look(own()), "validator") == ["permit"]
    assert needs(look(own(validator_permit=True)), "validator") == []


def test_an_unknown_coldkey_is_not_a_reason_to_guess_a_balance() -> None:
    [funds, *_] = missing(look(), role="miner", coldkey="")
    assert "the balance is unknown" in funds.what


def test_a_full_subnet_says_whose_uid_it_takes() -> None:
    full = look(max_uids=3, min_mortal=0, immunity_period=0, balance=9.0)
    assert "it takes uid 0" in missing(full, role="miner", coldkey="cold")[0].what


def test_a_full_subnet_in_which_nobody_can_be_replaced_says_so() -> None:
    full = look(max_uids=3, min_mortal=3, immunity_period=0, balance=9.0)
    assert "nobody can be replaced yet" in missing(full, role="miner", coldkey="cold")[0].what


def test_closed_registrations_are_said_with_what_is_left() -> None:
    closed = missing(look(registration_allowed=False), role="miner", coldkey="cold")
    assert [one.need for one in closed] == ["registration", "axon"]
    assert "Wait until its owner opens it." in closed[0].do
    assert (
        "proof of work"
        in missing(look(registration_allowed=False, pow_registration=True), role="miner", coldkey="")[0].do
    )


def test_a_permit_takes_the_stake_of_the_last_who_has_one() -> None:
    [permit] = missing(look(own(stake=50.0)), role="validator", coldkey="cold")
    assert "the 2 with the most stake" in permit.what
    assert "at least α250.00 more" in permit.do
    [soon] = missing(look(own(stake=301.0)), role="validator", coldkey="cold")
    assert "block 5,100" in soon.do
