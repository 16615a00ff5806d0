"""A reply that goes out while it is still being made."""

import asyncio
from collections.abc import Sequence

from starlette.types import Send

PIECE_BYTES = 64 * 1024
"""A body is written in pieces, so that a caller who reads slowly, or not at all, holds one in memory."""

MOST_UNSENT = 1024 * 1024
"""Bytes that wait for a caller before it is given up: more than any model says in the 20 s that it may take none."""

READ_S = 60.0
"""How long a caller may take to read the rest of a complete answer: validators wait no longer for all of it."""


async def send_body(send: Send, body: bytes, *, more: bool = False) -> None:
    """Send a body, or with `more` its beginning."""
    for start in range(0, max(1, len(body)), PIECE_BYTES):
        end = start + PIECE_BYTES
        await send({"type": "http.response.body", "body": body[start:end], "more_body": more or end < len(body)})


class ReplyStream:
    """Sends the head of the reply with the first piece, and each piece as soon as the connection takes it.

    Pieces wait here while the connection takes none, up to `MOST_UNSENT` bytes: a caller further behind is dropped. One
    that takes nothing for `connections.UNREAD_ANSWER_S` loses its connection.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self.is_given_up = False
        self._sending: asyncio.Task[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether sending has begun, so that no other reply is possible."""
        return self._sending is not None or self.is_given_up

    def put(self, piece: bytes, media: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """`media` is the content type of the whole, `headers` more of its head; those of the first piece count."""
        if self.is_given_up:
            return
        self._unsent.append(piece)
        self._unsent_bytes += len(piece)
        if self._unsent_bytes > MOST_UNSENT:
            self.give_up()
        elif self._sending is None:
            self._sending = asyncio.create_task(self._begin(media, headers))
        elif self._sending.done():
            self._sending = asyncio.create_task(self._go_on())

    async def end(self, last: bytes) -> None:
        """Send what is left, `last` after it, and that this is all."""
        if self._sending is not None:
            await self._sending
        await send_body(self._send, last)

    def give_up(self) -> None:
        """Stop sending: the caller is gone or too far behind, or the answer failed."""
        self.is_given_up = True
        self._unsent, self._unsent_bytes = [], 0
        if self._sending is not None:
            self._sending.cancel()

    async def _begin(self, media: bytes, more: Sequence[tuple[bytes, bytes]]) -> None:
        headers = [(b"content-type", media), (b"cache-control", b"no-cache"), *more]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._go_on()

    async def _go_on(self) -> None:
        while self._unsent:
            pieces, self._unsent = self._unsent, []
            await send_body(self._send, b"".join(pieces), more=True)
            self._unsent_bytes -= sum(map(len, pieces))
