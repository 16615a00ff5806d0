"""The embedded chain's state as clients read it."""

from msgspec.structs import replace

from engine.chain.embedded.epoch import next_epoch
from engine.chain.embedded.state import RAO, AxonInfo, ChainState, Slot, is_active
from engine.chain.embedded.weights import waiting_commits
from engine.chain.interface import Look
from engine.values import Hyperparameters, Metagraph, Neuron


def look_of(state: ChainState, *, hotkey: str = "", coldkey: str = "") -> Look:
    """The subnet, with what it holds for this hotkey and coldkey: nothing for unknown ones."""
    return Look(
        hotkey=hotkey,
        metagraph=_metagraph(state),
        rules=_rules(state),
        last_epoch=state.last_epoch,
        next_epoch=next_epoch(state),
        epoch_index=state.epochs,
        since_step=state.block - state.last_epoch,
        rows={uid: slot.weights for uid, slot in enumerate(state.slots) if slot.weights},
        commits=waiting_commits(state, hotkey),
        balance=state.balances.get(coldkey, 0) / RAO,
    )


def _rules(state: ChainState) -> Hyperparameters:
    """The hyperparameters, with the burn at this block."""
    return replace(state.rules, burn=state.burn / RAO)


def _metagraph(state: ChainState) -> Metagraph:
    """The subnet as clients read it."""
    return Metagraph(
        netuid=state.netuid,
        block=state.block,
        neurons=tuple(_neuron(state, uid, slot) for uid, slot in enumerate(state.slots)),
    )


def _neuron(state: ChainState, uid: int, slot: Slot) -> Neuron:
    account = state.hotkeys[slot.hotkey]
    axon = slot.axon or AxonInfo("", 0, 0)
    return Neuron(
        uid=uid,
        hotkey=slot.hotkey,
        coldkey=account.coldkey,
        ip=axon.ip,
        port=axon.port,
        axon_block=axon.block,
        stake=account.stake / RAO,
        collateral=account.locked / RAO,
        drain=state.rules.collateral_drain,
        validator_permit=slot.validator_permit,
        active=is_active(state, slot),
        incentive=slot.incentive,
        dividends=slot.dividends,
        consensus=slot.consensus,
        validator_trust=slot.validator_trust,
        emission=slot.emission / RAO,
        last_update=slot.last_update,
        registered_at=slot.registered_at,
    )
