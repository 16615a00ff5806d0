"""The server's end of a websocket (RFC 6455), as far as a client that sends one text a frame needs it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PONG = 1, 8, 10


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the request that opens a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    key = next(value for name, value in fields.items() if name.lower() == b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    await writer.drain()


async def texts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[str]:
    """What the client sends, until it closes."""
    while True:
        try:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            mask = await reader.readexactly(4)
            masked = await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        whole = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(masked) ^ int.from_bytes(whole)).to_bytes(size)
        match first & 0x0F:
            case 1:
                yield payload.decode()
            case 9:
                writer.write(_frame(_PONG, payload))
            case 8:
                writer.write(_frame(_CLOSE, payload[:2]))
                return


def text_frame(text: str) -> bytes:
    """A text as one frame."""
    return _frame(_TEXT, text.encode())


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | kind, size))
    elif size < 1 << 16:
        head = bytes((0x80 | kind, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 127)) + size.to_bytes(8, "big")
    return head + payload
