"""The state of a subnet, from one look: who is replaced next, who weighs whom, which validator is out of line. Pure."""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from engine.chain.interface import Look, shares_of
from engine.snapshot import NeuronView, SubnetView, ValidatorView
from engine.values import Neuron

DAY_S = 86_400.0
LOWEST = 10
"""How many of the next neurons to be replaced are listed."""

Shares = Mapping[int, float]


def subnet_view(look: Look, *, block_time: float, trend: Sequence[tuple[int, float]] = ()) -> SubnetView:
    """The subnet as screens show it. `trend` holds earlier registration prices with their blocks, oldest first."""
    rules, subnet, neurons = look.rules, look.subnet, look.metagraph.neurons
    rows = {
        uid: shares for uid, row in look.rows.items() if neurons[uid].validator_permit and (shares := shares_of(row))
    }
    stakes = {uid: neurons[uid].stake for uid in rows}
    own = look.own.uid if look.own else None
    others = _mean({uid: row for uid, row in rows.items() if uid != own}, stakes)
    majority = _majority(rows, stakes, rules.kappa)
    seen = _Surroundings(
        places=_places(look),
        validating=frozenset(rows),
        others=others,
        epochs_a_day=DAY_S / block_time / max(1, rules.tempo),
    )
    return SubnetView(
        name=subnet.name,
        owner_hotkey=subnet.owner_hotkey,
        consensus=rules.consensus,
        mechanisms=subnet.mechanisms,
        max_uids=rules.max_uids,
        price=rules.burn,
        locked=rules.locked,
        trend=tuple(trend),
        registration=rules.registration_allowed,
        pow_registration=rules.pow_registration,
        alpha_price=subnet.price,
        burned=subnet.burned,
        owners=math.fsum(one.incentive for one in neurons if _is_owners(look, one)),
        children=math.fsum(one.incentive for one in neurons if one.parents),
        lowest=tuple(one.uid for one in leaving(look)[:LOWEST]),
        neurons=tuple(_neuron(look, one, seen) for one in neurons),
        validators=tuple(_validator(uid, rows, majority, neurons[uid], look.block) for uid in sorted(rows)),
    )


class _Surroundings(Struct, frozen=True):
    """What each neuron is seen by: places, who validates, what the other validators give, and how long an epoch is."""

    places: Mapping[int, int]
    validating: frozenset[int]
    others: Shares
    epochs_a_day: float


def _neuron(look: Look, one: Neuron, seen: _Surroundings) -> NeuronView:
    return NeuronView(
        uid=one.uid,
        hotkey=one.hotkey,
        name=one.name,
        owners=_is_owners(look, one),
        validator=one.validator_permit and (one.uid in seen.validating or not one.serving),
        stake=one.stake,
        inherited=one.inherited,
        children=len(one.children),
        parents=len(one.parents),
        take=one.take,
        incentive=one.incentive,
        place=seen.places.get(one.uid, 0),
        immune=immunity_left(look, one),
        emission=one.emission * seen.epochs_a_day,
        collateral=one.collateral,
        drain=one.drain,
        others=seen.others.get(one.uid, 0.0),
        ours=look.shares.get(one.uid, 0.0),
        axon=one.serving,
    )


def immunity_left(look: Look, neuron: Neuron) -> int:
    """Blocks for which a new neuron cannot be replaced yet."""
    return max(0, neuron.registered_at + look.rules.immunity_period - look.block)


def leaving(look: Look) -> list[Neuron]:
    """The neurons that the next registrations on a full subnet replace, in order: by lowest emission, then by age.

    Immune neurons come after the others, of which so many stay as the rules say. The owner's first ones never go.
    """
    stay = _owners_own(look)
    mortal = [one for one in look.metagraph.neurons if one.uid not in stay]
    mortal.sort(key=lambda one: (one.emission, one.registered_at, one.uid))
    outside = [one for one in mortal if not immunity_left(look, one)]
    immune = [one for one in mortal if immunity_left(look, one)]
    return [*outside[: max(0, len(outside) - look.rules.min_mortal)], *immune]


def no_place(look: Look) -> str:
    """Why the chain would refuse a registration on a full subnet; "" if it would not."""
    if len(look.metagraph.neurons) < look.rules.max_uids or leaving(look):
        return ""
    return "no uid is free, and nobody can be replaced yet"


def _owners_own(look: Look) -> set[int]:
    """The uids that never go: that of the owner's hotkey, and the oldest of its coldkey, as many as the rules allow."""
    subnet = look.subnet
    owned = [one for one in look.metagraph.neurons if _is_owners(look, one)]
    owned.sort(key=lambda one: (one.registered_at, one.uid))
    oldest = [one for one in owned if subnet.owner and one.coldkey == subnet.owner][: look.rules.immune_owner_uids]
    first = [one for one in owned if one.hotkey == subnet.owner_hotkey and one not in oldest]
    return {one.uid for one in [*first, *oldest][: look.rules.immune_owner_uids]}


def _is_owners(look: Look, neuron: Neuron) -> bool:
    subnet = look.subnet
    return neuron.hotkey == subnet.owner_hotkey or bool(subnet.owner and neuron.coldkey == subnet.owner)


def _places(look: Look) -> dict[int, int]:
    """The ranks by incentive, from 1, of neurons outside immunity, by uid."""
    ranked = [one for one in look.metagraph.neurons if not immunity_left(look, one)]
    ranked.sort(key=lambda one: (-one.incentive, one.registered_at, one.uid))
    return {one.uid: place for place, one in enumerate(ranked, 1)}


def _mean(rows: Mapping[int, Shares], stakes: Mapping[int, float]) -> dict[int, float]:
    """The average weight that these validators give each uid, weighted by stake; equally if none has stake."""
    total = math.fsum(stakes[uid] for uid in rows)
    mean: dict[int, float] = {}
    for uid, row in rows.items():
        part = stakes[uid] / total if total > 0 else 1 / len(rows)
        for target, share in row.items():
            mean[target] = mean.get(target, 0.0) + part * share
    return mean


def _majority(rows: Mapping[int, Shares], stakes: Mapping[int, float], kappa: float) -> dict[int, float]:
    """The largest weight of each uid that a `kappa` share of the stake supports, as the chain clips weights (Yuma)."""
    total = math.fsum(stakes[uid] for uid in rows) or 1.0
    given: dict[int, list[tuple[float, float]]] = {}
    for uid, row in rows.items():
        for target, share in row.items():
            given.setdefault(target, []).append((share, stakes[uid] / total))
    found = {}
    for target, pairs in given.items():
        pairs.sort(reverse=True)
        support = 0.0
        for share, stake in pairs:
            support += stake
            if support >= kappa - 1e-9:  # rounding, when shares add up to exactly kappa
                found[target] = share
                break
    return found


def _validator(uid: int, rows: Mapping[int, Shares], majority: Shares, neuron: Neuron, block: int) -> ValidatorView:
    own = rows[uid]
    apart = sorted((_apart(own, row), other) for other, row in rows.items() if other != uid)
    return ValidatorView(
        uid=uid,
        hotkey=neuron.hotkey,
        name=neuron.name,
        stake=neuron.stake,
        inherited=neuron.inherited,
        trust=neuron.validator_trust,
        quiet=block - neuron.last_update,
        given=len([share for share in own.values() if share > 0]),
        clipped=math.fsum(max(0.0, share - majority.get(target, 0.0)) for target, share in own.items()),
        nearest=apart[0][1] if apart else None,
        nearest_apart=apart[0][0] if apart else 0.0,
        farthest=apart[-1][1] if apart else None,
        farthest_apart=apart[-1][0] if apart else 0.0,
        top=max(own, key=lambda target: (own[target], -target)),
    )


def _apart(one: Shares, other: Shares) -> float:
    """The share of all weight that would have to move to make them equal."""
    return 1.0 - math.fsum(min(share, other[target]) for target, share in one.items() if target in other)
