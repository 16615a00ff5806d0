"""Reads a subnet as of one block from the runtime's storage: at most three round trips for 256 neurons.

The first reads the subnet's own values and its hotkeys, the second the items of each hotkey, and the third those of
their coldkeys and parents. Items that only newer runtimes have are read if they exist.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.chain.interface import Look
from engine.chain.substrate.reveal_queue import commits, epochs_to_reveal, timelocked, weights_index
from engine.chain.substrate.schedule import schedule_items, schedule_of
from engine.chain.substrate.storage import SUBNETS, SYSTEM, Item, Query, Storage, Values
from engine.text import safe
from engine.values import RAO, U16_MAX, Consensus, Hyperparameters, Kin, Metagraph, Neuron, Subnet

U64_MAX = 2**64 - 1
NAME_CELLS = 32
NOBODY = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM"
"""The all-zero account, which stands for "none"."""

ROOT = 0
"""The root network, where stake is in TAO and counts on every subnet, scaled by TaoWeight."""

DRAND, TIMESTAMP = "Drand", "Timestamp"

USUAL_UIDS = 256
"""How many uids are requested before their number is known: most subnets have this many."""

RULES = (
    "WeightsSetRateLimit", "ServingRateLimit", "ImmunityPeriod", "MinAllowedWeights", "MaxAllowedUids",
    "MaxAllowedValidators", "WeightsVersionKey", "CommitRevealWeightsEnabled", "RevealPeriodEpochs",
    "NetworkRegistrationAllowed", "Burn", "Kappa", "BlocksSinceLastStep",
)  # fmt: skip
VECTORS = (
    "Active", "ValidatorPermit", "Consensus", "Dividends", "ValidatorTrust", "Emission",
)  # fmt: skip
OF_MECHANISM = ("Incentive", "LastUpdate")
"""Items of the subnets' pallet by netuid: rules, and one value per uid. The last two, the weights
and the commits are stored by the number of a mechanism (`weights_index`), which equals the netuid for a subnet's first
mechanism."""

EXTRAS = (
    "SubnetEpochConsensus", "CollateralLockShare", "CollateralDrainRatio", "NetworkPowRegistrationAllowed",
    "BurnHalfLife", "BurnIncreaseMult", "ImmuneOwnerUidsLimit", "MinNonImmuneUids",
    "SubnetOwner", "SubnetOwnerHotkey", "MinerBurned", "SubnetMovingPrice", "TokenSymbol", "SubnetIdentitiesV3",
    "MechanismCountCurrent", "ActivityCutoffFactorMilli", "ActivityCutoff",
)  # fmt: skip
"""Also by netuid; a runtime may lack them."""

COLLATERAL = "MinerCollateral"


class NotOnChain(Exception):
    """The chain does not have the subnet that was asked for."""


class _Own(Struct, frozen=True, kw_only=True):
    """The stored items of one hotkey on the subnet. Stakes in rao, shares out of 2^64 - 1."""

    uid: int
    hotkey: str
    coldkey: str
    axon: dict[str, Any] | None
    registered_at: int
    alpha: int
    root: int
    parents: list[tuple[int, str]]
    children: list[tuple[int, str]]
    take: int


def read_look(
    storage: Storage,
    query: Query,
    netuid: int,
    hotkey: str,
    coldkey: str,
    uids: int = USUAL_UIDS,
    *,
    mechanism: int = 0,
) -> Look:
    """The subnet, with the weights of one of its mechanisms and what it holds for these keys.

    `uids` is how many uids are expected; more of them cost another round trip. Raises `NotOnChain`, `Unfit`.
    """
    index = weights_index(netuid, mechanism)
    schedule = schedule_items(storage)
    extras = [name for name in EXTRAS if storage.has(SUBNETS, name)]
    versions = [name for name in ("CommitRevealWeightsVersion",) if storage.has(SUBNETS, name)]
    beacon = [name for name in ("LastStoredRound",) if storage.has(DRAND, name)]
    clock = [name for name in ("Now",) if storage.has(TIMESTAMP, name)]
    named: list[Item] = [
        (SYSTEM, "Number"),
        *((TIMESTAMP, name) for name in clock),
        *((SUBNETS, name) for name in ("StakeThreshold", "TaoWeight", *versions)),
        *((DRAND, name) for name in beacon),
        *((SUBNETS, name, netuid) for name in ("NetworksAdded", "SubnetworkN", *schedule, *RULES, *VECTORS, *extras)),
        *((SUBNETS, name, index) for name in OF_MECHANISM),
        *([(SYSTEM, "Account", coldkey)] if coldkey else []),
        *([(SUBNETS, "WeightCommits", index, hotkey)] if hotkey else []),
    ]
    found = storage.read(query, [*named, *_keys(netuid, range(uids))])
    of_subnet = {item[1]: value for item, value in zip(named, found, strict=False)}
    if not of_subnet["NetworksAdded"]:
        raise NotOnChain(f"this chain has no subnet {netuid}; name one that it has with --netuid")
    number = of_subnet["SubnetworkN"]
    hotkeys = found[len(named) :][:number]
    hotkeys += storage.read(query, _keys(netuid, range(uids, number))) if number > uids else []

    block = int(of_subnet["Number"])
    epochs = schedule_of(of_subnet, netuid, block)
    owns, rows = _owns(storage, query, netuid, index, hotkeys, _validating(of_subnet, hotkeys, hotkey))
    queues = epochs_to_reveal(storage, of_subnet, epochs, index)
    names, locked, alphas, queued = _beyond(storage, query, netuid, owns, queues)
    weight = of_subnet["TaoWeight"] / U64_MAX
    neurons = tuple(
        _neuron(own, of_subnet, names.get(own.coldkey, ""), locked.get(own.hotkey), alphas, weight) for own in owns
    )
    return Look(
        hotkey=hotkey,
        metagraph=Metagraph(netuid=netuid, block=block, neurons=neurons),
        rules=_rules(of_subnet),
        subnet=_subnet(of_subnet),
        last_epoch=epochs.last,
        next_epoch=epochs.next,
        pending_epoch=epochs.pending,
        epoch_index=epochs.index,
        since_step=of_subnet["BlocksSinceLastStep"],
        rows=rows,
        beacon_round=of_subnet.get("LastStoredRound", 0),
        commits=(
            *commits(of_subnet.get("WeightCommits") or (), block),
            *(timelocked(epochs, of_subnet["RevealPeriodEpochs"], queued, hotkey) if hotkey else ()),
        ),
        balance=of_subnet["Account"]["data"]["free"] / RAO if coldkey else 0.0,
        made_at=of_subnet.get("Now", 0) / 1000,
    )


def _keys(netuid: int, uids: Iterable[int]) -> list[Item]:
    return [(SUBNETS, "Keys", netuid, uid) for uid in uids]


def _validating(of_subnet: Values, hotkeys: Sequence[str], hotkey: str) -> list[int]:
    """The uids whose weights count, and that of this hotkey."""
    permits = of_subnet["ValidatorPermit"]
    return [uid for uid, one in enumerate(hotkeys) if one == hotkey or (uid < len(permits) and permits[uid])]


def _owns(
    storage: Storage, query: Query, netuid: int, index: int, hotkeys: Sequence[str], validating: Sequence[int]
) -> tuple[list[_Own], dict[int, tuple[tuple[int, int], ...]]]:
    """The items of each hotkey, with its weights if it has any."""
    items = [
        item
        for uid, one in enumerate(hotkeys)
        for item in (
            (SUBNETS, "Owner", one),
            (SUBNETS, "Axons", netuid, one),
            (SUBNETS, "BlockAtRegistration", netuid, uid),
            (SUBNETS, "TotalHotkeyAlpha", one, netuid),
            (SUBNETS, "TotalHotkeyAlpha", one, ROOT),
            (SUBNETS, "ParentKeys", one, netuid),
            (SUBNETS, "ChildKeys", one, netuid),
            (SUBNETS, "ChildkeyTake", one, netuid),
        )
    ]
    found = iter(storage.read(query, [*items, *((SUBNETS, "Weights", index, uid) for uid in validating)]))
    owns = [
        _Own(
            uid=uid,
            hotkey=one,
            coldkey=_account(next(found)),
            axon=next(found),
            registered_at=next(found),
            alpha=next(found),
            root=next(found),
            parents=next(found),
            children=next(found),
            take=next(found),
        )
        for uid, one in enumerate(hotkeys)
    ]
    return owns, {uid: row for uid, row in zip(validating, found, strict=True) if row}


def _beyond(
    storage: Storage, query: Query, netuid: int, owns: Sequence[_Own], queues: Sequence[Item]
) -> tuple[dict[str, str], dict[str, dict[str, Any]], dict[str, tuple[int, int]], list[Any]]:
    """Names by coldkey, collateral by hotkey, the alpha and root stake of each hotkey that delegates or receives stake,
    and the content of these queues."""
    alphas = {own.hotkey: (own.alpha, own.root) for own in owns}
    coldkeys = sorted({own.coldkey for own in owns if own.coldkey})
    parents = sorted({parent for own in owns for _, parent in own.parents} - set(alphas))
    bound = [own for own in owns if own.coldkey] if storage.has(SUBNETS, COLLATERAL) else []
    named = coldkeys if storage.has(SUBNETS, "IdentitiesV2") else []
    found = iter(
        storage.read(
            query,
            [
                *((SUBNETS, "IdentitiesV2", coldkey) for coldkey in named),
                *((SUBNETS, COLLATERAL, netuid, own.hotkey, own.coldkey) for own in bound),
                *((SUBNETS, "TotalHotkeyAlpha", parent, at) for parent in parents for at in (netuid, ROOT)),
                *queues,
            ],
        )
    )
    names = {coldkey: identity for coldkey in named if (identity := _name(next(found), "name"))}
    locked = {own.hotkey: state for own in bound if (state := next(found))}
    alphas |= {parent: (next(found), next(found)) for parent in parents}
    return names, locked, alphas, list(found)


# -- stored values as domain objects ----------------------------------------------------------------------


def _rules(stored: Values) -> Hyperparameters:
    usual = Hyperparameters()
    return Hyperparameters(
        tempo=stored["Tempo"],
        weights_rate_limit=stored["WeightsSetRateLimit"],
        serving_rate_limit=stored["ServingRateLimit"],
        immunity_period=stored["ImmunityPeriod"],
        min_allowed_weights=stored["MinAllowedWeights"],
        max_uids=stored["MaxAllowedUids"],
        max_validators=stored["MaxAllowedValidators"],
        stake_threshold=stored["StakeThreshold"] / RAO,
        weights_version=stored["WeightsVersionKey"],
        commit_reveal=stored["CommitRevealWeightsEnabled"],
        reveal_period=stored["RevealPeriodEpochs"],
        commit_reveal_version=stored.get("CommitRevealWeightsVersion", 0),
        registration_allowed=stored["NetworkRegistrationAllowed"],
        burn=stored["Burn"] / RAO,
        kappa=round(stored["Kappa"] / U16_MAX, 4),  # 32767 of 65535 means one half
        activity_cutoff=_activity_cutoff(stored, usual.activity_cutoff),
        consensus=consensus_of(stored),
        collateral_share=min(stored.get("CollateralLockShare", 0) / U16_MAX, 1.0),
        collateral_drain=_fixed(stored.get("CollateralDrainRatio"), 64, usual.collateral_drain),
        pow_registration=bool(stored.get("NetworkPowRegistrationAllowed", False)),
        burn_half_life=stored.get("BurnHalfLife", usual.burn_half_life),
        burn_increase=_fixed(stored.get("BurnIncreaseMult"), 64, usual.burn_increase),
        immune_owner_uids=stored.get("ImmuneOwnerUidsLimit", usual.immune_owner_uids),
        min_mortal=stored.get("MinNonImmuneUids", 0),
    )


def _activity_cutoff(stored: Values, usual: int) -> int:
    """After so many blocks without weights a validator no longer counts; older runtimes store the number itself."""
    if "ActivityCutoffFactorMilli" in stored:
        return int(stored["ActivityCutoffFactorMilli"] * stored["Tempo"] // 1000)
    return int(stored.get("ActivityCutoff", usual))


def consensus_of(stored: Values) -> Consensus:
    """The consensus mode of a subnet; runtimes before it had modes have Yuma."""
    return "null" if stored.get("SubnetEpochConsensus") in ("Null", 1) else "yuma"


def _subnet(stored: Values) -> Subnet:
    return Subnet(
        name=_name(stored.get("SubnetIdentitiesV3"), "subnet_name"),
        symbol=_text(stored.get("TokenSymbol")),
        owner=_account(stored.get("SubnetOwner")),
        owner_hotkey=_account(stored.get("SubnetOwnerHotkey")),
        price=_fixed(stored.get("SubnetMovingPrice"), 32, 0.0),
        burned=min(_fixed(stored.get("MinerBurned"), 32, 0.0), 1.0),
        mechanisms=max(stored.get("MechanismCountCurrent", 1), 1),
    )


def _account(stored: str | None) -> str:
    return "" if stored in (None, NOBODY) else str(stored)


def _fixed(stored: Any, fraction: int, default: float) -> float:
    """A fixed-point number with this many fractional bits; the default if the runtime has none."""
    return stored["bits"] / 2**fraction if isinstance(stored, dict) else default


def _name(identity: Any, field: str) -> str:
    return _text(identity.get(field)) if isinstance(identity, dict) else ""


def _text(stored: Any) -> str:
    """Bytes that somebody stored on chain, as one clean line."""
    return safe(stored.decode(errors="replace"), NAME_CELLS).strip() if isinstance(stored, bytes) else ""


def _neuron(
    own: _Own,
    stored: Values,
    name: str,
    locked: dict[str, Any] | None,
    alphas: Mapping[str, tuple[int, int]],
    tao_weight: float,
) -> Neuron:
    """The neuron of one uid; the vectors may be shorter than the subnet. Its stake is what the chain counts for
    permits: alpha and root stake, each less what goes to children plus what comes from parents."""
    ip, port, axon_block = _axon(own.axon)
    from_parents = sum(share * _weighed(alphas[parent], tao_weight) for share, parent in own.parents) / U64_MAX
    to_children = sum(share for share, _ in own.children) * _weighed((own.alpha, own.root), tao_weight) / U64_MAX

    def at(vector: str, default: Any = 0) -> Any:
        return stored[vector][own.uid] if own.uid < len(stored[vector]) else default

    return Neuron(
        uid=own.uid,
        hotkey=own.hotkey,
        coldkey=own.coldkey,
        name=name,
        ip=ip,
        port=port,
        axon_block=axon_block,
        stake=(_weighed((own.alpha, own.root), tao_weight) + from_parents - to_children) / RAO,
        inherited=(from_parents - to_children) / RAO,
        root=own.root * tao_weight / RAO,
        collateral=locked["locked"] / RAO if locked else 0.0,
        drain=_fixed(locked["drain_ratio"], 64, 1.0) if locked else 1.0,
        parents=_kin(own.parents),
        children=_kin(own.children),
        take=own.take / U16_MAX,
        validator_permit=at("ValidatorPermit", False),
        active=at("Active", True),
        incentive=at("Incentive") / U16_MAX,
        dividends=at("Dividends") / U16_MAX,
        consensus=at("Consensus") / U16_MAX,
        validator_trust=at("ValidatorTrust") / U16_MAX,
        emission=at("Emission") / RAO,
        last_update=at("LastUpdate"),
        registered_at=own.registered_at,
    )


def _weighed(stake: tuple[int, int], tao_weight: float) -> float:
    alpha, root = stake
    return alpha + root * tao_weight


def _kin(stored: Iterable[tuple[int, str]]) -> tuple[Kin, ...]:
    return tuple(Kin(hotkey, share / U64_MAX) for share, hotkey in stored)


def _axon(stored: dict[str, Any] | None) -> tuple[str, int, int]:
    """Address, port and block of an axon; an all-zero address means none."""
    if not stored or not stored["ip"]:
        return "", 0, stored["block"] if stored else 0
    made = ipaddress.IPv6Address if stored["ip_type"] == 6 else ipaddress.IPv4Address
    try:
        return str(made(stored["ip"])), stored["port"], stored["block"]
    except ValueError:  # an IPv4 axon with more than 32 bits
        return "", 0, stored["block"]
