"""The chain behind a fake node, or behind several: blocks, a pool, forks, and the embedded chain's rules."""

import asyncio
import hashlib
from functools import cached_property
from typing import Any

from engine.chain.embedded.epoch import next_block
from engine.chain.embedded.sandbox import adopted, fund
from engine.chain.embedded.state import ChainState, Refused, genesis
from engine.chain.embedded.timelock import Payload
from engine.keys import SS58_FORMAT, verify
from engine.values import Hyperparameters
from tests.fake_node.calls import apply, pool_code
from tests.fake_node.codec import Codec, Extrinsic, mainnet
from tests.fake_node.metadata import at_spec, grown, grown_codec
from tests.fake_node.storage import collateral, stored

FINAL_AFTER = 3
"""A block is final when so many have followed it, as on mainnet; no reorganisation goes deeper."""

_EVENTS = "Events"
_INFO = {"weight": {"ref_time": 1, "proof_size": 1}, "class": "Normal", "pays_fee": "No"}


class RpcError(Exception):
    """An error as JSON-RPC has it."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


class Block:
    """A block with the state that it left, and the runtime that was in force."""

    def __init__(
        self, codec: Codec, parent: str, state: ChainState, nonces: dict[str, int], *, spec: int, branch: int = 0
    ) -> None:
        self.codec, self.parent, self.state, self.nonces, self.spec = codec, parent, state, nonces, spec
        self.extrinsics: list[Extrinsic] = []
        self.results: list[int | None] = []
        self.also: dict[str, str] = {}
        seed = f"{parent} {state.block} {state.seed} {branch}".encode()
        self.hash = "0x" + hashlib.blake2b(seed, digest_size=32).hexdigest()

    @cached_property
    def storage(self) -> dict[str, str]:
        """Every item by its key. It is not looked at before the block is whole."""
        kept = collateral(self.state)
        return {**stored(self.codec, self.state, self.nonces), **dict([self._events()]), **self.also, **kept}

    def _events(self) -> tuple[str, str]:
        reveals = [
            _reveal(self.state.netuid, slot.hotkey)
            for slot in self.state.slots
            for ended in slot.ended
            if ended.block == self.state.block and ended.revealed
        ]
        outcomes = [_event(self.codec, at, error) for at, error in enumerate(self.results)]
        return self.codec.entry(_EVENTS, value=[*reveals, *outcomes], pallet="System")


def _reveal(netuid: int, hotkey: str) -> dict[str, Any]:
    """What the runtime says when it has set the weights of a timelocked commit, before any extrinsic of its block."""
    event = {"SubtensorModule": {"TimelockedWeightsRevealed": (netuid, hotkey)}}
    return {"phase": "Initialization", "event": event, "topics": []}


def _event(codec: Codec, at: int, error: int | None) -> dict[str, Any]:
    """What the runtime says of the extrinsic in this place: it went well, or the number of its error."""
    if error is None:
        event: dict[str, Any] = {"ExtrinsicSuccess": {"dispatch_info": _INFO}}
    else:
        module = {"Module": {"index": codec.pallet_index, "error": f"0x{error:02x}000000"}}
        event = {"ExtrinsicFailed": {"dispatch_error": module, "dispatch_info": _INFO}}
    return {"phase": {"ApplyExtrinsic": at}, "event": {"System": event}, "topics": []}


class FakeChain:
    """Blocks with one subnet. `landed` are the calls that went well, as (block, signer, name, arguments), on this
    branch.

    `instant`: what is sent is in a block at once; otherwise blocks come by `make_block` only. `metadata` is that of the
    runtime in force, `spec`; storage and events stay encoded by mainnet's. `pooled` is set with the first extrinsic.
    """

    def __init__(self, netuid: int, rules: Hyperparameters, *, seed: int = 0) -> None:
        self.codec = mainnet()
        self.metadata = self.codec.hex
        self.instant = True
        self.spec, self.transaction_version = 424, 1
        self.pool: list[Extrinsic] = []
        self.pooled = asyncio.Event()
        self.sealed: dict[bytes, Payload] = {}
        """What timelocked commits hold: a real chain learns it from the beacon, and this one is told."""
        self.loses = 0
        """So many of the next extrinsics are taken into the pool and included in no block."""
        self._branch = 0
        self._has_grown = False
        first = Block(self.codec, "0x" + "00" * 32, genesis(netuid, rules, seed), {}, spec=self.spec)
        self.blocks = [first]

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    @property
    def landed(self) -> list[tuple[int, str, str, dict[str, Any]]]:
        """The calls that went well, oldest first."""
        return [
            (block.state.block, address(one), *self.call(one.call))
            for block in self.blocks
            for one, error in zip(block.extrinsics, block.results, strict=True)
            if error is None
        ]

    def fund(self, coldkey: str, tokens: float) -> None:
        """Give tokens to a coldkey, in the head block."""
        self.amend(fund(self.head.state, coldkey=coldkey, amount=tokens))

    def adopt(self, hotkey: str, *, stake: float = 0.0) -> None:
        """Register a hotkey in the head block, with stake, as its own coldkey."""
        self.amend(adopted(self.head.state, hotkey=hotkey, coldkey=hotkey, stake=stake))

    def amend(self, state: ChainState) -> None:
        """Give the head block another state."""
        self.head.state = state
        self.head.__dict__.pop("storage", None)

    def store(self, item: str, *params: Any, value: Any) -> None:
        """Have something stored from the head block on that the embedded chain knows nothing of."""
        self.head.also = self.head.also | dict([self.codec.entry(item, *params, value=value)])
        self.head.__dict__.pop("storage", None)

    # -- blocks ------------------------------------------------------------------------------------------------

    def make_block(self) -> None:
        """The next block, with what the pool holds."""
        parent = self.head
        state, nonces = next_block(parent.state, self.sealed.get), dict(parent.nonces)
        block = Block(self.codec, parent.hash, state, nonces, spec=self.spec, branch=self._branch)
        block.also = parent.also
        waiting, self.pool = self.pool, []
        for extrinsic in waiting:
            signer = address(extrinsic)
            if extrinsic.nonce > nonces.get(signer, 0):
                self.pool.append(extrinsic)
            if extrinsic.nonce != nonces.get(signer, 0) or not self._is_valid(extrinsic, state.block):
                continue
            nonces[signer] = extrinsic.nonce + 1
            block.extrinsics.append(extrinsic)
            try:
                block.state = state = apply(state, signer, *self.call(extrinsic.call))
                block.results.append(None)
            except Refused as refusal:
                block.results.append(self.codec.error_index(refusal.name))
        self.blocks.append(block)

    def call(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """A call's name and arguments, by the metadata in force."""
        return (grown_codec() if self._has_grown else self.codec).call(data)

    def reorganise(self, depth: int) -> None:
        """Another branch wins: the newest blocks never were, others are in their place, and what they held is back in
        the pool, where a node puts it."""
        depth = min(depth, FINAL_AFTER, len(self.blocks) - 1)
        dropped, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        self._branch += 1
        held, self.pool = [one for block in dropped for one in block.extrinsics] + self.pool, []
        for _ in range(depth):
            self.make_block()
        self.pool = held

    def forked(self) -> "FakeChain":
        """A chain with the same blocks up to now, and others from now on."""
        other = FakeChain(self.head.state.netuid, self.head.state.rules, seed=self.head.state.seed)
        other.blocks, other.spec, other.metadata = [*self.blocks], self.spec, self.metadata
        other._branch = self._branch + 1_000_000
        return other

    def upgrade(self, metadata: str = "") -> None:
        """A new runtime is in force from the next block on, with this metadata or with the same."""
        self.spec += 1
        self._has_grown = self._has_grown or metadata == grown()
        self.metadata = at_spec(metadata or self.metadata, self.spec)

    # -- what is sent to it ------------------------------------------------------------------------------------

    def submit(self, raw: str, *, bare_errors: bool = False) -> str:
        """Take an extrinsic into the pool. Raises `RpcError`, `bare_errors` as chopsticks words them."""
        try:
            extrinsic = Extrinsic.parse(bytes.fromhex(raw[2:]))
        except (ValueError, IndexError) as error:
            raise RpcError(1002, "Verification Error: Execution failed", str(error)) from error
        signer, head = address(extrinsic), self.head
        if not self._is_valid(extrinsic, head.state.block):
            raise refused("badProof", "Transaction has a bad signature", bare_errors)
        if extrinsic.nonce < head.nonces.get(signer, 0):
            raise refused("stale", "Transaction is outdated", bare_errors)
        for other in self.pool:
            if other.raw == extrinsic.raw:
                raise RpcError(1013, "Transaction is temporarily banned or already imported")
            if (other.signer, other.nonce) == (extrinsic.signer, extrinsic.nonce):
                raise RpcError(1014, "Priority is too low: (0 vs 0)")
        name, given = self.call(extrinsic.call)
        try:
            apply(head.state, signer, name, given)
        except Refused as refusal:
            code = pool_code(name, refusal)
            if code is not None:
                raise refused({"custom": code}, f"Custom error: {code}", bare_errors) from refusal
        if self.loses:
            self.loses -= 1
            return extrinsic.hash
        self.pool.append(extrinsic)
        self.pooled.set()
        if self.instant:
            self.make_block()
        return extrinsic.hash

    def _is_valid(self, extrinsic: Extrinsic, now: int) -> bool:
        """Whether its era lasts, and its signature is over what this runtime and this branch make of it."""
        birth, last = extrinsic.born(now)
        if last < now or birth >= len(self.blocks):
            return False
        payload = extrinsic.payload(
            spec=self.spec,
            transaction=self.transaction_version,
            genesis=self.blocks[0].hash,
            birth=self.blocks[birth].hash,
        )
        return verify(address(extrinsic), payload, "0x" + extrinsic.signature.hex())


def address(extrinsic: Extrinsic) -> str:
    """Its signer."""
    from substrateinterface.utils.ss58 import ss58_encode

    return str(ss58_encode(extrinsic.signer, SS58_FORMAT))


def refused(why: str | dict[str, int], said: str, bare: bool) -> RpcError:
    """A pool refusal, as a node words it or, `bare`, as chopsticks does."""
    if not bare:
        return RpcError(1010, "Invalid Transaction", said)
    invalid = "{" + f'"{why}":null' + "}" if isinstance(why, str) else str(why).replace("'", '"').replace(" ", "")
    return RpcError(1010, '{"invalid":' + invalid + "}")
