"""Many miners in one process: real Loosh desks, each on its own socket, that answer at once.

They cost as little as possible, so that the validator is what is measured. `python -m benchmarks.stub_miners COUNT`
prints their peers as one JSON line and serves until its stdin ends.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from benchmarks.answers import answer
from benchmarks.processes import python, running
from engine.transport.desk import Desk
from engine.transport.dialect import ChallengeRoute, HandshakeRoute, LookupRoute, MinerEnd
from engine.transport.dialects.loosh import LOOSH
from engine.transport.errors import Refusal
from engine.transport.exchange import AVAILABILITY_PATH
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import RsaKey
from engine.transport.wire import Completion
from engine.values import Peer
from tests.unit.chain_helpers import key as keypair

LOOPBACK = "127.0.0.1"
END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def stub_miners(count: int) -> Iterator[tuple[Peer, ...]]:
    """Run `count` of them in one other process."""
    with running(python("benchmarks.stub_miners", str(count))) as process:
        assert process.stdout is not None
        yield msgspec.json.decode(process.stdout.readline(), type=tuple[Peer, ...])


class Posted(NamedTuple):
    """A `dialect.Received`."""

    target: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: bytes) -> str | None:
        return self.headers.get(name.decode())


class StubMiner:
    """One miner: the routes of the dialect, without limits and without a queue."""

    def __init__(self, number: int, rsa: RsaKey) -> None:
        self._number = number
        self._turn = 0
        signer = keypair(f"stub/{number}")
        self._hotkey = signer.ss58_address
        self._desk = Desk(LOOSH, MinerEnd(signer=signer, rsa=rsa), MemoryNonces(), allowed=lambda _: None)

    async def listen(self) -> Peer:
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), LOOPBACK, 0)
        return Peer(self._hotkey, LOOPBACK, server.sockets[0].getsockname()[1])

    async def serve(self, call: Posted) -> bytes:
        """The body of the answer. Raises Refusal."""
        route = next((route for route in self._desk.routes if route.path == call.target), None)
        match route:
            case ChallengeRoute():
                opened = await self._desk.open(route, call, route.claimant(call))
                self._turn += 1
                answered = Completion(text=answer(self._number, self._turn))
                return route.respond(call, opened.key, answered).body
            case HandshakeRoute():
                await self._desk.exchange(route, call)
                return route.answer
            case LookupRoute():
                return route.answer()
        if call.target == AVAILABILITY_PATH:
            return b'{"available": true}'
        raise Refusal(404, "no such route")


class _Connection(asyncio.Protocol):
    """Reads one request after another, with a Content-Length or without a body."""

    def __init__(self, miner: StubMiner) -> None:
        self._miner = miner
        self._received = bytearray()
        self._serving: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(END_OF_HEAD)
        if end < 0:
            return
        request, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        begin = end + len(END_OF_HEAD)
        size = int(headers.get("content-length", "0"))
        if len(self._received) < begin + size:
            return
        body = bytes(self._received[begin : begin + size])
        self._received.clear()
        task = asyncio.create_task(self._answer(Posted(request.split(" ")[1], headers, body)))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _answer(self, call: Posted) -> None:
        try:
            status, content = 200, await self._miner.serve(call)
        except Refusal as refused:
            status, content = refused.status, msgspec.json.encode(refused.body())
        self._transport.write(b"HTTP/1.1 %d -\r\ncontent-length: %d\r\n\r\n%b" % (status, len(content), content))


async def main(count: int) -> None:
    """Serve with one RSA key for all: making one each would take long and is not what is measured."""
    rsa = RsaKey()
    await rsa.start()
    peers = [await StubMiner(number, rsa).listen() for number in range(count)]
    sys.stdout.write(msgspec.json.encode(peers).decode() + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
