"""uvicorn's HTTP protocol with the bounds that it lacks: on connections, on a request's head, on an unread answer."""

import asyncio
import logging

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_HOST = 128
HEAD_S = 10.0
HEAD_BYTES = 32 * 1024
UNREAD_ANSWER_S = 20.0

_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 33\r\n"
    b'retry-after: 5\r\nconnection: close\r\n\r\n{"detail":"too many connections"}'
)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head must be there `HEAD_S` after its first byte, or after the connection was opened.

    Strangers' malformed requests are answered, not logged one by one, so that they cannot fill a disk.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.logger = _log
        host = self.client[0] if self.client else ""
        if len(self.connections) > MAX_CONNECTIONS or self._connections_from(host) > MAX_CONNECTIONS_PER_HOST:
            transport.write(_FULL)
            transport.close()
        else:
            self._head_timer = self.loop.call_later(HEAD_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's head is too long.")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_ANSWER_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _connections_from(self, host: str) -> int:
        return sum(
            isinstance(other, HttpToolsProtocol) and other.client is not None and other.client[0] == host
            for other in self.connections
        )
