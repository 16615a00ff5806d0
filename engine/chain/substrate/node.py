"""A node of the real chain through `substrate-interface`: synchronous, for one thread, in a process of its own.

Which runtime is in force is looked up once a request (`_follow`), and its metadata is loaded when it is new: no version
is expected. What we do not know of it is left alone; an item that we need and it lacks is named.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from scalecodec.base import ScaleBytes
from substrateinterface import Keypair, SubstrateInterface
from substrateinterface.exceptions import StorageFunctionNotFound, SubstrateRequestException
from substrateinterface.storage import StorageKey

from engine.chain.interface import Look
from engine.chain.substrate.messages import (
    ERA_BLOCKS,
    Anchor,
    Call,
    Connected,
    Included,
    NotYet,
    Refusal,
    Taken,
    Unsigned,
)
from engine.chain.substrate.refusals import refusal
from engine.chain.substrate.sight import Unfit, require_same_chain, require_true_head
from engine.keys import SS58_FORMAT
from engine.values import Hyperparameters, Metagraph, Neuron, WeightCommit

RAO = 10**9
U16_MAX = 65535

SUBNETS, SYSTEM = "SubtensorModule", "System"

MOST_BLOCKS = 100
"""Blocks that are looked through in one request."""

REORG_BLOCKS = 10
"""A head may go back by so many blocks when another branch wins; mainnet finalises about three blocks behind it."""

RULES = (
    "Tempo", "WeightsSetRateLimit", "ServingRateLimit", "ImmunityPeriod", "MinAllowedWeights", "MaxAllowedUids",
    "MaxAllowedValidators", "WeightsVersionKey", "CommitRevealWeightsEnabled", "RevealPeriodEpochs",
    "NetworkRegistrationAllowed", "Burn", "Kappa", "ActivityCutoffFactorMilli",
)  # fmt: skip
EPOCHS = ("LastEpochBlock", "PendingEpochAt", "SubnetEpochIndex", "BlocksSinceLastStep")
VECTORS = (
    "Active", "ValidatorPermit", "Consensus", "Incentive", "Dividends", "ValidatorTrust", "Emission", "LastUpdate",
)  # fmt: skip
"""What the subnets' pallet stores by netuid: rules, the schedule of epochs, and a value for each uid. The last three of
those are also stored for each mechanism of a subnet, and by netuid for its first."""

Item = tuple[Any, ...]
"""A storage item: its pallet, its name, and its keys."""


class NotOnChain(Exception):
    """The chain does not have what was asked for."""


class _Interface(SubstrateInterface):  # type: ignore[misc]
    def init_runtime(self, block_hash: str | None = None, block_id: int | None = None) -> None:
        """Nothing: the library would ask again at every step, and then take the runtime of the parent block."""


class Node:
    """A connection to one node at a time. Whatever the library raises makes the connection doubtful: `reconnect`.

    Any call may raise `Unfit`, and `look` raises `NotOnChain` where there is no such subnet.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        """Connect. `timeout_s` is for each answer."""
        self._api = _Interface(
            url=url,
            ss58_format=SS58_FORMAT,
            ws_options={"timeout": timeout_s},
            use_remote_preset=False,
            auto_discover=False,
            auto_reconnect=False,
        )
        self.url = url
        self._spec = 0
        self._metadata = ""
        self._said = 0

    def reconnect(self, url: str) -> None:
        """Replace the connection. The metadata is kept for as long as the runtime is the same."""
        if self._api.websocket is not None:
            self._api.websocket.shutdown()  # a close would wait for the other end
        self._api.transport.url = self.url = url
        self._api.connect_websocket()
        self._spec = self._said = 0

    def check(self, anchor: Anchor) -> Connected:
        """What answers, which must be on the chain of the anchor, and say truly where it is."""
        agreed = require_same_chain(self._rpc, anchor)
        require_true_head(self._rpc)
        self._follow(self._head_hash())
        return Connected(chain=str(self._rpc("system_chain")), spec=self._spec, anchor=agreed)

    def head(self) -> int:
        """The number of the head block."""
        self._said = self._number("")
        return self._said

    # -- reading -----------------------------------------------------------------------------------------------

    def look(self, netuid: int, hotkey: str, coldkey: str) -> Look:
        """The subnet and what it has of these keys, all of one block: five round trips."""
        at = self._head_hash()
        self._follow(at)
        of_subnet = self._read_named(
            at,
            [
                (SYSTEM, "Number"),
                (SUBNETS, "StakeThreshold"),
                *((SUBNETS, name, netuid) for name in ("NetworksAdded", "SubnetworkN", *RULES, *EPOCHS, *VECTORS)),
                *([(SYSTEM, "Account", coldkey)] if coldkey else []),
                *([(SUBNETS, "WeightCommits", netuid, hotkey)] if hotkey else []),
            ],
        )
        if not of_subnet["NetworksAdded"]:
            raise NotOnChain(f"this chain has no subnet {netuid}")
        hotkeys = self._read(at, [(SUBNETS, "Keys", netuid, uid) for uid in range(of_subnet["SubnetworkN"])])
        own = [(SUBNETS, "Weights", netuid, hotkeys.index(hotkey))] if hotkey in hotkeys else []
        each = self._read(
            at,
            [
                *own,
                *(
                    item
                    for uid, one in enumerate(hotkeys)
                    for item in (
                        (SUBNETS, "Owner", one),
                        (SUBNETS, "Axons", netuid, one),
                        (SUBNETS, "TotalHotkeyAlpha", one, netuid),
                        (SUBNETS, "BlockAtRegistration", netuid, uid),
                    )
                ),
            ],
        )
        weights = each.pop(0) if own else ()
        block = int(of_subnet["Number"])
        if self._said > block + REORG_BLOCKS:
            raise Unfit(f"it says that its head is block {self._said}, whose state is that of block {block}")
        last_epoch, next_epoch = _epochs(of_subnet, block)
        return Look(
            hotkey=hotkey,
            metagraph=Metagraph(
                netuid=netuid,
                block=block,
                neurons=tuple(
                    _neuron(uid, one, of_subnet, each[4 * uid : 4 * uid + 4]) for uid, one in enumerate(hotkeys)
                ),
            ),
            rules=_rules(of_subnet),
            last_epoch=last_epoch,
            next_epoch=next_epoch,
            epoch_index=of_subnet["SubnetEpochIndex"],
            pending_epoch=of_subnet["PendingEpochAt"],
            since_step=of_subnet["BlocksSinceLastStep"],
            rows={hotkeys.index(hotkey): tuple((uid, weight) for uid, weight in weights)} if own else {},
            commits=_commits(of_subnet.get("WeightCommits") or (), block),
            balance=of_subnet["Account"]["data"]["free"] / RAO if coldkey else 0.0,
        )

    def _read_named(self, at: str, items: Sequence[Item]) -> dict[str, Any]:
        return {item[1]: value for item, value in zip(items, self._read(at, items), strict=True)}

    def _read(self, at: str, items: Sequence[Item]) -> list[Any]:
        """The values of these items in the block `at`, in one round trip; a default where nothing is stored."""
        keys = [self._key(item) for item in items]
        if not keys:
            return []
        [found] = self._rpc("state_queryStorageAt", [key.to_hex() for key in keys], at)
        stored = dict(found["changes"])
        return [_value(key, stored.get(key.to_hex())) for key in keys]

    def _key(self, item: Item) -> StorageKey:
        pallet, name, *keys = item
        try:
            return StorageKey.create_from_storage_function(
                pallet, name, keys, runtime_config=self._api.runtime_config, metadata=self._api.metadata
            )
        except StorageFunctionNotFound as error:
            raise Unfit(f"its runtime {self._spec} does not store {pallet}.{name}, which is needed") from error

    # -- sending -----------------------------------------------------------------------------------------------

    def compose(self, call: Call) -> Unsigned | Refusal:
        """The call with its nonce and its era, and what is to be signed."""
        at = self._head_hash()
        self._follow(at)
        form = next((form for form in call.forms if self._has_call(form[0])), None)
        if form is None:
            raise Unfit(f"its runtime {self._spec} has no {' or '.join(name for name, _ in call.forms)}")
        name, arguments = form
        born = self._number(at)
        [account] = self._read(at, [(SYSTEM, "Account", call.signer)])
        try:
            composed = self._api.compose_call(SUBNETS, name, dict(arguments))
        except (ValueError, TypeError, NotImplementedError) as error:
            return Refusal(f"InvalidArguments: {name}: {error}")
        payload = self._api.generate_signature_payload(composed, era=_era(born), nonce=account["nonce"])
        return Unsigned(
            signer=call.signer,
            name=name,
            arguments=arguments,
            nonce=account["nonce"],
            born=born,
            payload=bytes(payload.data),
        )

    def send(self, unsigned: Unsigned, signature: bytes) -> Taken | Refusal:
        """Hand the signed call to the node's pool."""
        call = self._api.compose_call(SUBNETS, unsigned.name, dict(unsigned.arguments))
        extrinsic = self._api.create_signed_extrinsic(
            call,
            Keypair(ss58_address=unsigned.signer, ss58_format=SS58_FORMAT),
            era=_era(unsigned.born),
            nonce=unsigned.nonce,
            signature=signature,
        )
        try:
            return Taken(str(self._rpc("author_submitExtrinsic", str(extrinsic.data))))
        except SubstrateRequestException as error:
            told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            reason = refusal(told, unsigned.name)
            if reason is None:
                raise
            return Refusal(reason)

    def find(self, reference: str, first: int) -> Included | NotYet:
        """Look for an extrinsic in the blocks from `first` to the head, at most `MOST_BLOCKS` of them."""
        last = min(self.head(), first + MOST_BLOCKS - 1)
        for number in range(first, last + 1):
            at = str(self._rpc("chain_getBlockHash", number))
            extrinsics = self._rpc("chain_getBlock", at)["block"]["extrinsics"]
            if reference in (hashes := [_hash(one) for one in extrinsics]):
                return Included(block=number, error=self._error_in(at, hashes.index(reference)))
        return NotYet(max(last, first - 1))

    def _has_call(self, name: str) -> bool:
        calls = self._api.metadata.get_metadata_pallet(SUBNETS).calls or ()
        return any(call.name == name for call in calls)

    def _error_in(self, at: str, place: int) -> str:
        """The error of the extrinsic in this place of a block, "" where it went well."""
        [events] = self._read(at, [(SYSTEM, "Events")])
        for event in events:
            if event["event_id"] == "ExtrinsicFailed" and event["extrinsic_idx"] == place:
                return self._error_name(event["attributes"]["dispatch_error"])
        return ""

    def _error_name(self, error: Any) -> str:
        if not isinstance(error, dict):
            return str(error)
        kind, detail = next(iter(error.items()))
        if kind != "Module":
            return f"{kind}: {detail}"
        index = detail["error"]
        if isinstance(index, str):
            index = int(index[2:4], 16)
        found = self._api.metadata.get_module_error(module_index=detail["index"], error_index=index)
        if found is None:
            return f"UnknownError: number {index} of pallet {detail['index']}"
        return f"{found.name}: {' '.join(found.docs)}".rstrip(": ")

    # -- the runtime -------------------------------------------------------------------------------------------

    def _follow(self, at: str) -> None:
        """Have the metadata of the runtime that is in force in the block `at`."""
        version = self._rpc("state_getRuntimeVersion", at)
        if version["specVersion"] == self._spec:
            return
        metadata = str(self._rpc("state_getMetadata", at))
        digest = hashlib.blake2b(metadata.encode()).hexdigest()
        if digest != self._metadata:
            self._metadata = ""
            self._load(metadata)
        described = self._api.get_constant(SYSTEM, "Version").value["spec_version"]
        if described != version["specVersion"]:
            raise Unfit(f"it runs runtime {version['specVersion']} and serves the metadata of {described}")
        self._metadata = digest
        self._spec = self._api.runtime_version = version["specVersion"]
        self._api.transaction_version = version["transactionVersion"]

    def _load(self, metadata: str) -> None:
        """Items that we do not know are as good as any. Raises `Unfit`."""
        api = self._api
        try:
            api.metadata = api.runtime_config.create_scale_object("MetadataVersioned", data=ScaleBytes(metadata))
            api.metadata.decode()
            api.reload_type_registry(use_remote_preset=False, auto_discover=False)
            api.runtime_config.add_portable_registry(api.metadata)
        except Exception as error:  # of the library, which raises whatever comes up
            raise Unfit(f"its metadata cannot be read ({type(error).__name__}): it is too old") from error

    def _head_hash(self) -> str:
        return str(self._rpc("chain_getBlockHash"))

    def _number(self, at: str) -> int:
        return int(self._rpc("chain_getHeader", *([at] if at else []))["number"], 16)

    def _rpc(self, method: str, *params: Any) -> Any:
        return self._api.rpc_request(method, list(params))["result"]


def _value(key: StorageKey, stored: str | None) -> Any:
    decoded = key.decode_scale_value(ScaleBytes(stored) if stored is not None else None)
    return decoded.value


def _hash(extrinsic: str) -> str:
    return "0x" + hashlib.blake2b(bytes.fromhex(extrinsic[2:]), digest_size=32).hexdigest()


def _era(born: int) -> dict[str, int]:
    return {"period": ERA_BLOCKS, "current": born}


# -- what is stored, as the field's nouns ----------------------------------------------------------------------


def _rules(stored: dict[str, Any]) -> Hyperparameters:
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
        registration_allowed=stored["NetworkRegistrationAllowed"],
        burn=stored["Burn"] / RAO,
        kappa=round(stored["Kappa"] / U16_MAX, 4),  # 32767 of 65535 is meant as one half
        activity_cutoff=stored["ActivityCutoffFactorMilli"] * stored["Tempo"] // 1000,
    )


def _epochs(stored: dict[str, Any], block: int) -> tuple[int, int]:
    """The blocks of the last epoch and of the next one, which an owner may call for earlier than the tempo has it."""
    last, pending = stored["LastEpochBlock"], stored["PendingEpochAt"]
    due = last + stored["Tempo"]
    return last, max(min(due, pending) if pending else due, block + 1)


def _neuron(uid: int, hotkey: str, stored: dict[str, Any], own: Sequence[Any]) -> Neuron:
    """`own` is its coldkey, axon, stake and block of registration; the vectors may be shorter than the subnet."""
    coldkey, axon, alpha, registered_at = own
    ip, port, axon_block = _axon(axon)

    def at(name: str, default: Any = 0) -> Any:
        return stored[name][uid] if uid < len(stored[name]) else default

    return Neuron(
        uid=uid,
        hotkey=hotkey,
        coldkey=coldkey or "",
        ip=ip,
        port=port,
        axon_block=axon_block,
        stake=alpha / RAO,
        validator_permit=at("ValidatorPermit", False),
        active=at("Active", True),
        incentive=at("Incentive") / U16_MAX,
        dividends=at("Dividends") / U16_MAX,
        consensus=at("Consensus") / U16_MAX,
        validator_trust=at("ValidatorTrust") / U16_MAX,
        emission=at("Emission") / RAO,
        last_update=at("LastUpdate"),
        registered_at=registered_at,
    )


def _axon(stored: dict[str, Any] | None) -> tuple[str, int, int]:
    """Address, port and block of an axon; an address of zeros is none."""
    if not stored or not stored["ip"]:
        return "", 0, stored["block"] if stored else 0
    made = ipaddress.IPv6Address if stored["ip_type"] == 6 else ipaddress.IPv4Address
    try:
        return str(made(stored["ip"])), stored["port"], stored["block"]
    except ValueError:  # an IPv4 axon with more than 32 bits
        return "", 0, stored["block"]


def _commits(stored: Iterable[Sequence[Any]], block: int) -> tuple[WeightCommit, ...]:
    """Those that can still be revealed: the chain keeps the others until the next commit."""
    return tuple(
        WeightCommit(hash=bound, block=made, reveal_from=first, reveal_until=last)
        for bound, made, first, last in stored
        if last >= block
    )
