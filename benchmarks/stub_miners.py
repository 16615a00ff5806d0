"""Many miners in one process: real Loosh desks, each on a socket of its own, that answer at once.

They cost as little as can be, so that what is measured is the validator. `python -m benchmarks.stub_miners COUNT`
prints their peers as one JSON line and serves until its stdin ends.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import msgspec

from benchmarks.answers import answer
from benchmarks.processes import python, running
from engine.keys import keypair_from_uri
from engine.transport.errors import Refused
from engine.transport.loosh import miner as loosh
from engine.transport.loosh.handshake import (
    AVAILABILITY_PATH,
    CHALLENGE_PATH,
    KEY_EXCHANGE_PATH,
    KEY_UUID_HEADER,
    PUBLIC_KEY_PATH,
    VALIDATOR_HEADER,
    new_private_key,
)
from engine.transport.replay import MemoryNonces
from engine.transport.wire import Completion, completion_json
from engine.values import Peer

LOOPBACK = "127.0.0.1"
END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def stub_miners(count: int) -> Iterator[tuple[Peer, ...]]:
    """So many of them, in one other process."""
    with running(python("benchmarks.stub_miners", str(count))) as process:
        assert process.stdout is not None
        yield msgspec.json.decode(process.stdout.readline(), type=tuple[Peer, ...])


class StubMiner:
    """One miner: the routes of the dialect, without limits and without a queue."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._turn = 0
        self._desk = loosh.LooshDesk(keypair_from_uri(f"//stub/{number}"), MemoryNonces(), allowed=lambda _: None)

    async def listen(self) -> Peer:
        await self._desk.start()
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), LOOPBACK, 0)
        return Peer(self._desk.hotkey, LOOPBACK, server.sockets[0].getsockname()[1])

    async def serve(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """The body of the answer. Raises Refused."""
        if path == CHALLENGE_PATH:
            return self._answered(headers[VALIDATOR_HEADER], headers[KEY_UUID_HEADER], body)
        if path == KEY_EXCHANGE_PATH:
            await self._desk.exchange(body)
            return b'{"success": true}'
        if path == PUBLIC_KEY_PATH:
            return msgspec.json.encode({"public_key": self._desk.public_key_pem()})
        if path == AVAILABILITY_PATH:
            return b'{"available": true}'
        raise Refused(404, "no such route")

    def _answered(self, hotkey: str, key_uuid: str, token: bytes) -> bytes:
        self._desk.open(hotkey, key_uuid, token)
        self._turn += 1
        return self._desk.seal(hotkey, key_uuid, completion_json(Completion(text=answer(self._number, self._turn))))


class _Connection(asyncio.Protocol):
    """Reads one request after the other, with a Content-Length or without a body."""

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
        task = asyncio.create_task(self._answer(request.split(" ")[1], headers, body))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        try:
            status, content = 200, await self._miner.serve(path, headers, body)
        except Refused as refused:
            status, content = refused.status_code, msgspec.json.encode(refused.body())
        self._transport.write(b"HTTP/1.1 %d -\r\ncontent-length: %d\r\n\r\n%b" % (status, len(content), content))


async def main(count: int) -> None:
    """One RSA key for all of them: to make one each would take long and is not what is measured."""
    with patch.object(loosh, "new_private_key", return_value=new_private_key()):
        peers = [await StubMiner(number).listen() for number in range(count)]
    sys.stdout.write(msgspec.json.encode(peers).decode() + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
