"""The node: blocks, a pool, storage and events behind JSON-RPC, and the faults that a test scripts."""

import asyncio
import hashlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Literal

import msgspec

from engine.chain.embedded.epoch import next_block
from engine.chain.embedded.sandbox import adopted, fund
from engine.chain.embedded.state import ChainState, Refused, genesis
from engine.keys import SS58_FORMAT, verify
from engine.values import Hyperparameters
from tests.fake_node import websocket
from tests.fake_node.calls import apply, pool_code
from tests.fake_node.codec import Codec, Extrinsic, mainnet
from tests.fake_node.storage import stored

Fault = Literal["cut before", "cut after", "silence", "garbage", "drip", "error", "upgrade"]
"""The connection is cut before a request counts or after; no answer comes, or one that is not JSON, or a byte at a
time; the node has an error of its own; or a new runtime is in force just before the request is looked at."""

_EVENTS = "Events"
_INFO = {"weight": {"ref_time": 1, "proof_size": 1}, "class": "Normal", "pays_fee": "No"}


class RpcError(Exception):
    """An error as JSON-RPC has it."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


class Block:
    """A block with the state that it left."""

    def __init__(self, codec: Codec, parent: str, state: ChainState, nonces: dict[str, int]) -> None:
        self.codec, self.parent, self.state, self.nonces = codec, parent, state, nonces
        self.extrinsics: list[Extrinsic] = []
        self.results: list[int | None] = []
        seed = f"{parent} {state.block} {state.seed}".encode()
        self.hash = "0x" + hashlib.blake2b(seed, digest_size=32).hexdigest()

    @cached_property
    def storage(self) -> dict[str, str]:
        """Every item by its key. It is not looked at before the block is whole."""
        return {**stored(self.codec, self.state, self.nonces), **dict([self._events()])}

    def _events(self) -> tuple[str, str]:
        return self.codec.entry(
            _EVENTS, value=[_event(self.codec, at, error) for at, error in enumerate(self.results)], pallet="System"
        )


def _event(codec: Codec, at: int, error: int | None) -> dict[str, Any]:
    """What the runtime says of the extrinsic in this place: it went well, or the number of its error."""
    if error is None:
        event: dict[str, Any] = {"ExtrinsicSuccess": {"dispatch_info": _INFO}}
    else:
        module = {"Module": {"index": codec.pallet_index, "error": f"0x{error:02x}000000"}}
        event = {"ExtrinsicFailed": {"dispatch_error": module, "dispatch_info": _INFO}}
    return {"phase": {"ApplyExtrinsic": at}, "event": {"System": event}, "topics": []}


class FakeNode:
    """A node with one subnet. A test changes its public fields, and `script`s faults.

    `instant`: what is sent is in a block at once; otherwise blocks come by `make_block` only. `bare_pool_errors`: the
    pool says why in its message, as chopsticks does, and not in its data. `metadata` is what is served; storage and
    events stay encoded by mainnet's. `asked` are the methods of all requests; `pooled` is set with the first extrinsic.
    """

    def __init__(self, netuid: int, rules: Hyperparameters, *, seed: int = 0) -> None:
        self.codec = mainnet()
        self.metadata = self.codec.hex
        self.instant = True
        self.bare_pool_errors = False
        self.spec, self.transaction_version = 424, 1
        self.asked: list[str] = []
        self.pool: list[Extrinsic] = []
        self.pooled = asyncio.Event()
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._connections: set[asyncio.StreamWriter] = set()
        self._blocks = [Block(self.codec, "0x" + "00" * 32, genesis(netuid, rules, seed), {})]
        self._by_hash = {self.head.hash: self.head}
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def head(self) -> Block:
        """The newest block."""
        return self._blocks[-1]

    def script(self, method: str, *faults: Fault) -> None:
        """What the next requests of this method meet, one after another."""
        self._faults[method].extend(faults)

    # -- the chain ---------------------------------------------------------------------------------------------

    def fund(self, coldkey: str, tokens: float) -> None:
        """Give tokens to a coldkey, in the head block."""
        self._amend(fund(self.head.state, coldkey=coldkey, amount=tokens))

    def adopt(self, hotkey: str, *, stake: float = 0.0) -> None:
        """Register a hotkey in the head block, with stake, as its own coldkey."""
        self._amend(adopted(self.head.state, hotkey=hotkey, coldkey=hotkey, stake=stake))

    def make_block(self) -> None:
        """The next block, with what the pool holds."""
        parent = self.head
        state, nonces = next_block(parent.state), dict(parent.nonces)
        block = Block(self.codec, parent.hash, state, nonces)
        waiting, self.pool = self.pool, []
        for extrinsic in waiting:
            signer = _address(extrinsic)
            if extrinsic.born(state.block)[1] < state.block:
                continue
            nonces[signer] = extrinsic.nonce + 1
            block.extrinsics.append(extrinsic)
            try:
                block.state = state = apply(state, signer, *self.codec.call(extrinsic.call))
                block.results.append(None)
            except Refused as refusal:
                block.results.append(self.codec.error_index(refusal.name))
        self._blocks.append(block)
        self._by_hash[block.hash] = block

    def _amend(self, state: ChainState) -> None:
        self.head.state = state
        self.head.__dict__.pop("storage", None)

    # -- what is sent to it ------------------------------------------------------------------------------------

    def submit(self, raw: str) -> str:
        """Take an extrinsic into the pool. Raises `RpcError`."""
        try:
            extrinsic = Extrinsic.parse(bytes.fromhex(raw[2:]))
        except (ValueError, IndexError) as error:
            raise RpcError(1002, "Verification Error: Execution failed", str(error)) from error
        signer, head = _address(extrinsic), self.head
        birth, _ = extrinsic.born(head.state.block)
        payload = extrinsic.payload(
            spec=self.spec,
            transaction=self.transaction_version,
            genesis=self._blocks[0].hash,
            birth=self._blocks[birth].hash,
        )
        if not verify(signer, payload, "0x" + extrinsic.signature.hex()):
            raise self._refused("badProof", "Transaction has a bad signature")
        if extrinsic.nonce < head.nonces.get(signer, 0):
            raise self._refused("stale", "Transaction is outdated")
        for other in self.pool:
            if other.raw == extrinsic.raw:
                raise RpcError(1013, "Transaction is temporarily banned or already imported")
            if (other.signer, other.nonce) == (extrinsic.signer, extrinsic.nonce):
                raise RpcError(1014, "Priority is too low: (0 vs 0)")
        name, given = self.codec.call(extrinsic.call)
        try:
            apply(head.state, signer, name, given)
        except Refused as refusal:
            code = pool_code(name, refusal)
            if code is not None:
                raise self._refused({"custom": code}, f"Custom error: {code}") from refusal
        self.pool.append(extrinsic)
        self.pooled.set()
        if self.instant:
            self.make_block()
        return extrinsic.hash

    def _refused(self, why: str | dict[str, int], said: str) -> RpcError:
        invalid = {why: None} if isinstance(why, str) else why
        if self.bare_pool_errors:
            return RpcError(1010, json.dumps({"invalid": invalid}, separators=(",", ":")))
        return RpcError(1010, "Invalid Transaction", said)

    # -- JSON-RPC ----------------------------------------------------------------------------------------------

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of a request. Raises `RpcError`."""
        match method, params:
            case "system_chain", _:
                return "Bittensor"
            case "chain_getBlockHash", []:
                return self.head.hash
            case "chain_getBlockHash", [number]:
                return self._blocks[number].hash if number < len(self._blocks) else None
            case "chain_getHeader", _:
                block = self._at(params)
                return {"number": hex(block.state.block), "parentHash": block.parent, "digest": {"logs": []}}
            case "chain_getBlock", _:
                block = self._at(params)
                extrinsics = ["0x" + one.raw.hex() for one in block.extrinsics]
                return {"block": {"header": {"number": hex(block.state.block)}, "extrinsics": extrinsics}}
            case "state_getRuntimeVersion", _:
                return {"specVersion": self.spec, "transactionVersion": self.transaction_version}
            case "state_getMetadata", _:
                return self.metadata
            case "state_getStorage", [key, *at]:
                return self._at(at).storage.get(key)
            case "state_queryStorageAt", [keys, *at]:
                block = self._at(at)
                return [{"block": block.hash, "changes": [[key, block.storage.get(key)] for key in keys]}]
            case "author_submitExtrinsic", [raw]:
                return self.submit(raw)
        raise RpcError(-32601, "Method not found", method)

    def _at(self, params: list[Any]) -> Block:
        block = self._by_hash.get(params[0]) if params and params[0] else self.head
        if block is None:
            raise RpcError(4003, "Client error: UnknownBlock", f"State already discarded for {params[0]}")
        return block

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        self._connections.add(writer)
        try:
            await websocket.shake_hands(reader, writer)
            async for text in websocket.texts(reader, writer):
                if not await self._respond(text, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, StopIteration):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _respond(self, text: str, writer: asyncio.StreamWriter) -> bool:
        """Answer a request, well or by the script; False cuts the connection."""
        asked = msgspec.json.decode(text, type=dict[str, Any])
        method, params = asked["method"], asked.get("params") or []
        self.asked.append(method)
        faults = self._faults[method]
        fault = faults.popleft() if faults else None
        if fault == "cut before":
            return False
        if fault == "upgrade":
            self.spec += 1
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            if fault == "error":
                raise RpcError(-32603, "Internal error")
            body["result"] = self.answer(method, params)
        except RpcError as refused:
            body["error"] = refused.error
        if fault == "cut after":
            return False
        if fault == "silence":
            return True
        frame = websocket.text_frame("<html>502</html>" if fault == "garbage" else json.dumps(body))
        pieces = [frame] if fault != "drip" else [frame[at : at + 1] for at in range(len(frame))]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if fault == "drip":
                await asyncio.sleep(0.5)
        return True

    def cut(self) -> None:
        """Cut every connection, and a drip with it."""
        for writer in self._connections:
            writer.transport.abort()


def _address(extrinsic: Extrinsic) -> str:
    from substrateinterface.utils.ss58 import ss58_encode

    return str(ss58_encode(extrinsic.signer, SS58_FORMAT))


@asynccontextmanager
async def running(node: FakeNode, *, port: int = 0) -> AsyncIterator[FakeNode]:
    """The node listening on loopback."""
    server = await asyncio.start_server(node.serve, "127.0.0.1", port)
    node.port = server.sockets[0].getsockname()[1]
    try:
        yield node
    finally:
        server.close()
        node.cut()
