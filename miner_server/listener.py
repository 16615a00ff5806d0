"""An address that is listened at, and the uvicorn that serves an application there until it is told to stop."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from engine.values import at_port
from miner_server.connections import BoundedProtocol, TurnedAway
from miner_server.errors import MinerError
from miner_server.places import Places

BACKLOG = 512
KEEP_ALIVE_S = 75
"""Connections that may wait to be accepted, and seconds that an idle one is kept: longer than nginx keeps one to a
server (60), so that the proxy closes first."""

FINISH_S = 1.8
"""How long requests in flight may continue after a stop, which takes less than 3 s in total."""


class Listener:
    """One address, on which connections have `places`. With port 0, a free one is taken. `tell` hears of connections
    that were turned away.

    An address that cannot be had is an error that names the options which choose it: --host and --port, or the one
    `option` that holds both.
    """

    def __init__(
        self,
        host: str,
        port: int,
        places: Places,
        *,
        name: str,
        option: str = "",
        tell: Callable[[TurnedAway], None] = lambda _: None,
    ) -> None:
        self._address = (host, port)
        self._places = places
        self._tell = tell
        self._name = name
        self._options = (option, option) if option else ("--host", "--port")
        self._socket: socket.socket | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; with port 0, known only after `bind`."""
        return self._address

    def bind(self) -> tuple[str, int]:
        """Bind the address, unless already done; `serve` does it too. Raises MinerError."""
        if self._socket is None:
            self._socket = self._bound(*self._address)
            self._address = self._socket.getsockname()[:2]
        return self._address

    async def serve(
        self, app: ASGIApp, started: Callable[[], None], *, hurry: Callable[[], None] = lambda: None
    ) -> None:
        """Serve `app` until cancelled; call `started` once requests are answered. Raises MinerError when it cannot.

        `hurry` is called when the requests in flight have had their time to finish.
        """
        self.bind()
        if self._socket is None:
            raise MinerError("the server has no socket")
        server = _Server(
            uvicorn.Config(
                app,
                http=partial(BoundedProtocol, places=self._places, tell=self._tell),  # type: ignore[arg-type]
                ws="none",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=2,
            ),
            started,
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]), name=f"{self._name} at {self._address}")
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            done, _ = await asyncio.wait([serving], timeout=FINISH_S)
            if not done:
                hurry()
                with suppress(asyncio.CancelledError):
                    await serving

    def close(self) -> None:
        """Give the address back; `address` still says which it was."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _bound(self, host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        both = host == "::" and socket.has_dualstack_ipv6()
        try:
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            reason = f"{error.strerror or error}. {self._advice(error)}"
            raise MinerError(f"cannot listen on {at_port(host, port)}: {reason}") from error
        except OverflowError as error:
            raise MinerError(f"cannot listen on port {port}: choose one from 0 to 65535") from error
        # asyncio does this only for sockets that it creates itself. Without it an answer's body, which is written after
        # its head, waits 40 ms for the caller's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener

    def _advice(self, error: OSError) -> str:
        host, port = self._options
        match error.errno:
            case errno.EADDRINUSE:
                return f"Another process is using it: stop it, or choose another {port}"
            case errno.EACCES:
                return f"Ports below 1024 need privileges: choose a higher {port}"
            case errno.EADDRNOTAVAIL:
                return f"This machine has no such address: choose another {host}"
            case _:
                return f"Choose another {' or '.join(dict.fromkeys(self._options))}"


class _Server(uvicorn.Server):
    """A uvicorn that leaves the process's signals alone and reports when it serves."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
