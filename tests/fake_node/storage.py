"""The embedded chain's state as mainnet's runtime would store it."""

import ipaddress
from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.chain.embedded.state import ChainState, Slot, is_active, to_rao
from engine.chain.embedded.weights import waiting_commits
from tests.fake_node.codec import Codec
from tests.fake_node.metadata import grown_codec

U16 = 65535


def stored(codec: Codec, state: ChainState, nonces: Mapping[str, int]) -> dict[str, str]:
    """Every item by its key, both "0x…"."""
    entry, netuid, rules = codec.entry, state.netuid, state.rules
    subnet = partial(entry, pallet="SubtensorModule")
    items = {
        "Tempo": rules.tempo,
        "CommitRevealWeightsEnabled": rules.commit_reveal,
        "RevealPeriodEpochs": rules.reveal_period,
        "WeightsSetRateLimit": rules.weights_rate_limit,
        "MinAllowedWeights": rules.min_allowed_weights,
        "WeightsVersionKey": rules.weights_version,
        "ImmunityPeriod": rules.immunity_period,
        "MaxAllowedValidators": rules.max_validators,
        "MaxAllowedUids": rules.max_uids,
        "ServingRateLimit": rules.serving_rate_limit,
        "Burn": state.burn,
        "NetworkRegistrationAllowed": rules.registration_allowed,
        "ActivityCutoff": rules.activity_cutoff,
        "ActivityCutoffFactorMilli": rules.activity_cutoff * 1000 // rules.tempo,
        "NetworkPowRegistrationAllowed": rules.pow_registration,
        "BurnHalfLife": rules.burn_half_life,
        "BurnIncreaseMult": {"bits": int(rules.burn_increase * 2**64)},
        "ImmuneOwnerUidsLimit": rules.immune_owner_uids,
        "MinNonImmuneUids": rules.min_mortal,
        "Kappa": int(rules.kappa * U16),
        "LastEpochBlock": state.last_epoch,
        "SubnetEpochIndex": state.epochs,
        "BlocksSinceLastStep": state.block - state.last_epoch,
        "NetworksAdded": True,
        "SubnetworkN": len(state.slots),
        "Active": [is_active(state, slot) for slot in state.slots],
        "ValidatorPermit": [slot.validator_permit for slot in state.slots],
        "Consensus": [int(slot.consensus * U16) for slot in state.slots],
        "Incentive": [int(slot.incentive * U16) for slot in state.slots],
        "Dividends": [int(slot.dividends * U16) for slot in state.slots],
        "ValidatorTrust": [int(slot.validator_trust * U16) for slot in state.slots],
        "Emission": [slot.emission for slot in state.slots],
        "LastUpdate": [slot.last_update for slot in state.slots],
    }
    return dict(
        (
            entry("Number", value=state.block, pallet="System"),
            entry("StakeThreshold", value=to_rao(rules.stake_threshold)),
            *(subnet(name, netuid, value=value) for name, value in items.items()),
            *(one for uid, slot in enumerate(state.slots) for one in _neuron(codec, state, uid, slot)),
            entry("CommitRevealWeightsVersion", value=rules.commit_reveal_version),
            *_timelocked(codec, state),
            *(entry("Owner", hotkey, value=account.coldkey) for hotkey, account in state.hotkeys.items()),
            *(
                entry("TotalHotkeyAlpha", hotkey, netuid, value=account.stake)
                for hotkey, account in state.hotkeys.items()
            ),
            *(
                entry("Account", who, value=_account(nonces.get(who, 0), state.balances.get(who, 0)), pallet="System")
                for who in {*nonces, *state.balances}
            ),
        )
    )


def collateral(state: ChainState) -> dict[str, str]:
    """What only runtimes with collateral store, by its key: nothing on a subnet without any."""
    rules = state.rules
    bound = {hotkey: account for hotkey, account in state.hotkeys.items() if account.locked or account.floor}
    if not (rules.collateral_share or bound):
        return {}
    entry, drain = grown_codec().entry, {"bits": int(rules.collateral_drain * 2**64)}
    return dict(
        (
            entry("CollateralLockShare", state.netuid, value=round(rules.collateral_share * U16)),
            entry("CollateralDrainRatio", state.netuid, value=drain),
            *(
                entry(
                    "MinerCollateral",
                    state.netuid,
                    hotkey,
                    account.coldkey,
                    value={"locked": account.locked, "min_locked": account.floor, "earned": 0, "drain_ratio": drain},
                )
                for hotkey, account in bound.items()
            ),
        )
    )


def _timelocked(codec: Codec, state: ChainState) -> list[tuple[str, str]]:
    """The timelocked commits of each epoch; the round is looked at by nobody but a real chain."""
    queues: dict[int, list[tuple[str, int, str, int]]] = {}
    for slot in state.slots:
        for commit in slot.commits:
            if commit.sealed:
                entry = (slot.hotkey, commit.block, "0x" + commit.sealed.hex(), 0)
                queues.setdefault(commit.epoch, []).append(entry)
    return [codec.entry("TimelockedWeightCommits", state.netuid, epoch, value=queue) for epoch, queue in queues.items()]


def _neuron(codec: Codec, state: ChainState, uid: int, slot: Slot) -> list[tuple[str, str]]:
    netuid, entry = state.netuid, codec.entry
    waiting = waiting_commits(state, slot.hotkey)
    commits = [(one.hash, one.block, one.reveal_from, one.reveal_until) for one in waiting if not one.timelocked]
    found = [
        entry("Keys", netuid, uid, value=slot.hotkey),
        entry("Uids", netuid, slot.hotkey, value=uid),
        entry("BlockAtRegistration", netuid, uid, value=slot.registered_at),
        entry("Weights", netuid, uid, value=list(slot.weights)),
        entry("WeightCommits", netuid, slot.hotkey, value=commits),
    ]
    if slot.axon is not None:
        address = ipaddress.ip_address(slot.axon.ip)
        axon = {
            "block": slot.axon.block,
            "version": 1,
            "ip": int(address),
            "port": slot.axon.port,
            "ip_type": address.version,
            "protocol": 4,
            "placeholder1": 0,
            "placeholder2": 0,
        }
        found.append(entry("Axons", netuid, slot.hotkey, value=axon))
    return found


def _account(nonce: int, rao: int) -> dict[str, Any]:
    funds = {"free": rao, "reserved": 0, "frozen": 0, "flags": 0}
    return {"nonce": nonce, "consumers": 0, "providers": 1, "sufficients": 0, "data": funds}
