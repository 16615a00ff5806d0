"""A node of the real chain through `substrate-interface`: synchronous, for one thread, in a process of its own.

The runtime in force is looked up once per request (`_follow`), and its metadata is loaded when it changes: no specific
version is expected. Unknown items are ignored; a missing item that we need is named.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from scalecodec.base import ScaleBytes
from substrateinterface import Keypair, SubstrateInterface
from substrateinterface.exceptions import StorageFunctionNotFound, SubstrateRequestException
from substrateinterface.storage import StorageKey
from substrateinterface.transport import WebsocketTransport

from engine.chain.commitment import largest_commit
from engine.chain.interface import CannotSeal, Fate, Look
from engine.chain.substrate.glance import Unfit, require_same_chain, require_true_head
from engine.chain.substrate.messages import (
    ERA_BLOCKS,
    Anchor,
    Connected,
    Included,
    NotYet,
    PalletCall,
    Pooled,
    ReadFate,
    ReadPrices,
    Rejection,
    Seal,
    SealedWeights,
    Unsigned,
)
from engine.chain.substrate.node_socket import NodeSocket
from engine.chain.substrate.reads import USUAL_UIDS, consensus_of, read_look
from engine.chain.substrate.refusals import refusal
from engine.chain.substrate.reveal_queue import timelocked_commits, weights_index
from engine.chain.substrate.runtime import Runtime
from engine.chain.substrate.storage import SUBNETS, SYSTEM, Item, lacking
from engine.chain.substrate.timelock import SCHEDULE, seal
from engine.keys import SS58_FORMAT
from engine.values import RAO

MOST_BLOCKS = 100
"""Most blocks searched in one request."""

REORG_BLOCKS = 10
"""How many blocks a reorganisation may take the head back; mainnet finalises about three blocks behind it."""


REVEALED = "TimelockedWeightsRevealed"
"""The event of a timelocked commit whose weights were set: where they are stored, and whose they are."""

RUNTIMES_KEPT = 2
"""Endpoints may run two runtimes while an upgrade goes round."""


class _Interface(SubstrateInterface):  # type: ignore[misc]
    def init_runtime(self, block_hash: str | None = None, block_id: int | None = None) -> None:
        """Do nothing: the library would ask again at every step, and then use the runtime of the parent block."""


class NodeConnection:
    """A connection to one node at a time. After any error from the library it cannot be trusted: `reconnect`.

    Any call may raise `Unfit`, and `look` raises `NotOnChain` if there is no such subnet.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        """Connect. `timeout_s` limits each answer."""
        self._api = _Interface(
            url=url,
            ss58_format=SS58_FORMAT,
            ws_options={"timeout": timeout_s, "class_": NodeSocket},
            use_remote_preset=False,
            auto_discover=False,
            auto_reconnect=False,
        )
        self.url = url
        self._spec = 0
        self._runtimes: dict[str, Runtime] = {}
        self._said = 0
        self._uids: dict[int, int] = {}

    def reconnect(self, url: str) -> None:
        """Replace the connection. The metadata is kept while the runtime stays the same."""
        self._api.transport.websocket.shutdown()  # `close` would wait for the other end
        self.url = url
        self._api.transport = WebsocketTransport(  # a new one: the old keeps whatever a node sent that nobody asked for
            url, ws_options=self._api.ws_options, auto_reconnect=False, debug_fn=self._api.debug_message
        )
        self._spec = self._said = 0

    def check(self, anchor: Anchor) -> Connected:
        """Describe the node, which must be on the anchor's chain and report its true head."""
        agreed = require_same_chain(self._rpc, anchor)
        require_true_head(self._rpc)
        self._follow(self._head_hash())
        return Connected(chain=str(self._rpc("system_chain")), spec=self._spec, anchor=agreed)

    def head(self) -> int:
        """The number of the head block."""
        self._said = self._number("")
        return self._said

    # -- reading -----------------------------------------------------------------------------------------------

    def look(self, netuid: int, hotkey: str, coldkey: str, mechanism: int = 0) -> Look:
        """The subnet, with what it holds for these keys, all at one block: five round trips."""
        at = self._head_hash()
        self._follow(at)
        expected = max(USUAL_UIDS, self._uids.get(netuid, 0))
        look = read_look(
            self._storage, partial(self._query, at), netuid, hotkey, coldkey, expected, mechanism=mechanism
        )
        self._uids[netuid] = len(look.metagraph.neurons)
        if self._said > look.block + REORG_BLOCKS:
            raise Unfit(f"it says that its head is block {self._said}, whose state is that of block {look.block}")
        return look

    def _query(self, at: str, keys: Sequence[str]) -> dict[str, str | None]:
        """What is stored under these keys in the block `at`, in one round trip."""
        if not keys:
            return {}
        [found] = self._rpc("state_queryStorageAt", list(keys), at)
        return dict(found["changes"])

    def _read(self, at: str, items: Sequence[Item]) -> list[Any]:
        """The values of these items in the block `at`, in one round trip; defaults where nothing is stored."""
        keys = [self._key(item) for item in items]
        stored = self._query(at, [key.to_hex() for key in keys])
        return [_value(key, stored.get(key.to_hex())) for key in keys]

    def _key(self, item: Item) -> StorageKey:
        pallet, name, *keys = item
        try:
            return StorageKey.create_from_storage_function(
                pallet, name, keys, runtime_config=self._api.runtime_config, metadata=self._api.metadata
            )
        except StorageFunctionNotFound as error:
            raise lacking(self._spec, pallet, name) from error

    def fate(self, asked: ReadFate) -> Fate:
        """What has become of a timelocked commit: the block in which it left the queue is found by bisection.

        Only final blocks count. Most nodes discard the state of all but the last 256.
        """
        last = self._number(str(self._rpc("chain_getFinalizedHead")))
        left = self._waiting(last, asked)
        if last <= asked.since or left is None or asked.commit in left:
            return Fate("waiting")
        before, after = asked.since, last
        while after - before > 1:
            middle = (before + after) // 2
            waiting = self._waiting(middle, asked)
            if waiting is None or asked.commit in waiting:
                before = middle
            else:
                after, left = middle, waiting
        waiting = self._waiting(before, asked)
        if waiting is None or asked.commit not in waiting:
            return Fate("unknown")
        revealed = self._reveals(after, asked)
        if revealed is None or 0 < revealed < len(waiting - left):
            return Fate("unknown")
        return Fate("revealed" if revealed else "dropped", after)

    def prices(self, asked: ReadPrices) -> Iterator[tuple[int, float]]:
        """Each block with the price of a registration in it, as far back as the node keeps them."""
        for number in asked.blocks:
            at = str(self._rpc("chain_getBlockHash", number))
            try:
                [price] = self._storage.read(partial(self._query, at), [(SUBNETS, "Burn", asked.netuid)])
            except SubstrateRequestException:
                return
            yield number, price / RAO

    def _waiting(self, number: int, asked: ReadFate) -> frozenset[str] | None:
        """The hotkey's commits that waited in this block; None if the node has discarded its state."""
        at = str(self._rpc("chain_getBlockHash", number))
        try:
            self._follow(at)
            query = partial(self._query, at)
            return timelocked_commits(self._storage, query, asked.netuid, asked.mechanism, asked.hotkey)
        except SubstrateRequestException:
            return None

    def _reveals(self, number: int, asked: ReadFate) -> int | None:
        """How many commits of the hotkey were revealed in this block; None if the runtime does not say."""
        at = str(self._rpc("chain_getBlockHash", number))
        self._follow(at)
        if REVEALED not in {event.name for event in self._api.metadata.get_metadata_pallet(SUBNETS).events or ()}:
            return None
        [told] = self._read(at, [(SYSTEM, "Events")])
        whose = (weights_index(asked.netuid, asked.mechanism), asked.hotkey)
        return len([one for one in told if one["event_id"] == REVEALED and tuple(one["attributes"]) == whose])

    def seal(self, asked: Seal) -> SealedWeights | Rejection:
        """Seal weights by the schedule of the head block."""
        at = self._head_hash()
        self._follow(at)
        size = [name for name in ("SubnetEpochConsensus", "MechanismCountCurrent") if self._storage.has(SUBNETS, name)]
        found = self._storage.read(
            partial(self._query, at),
            [
                (SYSTEM, "Number"),
                (SUBNETS, "CommitRevealWeightsVersion"),
                *((SUBNETS, name, asked.netuid) for name in (*SCHEDULE, *size)),
            ],
        )
        block, version, *schedule = found[: 2 + len(SCHEDULE)]
        limits = dict(zip(size, found[2 + len(SCHEDULE) :], strict=True))
        most = largest_commit(consensus_of(limits), limits.get("MechanismCountCurrent", 1))
        try:
            return SealedWeights(seal(asked, block=block, schedule=tuple(schedule), version=version, most=most))
        except CannotSeal as error:
            return Rejection(str(error))

    # -- sending -----------------------------------------------------------------------------------------------

    def compose(self, call: PalletCall) -> Unsigned | Rejection:
        """The call with its nonce and era, and the bytes to sign."""
        at = self._head_hash()
        self._follow(at)
        form = next((form for form in call.forms if self._has_call(form[0])), None)
        if form is None:
            names = " or ".join(name for name, _ in call.forms)
            return Rejection(f"CallNotFound: the chain's runtime {self._spec} has no {names}")
        name, arguments = form
        head = self._number(at)
        born = head if call.born is None else call.born
        if not head - ERA_BLOCKS < born <= head:
            return Rejection(f"Stale: this call belongs to block {born}, and the head of {self.url} is block {head}")
        [account] = self._read(at, [(SYSTEM, "Account", call.signer)])
        try:
            composed = self._api.compose_call(SUBNETS, name, dict(arguments))
        except (ValueError, TypeError, NotImplementedError) as error:
            return Rejection(f"InvalidArguments: {name}: {error}")
        payload = self._api.generate_signature_payload(composed, era=_era(born), nonce=account["nonce"])
        return Unsigned(
            signer=call.signer,
            name=name,
            arguments=arguments,
            nonce=account["nonce"],
            born=born,
            payload=bytes(payload.data),
        )

    def send(self, unsigned: Unsigned, signature: bytes) -> Pooled | Rejection:
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
            return Pooled(str(self._rpc("author_submitExtrinsic", str(extrinsic.data))))
        except SubstrateRequestException as error:
            told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            reason = refusal(told, unsigned.name)
            if reason is None:
                raise
            return Rejection(reason)

    def find(self, reference: str, first: int) -> Included | NotYet:
        """Search at most `MOST_BLOCKS` blocks, from `first` to the head, for an extrinsic."""
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
        """The error of the extrinsic at this index of a block; "" if it succeeded."""
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
        """Use the runtime in force at the block `at`, whose metadata is loaded unless it is one of the last."""
        version = self._rpc("state_getRuntimeVersion", at)
        if version["specVersion"] == self._spec:
            return
        self._spec = 0
        metadata = str(self._rpc("state_getMetadata", at))
        digest = hashlib.blake2b(metadata.encode()).hexdigest()
        runtime = self._runtimes.pop(digest, None) or Runtime(metadata, version["specVersion"])
        kept = list(self._runtimes.items())[1 - RUNTIMES_KEPT :]
        self._runtimes = dict([*kept, (digest, runtime)])
        self._api.runtime_config, self._api.metadata, self._storage = runtime.types, runtime.metadata, runtime.storage
        described = self._api.get_constant(SYSTEM, "Version").value["spec_version"]
        if described != version["specVersion"]:
            raise Unfit(f"it runs runtime {version['specVersion']} and serves the metadata of {described}")
        self._spec = self._api.runtime_version = version["specVersion"]
        self._api.transaction_version = version["transactionVersion"]

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
