"""The messages between an ASGI server and its routes."""

import asyncio
from collections import deque
from typing import Any

from starlette.types import Message

from miner_server.call import Call

GONE: Message = {"type": "http.disconnect"}
Headers = dict[str, str]


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Wire:
    """What comes from the caller, message by message and then nothing more, and what was sent to it."""

    def __init__(self, *messages: Message) -> None:
        self._messages = deque(messages)
        self.taken = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self._messages:
            await asyncio.Event().wait()
        self.taken += 1
        return self._messages.popleft()

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def reply(self) -> tuple[int, dict[str, str], bytes]:
        start, *bodies = self.sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(message["body"] for message in bodies)


def scope(headers: Headers | None = None, client: object = ("192.0.2.7", 4_321), **more: Any) -> dict[str, Any]:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return {"headers": raw, "client": client, **more}


def made(*messages: Message, **headers: str) -> tuple[Call, Wire]:
    wire = Wire(*messages)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("/route", scope(named), wire.receive), wire
