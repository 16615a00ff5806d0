"""Actions that move the coldkey's tokens and this hotkey's stake."""

from collections.abc import Callable, Sequence
from functools import partial

from console.actions.action import Action, Context, EntryField, Level, known
from console.actions.chain import fault_of, no_coldkey, unregistered
from console.present import formats
from console.present.text import Line, line
from engine.commands import AddCollateral, AddStake, RemoveStake, SetMinCollateral
from engine.snapshot import Snapshot

MOST = 1e9
"""Tokens: more than there will ever be."""

PRICE_TOLERANCE = 0.005
"""How far a price may move before a purchase fails: the SDK's default."""


def _cannot_stake(snapshot: Snapshot) -> str:
    return unregistered(snapshot) or no_coldkey(snapshot)


def _cannot_unstake(snapshot: Snapshot) -> str:
    nothing = "" if snapshot.chain.stake > 0 else "this hotkey has no stake"
    return unregistered(snapshot) or nothing or no_coldkey(snapshot)


def _stakes(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """What there is to move, and at what price."""
    chain = snapshot.chain
    moves = f"{formats.tau(chain.price)} each, if the pool's price does not move"
    price = moves if chain.price else "one for one"
    return known(
        (
            ("hotkey has", line(f"{chain.stake:,.4f} staked")),
            ("coldkey has", line(formats.tau(chain.balance))),
            ("price", line(price)),
        )
    )


def amount_in(typed: str) -> float:
    """An amount as it was typed. Raises ValueError."""
    try:
        amount = float(typed.strip())
    except ValueError:
        raise ValueError("enter an amount, for example 1.5") from None
    if not 0 < amount < MOST:
        raise ValueError("enter an amount above 0, for example 1.5")
    return amount


def _amount(label: str) -> Callable[[Snapshot], EntryField]:
    return lambda _snapshot: EntryField(label, "", fault_of(amount_in))


def _collateral(asked_of: Snapshot, typed: str) -> AddCollateral:
    """What free stake lacks is bought for little more than the price that the operator has seen."""
    return AddCollateral(amount=amount_in(typed), price=asked_of.chain.price * (1 + PRICE_TOLERANCE))


_stake = partial(Action, group="act", level=Level.TYPED, dry_run=_stakes, by_coldkey=True)

STAKE = Context(
    "Stake",
    (
        _stake(
            id="chain.stake",
            label="add stake…",
            about="Put the coldkey's tokens on this hotkey as stake.",
            letter="t",
            why_not=_cannot_stake,
            entry=_amount("Tokens to stake"),
            order=lambda _asked_of, typed: AddStake(amount=amount_in(typed)),
        ),
        _stake(
            id="chain.unstake",
            label="remove stake…",
            about="Take this hotkey's stake back to the coldkey.",
            letter="z",
            why_not=_cannot_unstake,
            entry=_amount("Stake to remove"),
            order=lambda _asked_of, typed: RemoveStake(amount=amount_in(typed)),
        ),
        _stake(
            id="chain.collateral",
            label="add collateral…",
            about="Lock stake as this hotkey's collateral; it comes back with what the hotkey earns.",
            letter="b",
            why_not=_cannot_stake,
            entry=_amount("Stake to lock"),
            order=_collateral,
        ),
        _stake(
            id="chain.floor",
            label="collateral floor…",
            about="Let this hotkey's collateral not drain below an amount; what it earns fills it up.",
            letter="m",
            why_not=_cannot_stake,
            entry=_amount("Never less than"),
            order=lambda _asked_of, typed: SetMinCollateral(amount=amount_in(typed)),
        ),
    ),
)
