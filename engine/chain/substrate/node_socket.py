"""A websocket whose messages are bounded: a node that sends without end is cut off."""

from typing import Any

from websocket import WebSocket

MOST_MESSAGE = 64 << 20
"""In bytes, a message with its frames. The largest of a true node is the metadata: mainnet's is 1.3 MB."""


class TooLarge(Exception):
    """A message is longer than `MOST_MESSAGE`; the connection is of no more use."""


class NodeSocket(WebSocket):
    """Raises `TooLarge` as soon as a message has too many bytes, in one frame or in many."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._taken = 0
        super().__init__(*args, **options)

    def recv(self) -> str | bytes:
        """The next message."""
        self._taken = 0
        message: str | bytes = super().recv()
        return message

    def _recv(self, bufsize: int) -> bytes:
        data: bytes = super()._recv(bufsize)  # type: ignore[no-untyped-call]
        self._taken += len(data)
        if self._taken > MOST_MESSAGE:
            raise TooLarge
        return data
