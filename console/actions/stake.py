"""Actions that move the coldkey's tokens and this hotkey's stake."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from console.actions.action import Context, EntryField, known, unless_read_only
from console.actions.chain import by_coldkey, fault_of, guarded, too_poor, unregistered
from console.present import formats
from console.present.text import Line, Span, line
from engine.commands import AddCollateral, AddStake, RemoveStake, SetMinCollateral
from engine.snapshot import ChainView, Snapshot
from engine.values import EMBEDDED

MOST = 1e9
"""An upper bound for an amount, in tokens: the total supply of TAO."""

PRICE_TOLERANCE = 0.005
"""How far a price may move before a purchase fails: the SDK's default."""


def _owned(snapshot: Snapshot, _typed: str = "") -> Iterator[str]:
    yield from filter(None, (unless_read_only(snapshot), unregistered(snapshot)))
    yield from by_coldkey(snapshot)


def _to_stake(snapshot: Snapshot, typed: str) -> Iterator[str]:
    yield from _owned(snapshot)
    yield from too_poor(snapshot, _amount_of(typed), "not")


def _to_unstake(snapshot: Snapshot, typed: str) -> Iterator[str]:
    chain = snapshot.chain
    yield from _owned(snapshot)
    if not chain.stake > 0:
        yield "this hotkey has no stake"
    elif _amount_of(typed) > chain.movable:
        yield f"at most α{chain.movable:,.4f} can be moved{_held(chain)}"


def _to_lock(snapshot: Snapshot, typed: str) -> Iterator[str]:
    chain, short = snapshot.chain, _amount_of(typed) - snapshot.chain.movable
    yield from _owned(snapshot)
    if short > 0 and not _highest(chain):
        yield f"at most α{chain.movable:,.4f} can be locked: no price is known for the rest"
    elif short > 0:
        yield from too_poor(snapshot, short * _highest(chain), f"the missing α{short:,.4f} cost up to")


def _held(chain: ChainView) -> str:
    return f": α{chain.collateral:,.4f} is locked as collateral" if chain.collateral else ""


def _amount_of(typed: str) -> float:
    """The amount that was typed, 0 while there is none."""
    return amount_in(typed) if typed else 0.0


def _staking(snapshot: Snapshot, typed: str) -> Sequence[Line]:
    """What there is to stake, at what price, and what is left."""
    return known((*_there(snapshot.chain), *_left(snapshot.chain, _amount_of(typed))))


def _unstaking(snapshot: Snapshot, typed: str) -> Sequence[Line]:
    """What there is to move, at what price, and what is left."""
    chain, amount = snapshot.chain, _amount_of(typed)
    then = [("then staked", line(f"α{chain.stake - amount:,.4f}"))] if amount else []
    return known((*_there(chain), *then))


def _locking(snapshot: Snapshot, typed: str) -> Sequence[Line]:
    """What would be locked, and what buying the rest costs at most."""
    chain, amount = snapshot.chain, _amount_of(typed)
    short = max(0.0, amount - chain.movable)
    rows = [("locked now", line(f"α{chain.collateral:,.4f}"))]
    if amount:
        rows.append(("then locked", line(f"α{chain.collateral + amount:,.4f}")))
        rows += [("bought", line(f"α{short:,.4f}")), *_left(chain, short * _highest(chain))] if short else []
    return known((*_there(chain), *rows))


def _flooring(snapshot: Snapshot, typed: str) -> Sequence[Line]:
    """What is locked, and the floor that it would have."""
    rows = [("locked now", line(f"α{snapshot.chain.collateral:,.4f}"))]
    if typed:
        floor = floor_in(typed)
        rows.append(("floor", line(f"α{floor:,.4f}" if floor else "none: all of it drains")))
    return known(rows)


def _there(chain: ChainView) -> list[tuple[str, Line]]:
    moves = f"{formats.tau(chain.price)} each, if the pool's price does not move"
    unknown = "one for one" if chain.network == EMBEDDED else "not known here; the chain takes the pool's"
    return [
        ("hotkey has", line(f"α{chain.stake:,.4f} staked, of which α{chain.movable:,.4f} can be moved")),
        ("coldkey has", line(formats.tau(chain.balance) if chain.coldkey else formats.UNKNOWN)),
        ("price", line(moves if chain.price else unknown)),
    ]


def _left(chain: ChainView, cost: float) -> list[tuple[str, Line]]:
    """What the coldkey pays, and what it then has."""
    if not cost:
        return []
    after = line(formats.tau(chain.balance - cost)) if chain.balance >= cost else line(Span("✗ not enough", "err"))
    return [("costs", line(f"{formats.tau(cost)} at most")), ("then has", after)]


def _highest(chain: ChainView) -> float:
    """The highest price that is paid for what free stake lacks: little more than what the operator has seen."""
    return 1.0 if chain.network == EMBEDDED else chain.price * (1 + PRICE_TOLERANCE)


def amount_in(typed: str) -> float:
    """An amount as it was typed. Raises ValueError."""
    try:
        amount = float(typed.strip())
    except ValueError:
        raise ValueError("enter an amount, for example 1.5") from None
    if not 0 < amount < MOST:
        raise ValueError("enter an amount above 0, for example 1.5")
    return amount


def floor_in(typed: str) -> float:
    """An amount as it was typed, where 0 means none. Raises ValueError."""
    return 0.0 if typed.strip() in ("0", "0.0") else amount_in(typed)


def _amount(label: str) -> Callable[[Snapshot], EntryField]:
    return lambda _snapshot: EntryField(label, "", fault_of(amount_in))


_stake = partial(guarded, by_coldkey=True)

STAKE = Context(
    "Stake",
    (
        _stake(
            _to_stake,
            id="chain.stake",
            label="add stake…",
            about="Put the coldkey's tokens on this hotkey as stake.",
            letter="t",
            dry_run=_staking,
            entry=_amount("Tokens to stake"),
            order=lambda _asked_of, typed: AddStake(amount=amount_in(typed)),
        ),
        _stake(
            _to_unstake,
            id="chain.unstake",
            label="remove stake…",
            about="Take this hotkey's stake back to the coldkey.",
            letter="z",
            dry_run=_unstaking,
            entry=_amount("Stake to remove"),
            order=lambda _asked_of, typed: RemoveStake(amount=amount_in(typed)),
        ),
        _stake(
            _to_lock,
            id="chain.collateral",
            label="add collateral…",
            about="Lock stake as this hotkey's collateral; it comes back with what the hotkey earns.",
            letter="b",
            dry_run=_locking,
            entry=_amount("Stake to lock"),
            order=lambda asked_of, typed: AddCollateral(amount=amount_in(typed), price=_highest(asked_of.chain)),
        ),
        _stake(
            _owned,
            id="chain.floor",
            label="collateral floor…",
            about="Keep this hotkey's collateral from draining below an amount (0 for none); its earnings top it up.",
            letter="m",
            dry_run=_flooring,
            entry=lambda _snapshot: EntryField("Never less than", "", fault_of(floor_in)),
            order=lambda _asked_of, typed: SetMinCollateral(amount=floor_in(typed)),
        ),
    ),
)
