"""Blocks and epochs: who may validate, whose weights count, and what everyone earns."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from engine.chain.embedded.neurons import decayed_burn, earned
from engine.chain.embedded.state import RAO, ChainState, Hotkey, is_active, to_rao
from engine.chain.embedded.timelock import Payload, opened
from engine.chain.embedded.weights import reveal_due
from engine.chain.embedded.yuma import Row, Terms, normalised, terms_of
from engine.values import U16_MAX

EMISSION_PER_BLOCK = RAO
"""A subnet's emission per block."""

OWNER_CUT = 0.18
"""The subnet owner's share, which nobody earns here."""


def next_block(state: ChainState, opened: Callable[[bytes], Payload | None] = opened) -> ChainState:
    """The state one block later. An epoch is due when block - LastEpochBlock >= Tempo.

    `opened` opens the timelocked commits of the block's epoch.
    """
    state = replace(state, block=state.block + 1, burn=decayed_burn(state))
    if state.block < next_epoch(state):
        return state
    return reveal_due(run_epoch(state), opened)


def next_epoch(state: ChainState) -> int:
    """The block in which the next epoch runs."""
    return state.last_epoch + state.rules.tempo


def run_epoch(state: ChainState) -> ChainState:
    """The state after the epoch that runs in its block. Validators are the neurons that held a permit until now."""
    shares = _stake_shares(state)
    validating = [
        share if slot.validator_permit and is_active(state, slot) else 0.0
        for share, slot in zip(shares, state.slots, strict=True)
    ]
    active = normalised(validating)
    weights = {uid: row for uid, share in enumerate(active) if share > 0 and (row := _counted_weights(state, uid))}
    terms = terms_of(active, weights, state.rules.kappa, _kept_bonds(state))
    emission = _emission(terms, active if any(active) else shares, state.block - state.last_epoch)
    permits = _permitted(shares, state.rules.max_validators)
    bonds = _stored_bonds(terms, permits)
    return replace(
        state,
        last_epoch=state.block,
        epochs=state.epochs + 1,
        slots=tuple(
            replace(
                slot,
                validator_permit=uid in permits,
                bonds=bonds.get(uid, ()),
                consensus=terms.consensus[uid],
                incentive=terms.incentive[uid],
                dividends=terms.dividends[uid],
                validator_trust=terms.validator_trust[uid],
                emission=emission[uid],
            )
            for uid, slot in enumerate(state.slots)
        ),
        hotkeys=_paid(state, emission),
    )


def _stake_shares(state: ChainState) -> tuple[float, ...]:
    """Shares of the stake by uid, counting only those at or above the threshold."""
    threshold = to_rao(state.rules.stake_threshold)
    stakes = (state.stake_of(slot.hotkey) for slot in state.slots)
    return normalised([stake if stake >= threshold else 0 for stake in stakes])


def _counted_weights(state: ChainState, validator: int) -> Row:
    """A validator's weights as shares, without itself and without neurons registered after the weights were set."""
    own = state.slots[validator]
    counted = {
        uid: float(weight)
        for uid, weight in own.weights
        if uid != validator and weight > 0 and own.last_update > state.slots[uid].registered_at
    }
    return dict(zip(counted, normalised(list(counted.values())), strict=True))


def _kept_bonds(state: ChainState) -> dict[int, Row]:
    """The bonds of the last epoch by validator, without itself and without neurons registered since."""
    return {
        validator: {
            uid: float(bond)
            for uid, bond in slot.bonds
            if uid != validator and state.slots[uid].registered_at < state.last_epoch
        }
        for validator, slot in enumerate(state.slots)
        if slot.bonds
    }


def _stored_bonds(terms: Terms, permits: frozenset[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    """The bonds as stored: the largest to a miner is 65535; bonds of neurons without a permit are dropped."""
    largest: dict[int, float] = {}
    for row in terms.bonds.values():
        for uid, bond in row.items():
            largest[uid] = max(largest.get(uid, 0.0), bond)
    return {
        validator: tuple((uid, round(bond / largest[uid] * U16_MAX)) for uid, bond in sorted(row.items()))
        for validator, row in terms.bonds.items()
        if validator in permits
    }


def _emission(terms: Terms, by_stake: Sequence[float], blocks: int) -> tuple[int, ...]:
    """Rao by uid for this many blocks: half by incentive, half by dividends; by stake if nobody has set weights."""
    earned = [incentive + dividend for incentive, dividend in zip(terms.incentive, terms.dividends, strict=True)]
    parts = normalised(earned if any(earned) else by_stake)
    pool = EMISSION_PER_BLOCK * blocks * (1 - OWNER_CUT)
    return tuple(int(part * pool) for part in parts)


def _permitted(shares: Sequence[float], most: int) -> frozenset[int]:
    """The uids with the largest stakes, lower uids first among equals; never a uid without stake."""
    holders = sorted((uid for uid, share in enumerate(shares) if share > 0), key=lambda uid: (-shares[uid], uid))
    return frozenset(holders[:most])


def _paid(state: ChainState, emission: Sequence[int]) -> dict[str, Hotkey]:
    """The hotkeys' accounts with the emission added as stake; who earns nothing frees no collateral."""
    amounts = {slot.hotkey: amount for slot, amount in zip(state.slots, emission, strict=True)}
    drain = state.rules.collateral_drain
    return {hotkey: earned(account, amounts.get(hotkey, 0), drain) for hotkey, account in state.hotkeys.items()}
