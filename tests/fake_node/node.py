"""The node: JSON-RPC over a websocket in front of a chain, and the faults that a test or a script has it show."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from engine.values import Hyperparameters
from tests.fake_node import websocket
from tests.fake_node.chain import FINAL_AFTER, Block, FakeChain, RpcError, refused
from tests.fake_node.codec import Extrinsic
from tests.fake_node.metadata import at_spec

Fault = Literal["cut before", "cut after", "silence", "garbage", "drip", "error", "upgrade", "disown"]
"""The connection is cut before a request counts or after; no answer comes, or one that is not JSON, or a byte at a
time; the node has an error of its own; a new runtime is in force just before the request is looked at; or what the
node took is said to have a bad signature."""


class FakeNode:
    """A node of a chain of its own, or of one that others serve too. A test changes its public fields, and `script`s
    faults.

    `bare_pool_errors`: the pool says why in its message, as chopsticks does, and not in its data. `stuck`: its head
    stays where it was. `lies_by` is added to the number of every head that it tells. `stale`: the metadata that it
    serves is the runtime's before. `keeps` is how many blocks' state it has, None for all. `peers` is what it says of
    its neighbours. `asked` are the methods of all requests.
    """

    def __init__(self, netuid: int, rules: Hyperparameters, *, seed: int = 0, chain: FakeChain | None = None) -> None:
        self.chain = chain or FakeChain(netuid, rules, seed=seed)
        self.bare_pool_errors = False
        self.lies_by = 0
        self.stale = False
        self.keeps: int | None = None
        self.peers = 8
        self.asked: list[str] = []
        self.port = 0
        self._stuck_at: int | None = None
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def stuck(self) -> bool:
        return self._stuck_at is not None

    @stuck.setter
    def stuck(self, stuck: bool) -> None:
        self._stuck_at = len(self.chain.blocks) - 1 if stuck else None

    @property
    def blocks(self) -> list[Block]:
        """Those that it knows, or admits to."""
        return self.chain.blocks if self._stuck_at is None else self.chain.blocks[: self._stuck_at + 1]

    def script(self, method: str, *faults: Fault) -> None:
        """What the next requests of this method meet, one after another."""
        self._faults[method].extend(faults)

    def forget_script(self) -> None:
        """Meet no more of the faults that are scripted."""
        self._faults.clear()

    # -- its chain, for tests that have one node ---------------------------------------------------------------

    @property
    def head(self) -> Block:
        return self.chain.head

    @property
    def pool(self) -> list[Extrinsic]:
        return self.chain.pool

    @property
    def pooled(self) -> asyncio.Event:
        return self.chain.pooled

    @property
    def instant(self) -> bool:
        return self.chain.instant

    @instant.setter
    def instant(self, instant: bool) -> None:
        self.chain.instant = instant

    def fund(self, coldkey: str, tokens: float) -> None:
        self.chain.fund(coldkey, tokens)

    def adopt(self, hotkey: str, *, stake: float = 0.0) -> None:
        self.chain.adopt(hotkey, stake=stake)

    def make_block(self) -> None:
        self.chain.make_block()

    # -- JSON-RPC ----------------------------------------------------------------------------------------------

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of a request. Raises `RpcError`."""
        chain, blocks = self.chain, self.blocks
        match method, params:
            case "system_chain", _:
                return "Bittensor"
            case "system_health", _:
                return {"peers": self.peers, "isSyncing": False, "shouldHavePeers": True}
            case "chain_getBlockHash", []:
                return blocks[-1].hash
            case "chain_getBlockHash", [number]:
                return blocks[number].hash if number < len(blocks) else None
            case "chain_getFinalizedHead", _:
                return blocks[max(0, len(blocks) - 1 - FINAL_AFTER)].hash
            case "chain_getHeader", _:
                block = self._at(params)
                number = block.state.block + (self.lies_by if block is blocks[-1] else 0)
                return {"number": hex(number), "parentHash": block.parent, "digest": {"logs": []}}
            case "chain_getBlock", _:
                block = self._at(params)
                extrinsics = ["0x" + one.raw.hex() for one in block.extrinsics]
                return {"block": {"header": {"number": hex(block.state.block)}, "extrinsics": extrinsics}}
            case "state_getRuntimeVersion", _:
                return {"specVersion": chain.spec, "transactionVersion": chain.transaction_version}
            case "state_getMetadata", _:
                return at_spec(chain.metadata, chain.spec - 1) if self.stale else chain.metadata
            case "state_getStorage", [key, *at]:
                return self._at(at).storage.get(key)
            case "state_queryStorageAt", [keys, *at]:
                block = self._at(at)
                if self.keeps is not None and blocks[-1].state.block - block.state.block >= self.keeps:
                    raise RpcError(4003, "Client error: UnknownBlock", f"State already discarded for {block.hash}")
                return [{"block": block.hash, "changes": [[key, block.storage.get(key)] for key in keys]}]
            case "author_submitExtrinsic", [raw]:
                return chain.submit(raw, bare_errors=self.bare_pool_errors)
        raise RpcError(-32601, "Method not found", method)

    def _at(self, params: list[Any]) -> Block:
        if not (params and params[0]):
            return self.blocks[-1]
        block = next((one for one in reversed(self.blocks) if one.hash == params[0]), None)
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
            self.chain.upgrade()
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            if fault == "error":
                raise RpcError(-32603, "Internal error")
            body["result"] = self.answer(method, params)
        except RpcError as error:
            body["error"] = error.error
        if fault == "cut after":
            return False
        if fault == "disown":
            body.pop("result", None)
            body["error"] = refused("badProof", "Transaction has a bad signature", self.bare_pool_errors).error
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

    async def hang_up(self) -> None:
        """Cut every connection, and wait until none is left."""
        self.cut()
        while self._connections:  # noqa: ASYNC110 a few turns of the loop
            await asyncio.sleep(0)


@asynccontextmanager
async def running(node: FakeNode, *, port: int = 0) -> AsyncIterator[FakeNode]:
    """The node listening on loopback."""
    server = await asyncio.start_server(node.serve, "127.0.0.1", port)
    node.port = server.sockets[0].getsockname()[1]
    try:
        yield node
    finally:
        server.close()
        await node.hang_up()
