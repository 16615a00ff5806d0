"""A miner server as a service of the engine: binds, serves with uvicorn, and ends when it is told to."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from engine.keys import Signer
from engine.snapshot import GpuView, ServerView
from engine.transport.desk import Desk
from engine.transport.dialect import Dialect, MinerEnd
from engine.transport.dialects.own import OWN
from engine.transport.dialects.registry import DIALECTS
from engine.transport.gate import WINDOW_S
from engine.transport.kept_keys import KeptKeys
from engine.transport.replay_guard import NonceStore
from engine.transport.rsa import RsaKey
from engine.transport.sessions import KEY_TTL_S
from engine.transport.x25519 import X25519Key
from engine.values import at_port
from miner_server.allowlist import AllowList
from miner_server.app import MinerApp
from miner_server.backends.interface import Backend
from miner_server.connections import BoundedProtocol
from miner_server.errors import MinerError
from miner_server.hosts import BehindProxies, Proxies
from miner_server.limits import Limits
from miner_server.openai.door import Access
from miner_server.places import Places
from miner_server.quotas import Quotas

log = logging.getLogger(__name__)

BACKLOG = 512
KEEP_ALIVE_S = 75
"""Connections that may wait to be accepted, and seconds that an idle one is kept: longer than nginx keeps one to a
server (60), so that the proxy closes first."""

FINISH_S = 1.8
"""How long requests in flight may continue after a stop, which takes less than 3 s in total."""


class Doorway:
    """Where a server of somebody else's finds our application, while there is one to be served."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.opened = asyncio.Event()

    @contextmanager
    def lead_to(self, app: ASGIApp) -> Iterator[None]:
        """Hand out `app` until the block is left."""
        self.app = app
        self.opened.set()
        try:
            yield
        finally:
            self.app = None


class MinerServer:
    """One miner's HTTP server; any number of them live in one event loop, on any thread.

    `port` 0 picks a free one; `spoken` are the dialects, all of them by default; `proxies` are trusted to name their
    callers; `access` opens OpenAI's API. `gpus` are those of the machine, which costs `per_hour`. The server takes over
    the backend, and closes it at the end. With a `doorway` another server does the listening, at what is then only said
    to be `host` and `port`.
    """

    def __init__(
        self,
        signer: Signer,
        backend: Backend,
        allow: AllowList,
        nonces: NonceStore,
        *,
        host: str,
        port: int,
        spoken: Iterable[Dialect] | None = None,
        limits: Limits | None = None,
        quotas: Quotas | None = None,
        key_ttl: float = KEY_TTL_S,
        handshake_window: float = WINDOW_S,
        proxies: Proxies | None = None,
        unproven: bool = False,
        kept: KeptKeys | None = None,
        access: Access | None = None,
        per_hour: float = 0.0,
        gpus: Callable[[], Sequence[GpuView]] = tuple,
        doorway: Doorway | None = None,
        name: str = "miner server",
    ) -> None:
        limits = limits or Limits()
        self.name = name
        self._wanted = (host, port)
        self._doorway = doorway
        self._socket: socket.socket | None = None
        self._backend = backend
        self._rsa = RsaKey()
        mounted = tuple(DIALECTS.values() if spoken is None else spoken)
        end = MinerEnd(
            signer=signer,
            rsa=self._rsa,
            window=handshake_window,
            key_ttl=key_ttl,
            unproven=unproven,
            x25519=X25519Key() if OWN in mounted else None,
        )
        self._kept = kept
        self._desks = [Desk(dialect, end, nonces, allowed=allow.refusal) for dialect in mounted]
        self._proxies = proxies or Proxies()
        self._app = MinerApp(
            self._desks,
            backend,
            allow,
            quotas or Quotas(allow),
            limits,
            access=access,
            trusts=self._proxies.trusts,
            per_hour=per_hour,
            gpus=gpus,
        )
        self._places = Places(known=self._app.admission.knows, shared=self._proxies.trusts)
        self._address = self._wanted

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; with port 0, known only after `bind`."""
        return self._address

    def view(self) -> ServerView:
        host, port = self._address
        return self._app.view(at_port(host, port))

    @property
    def trouble(self) -> str:
        """What the operator has to know about the backend; "" if all is well."""
        return self._app.trouble

    @property
    def backends_trouble(self) -> str:
        """Which of several backends cannot answer, while others do."""
        return self._app.backends_trouble

    @property
    def keys_trouble(self) -> str:
        """What is wrong with the keys of OpenAI's API."""
        return self._app.keys_trouble

    def reset_peaks(self) -> None:
        """Begin to look for the highest values of the backends anew."""
        self._app.reset_peaks()

    def bind(self) -> tuple[str, int]:
        """Bind the address, unless already done; `run` does it too. Raises MinerError."""
        if self._socket is None and self._doorway is None:
            self._socket = _listen(*self._wanted)
            self._address = self._socket.getsockname()[:2]
        return self._address

    async def run(self, started: Callable[[], None]) -> None:
        """Serve until cancelled; call `started` once requests are answered. Raises MinerError when it cannot start."""
        self.bind()
        try:
            await self._rsa.start()
            await self._hold_kept()
            await (self._listen(started) if self._doorway is None else self._stand_in(self._doorway, started))
        finally:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            if self._kept is not None:
                await asyncio.to_thread(self._kept.keep, {desk.dialect: desk.saved() for desk in self._desks})
            await self._backend.close()

    @property
    def _behind_proxies(self) -> ASGIApp:
        return BehindProxies(self._app, self._proxies) if self._proxies else self._app

    async def _stand_in(self, doorway: Doorway, started: Callable[[], None]) -> None:
        """Be served by another server, whose connections are its own business."""
        async with self._app.router.lifespan_context(self._app):
            with doorway.lead_to(self._behind_proxies):
                started()
                try:
                    await asyncio.Event().wait()
                finally:
                    self._app.refuse_all()

    async def _listen(self, started: Callable[[], None]) -> None:
        if self._socket is None:
            raise MinerError("the server has no socket")
        server = _Server(
            uvicorn.Config(
                self._behind_proxies,
                http=partial(BoundedProtocol, places=self._places),  # type: ignore[arg-type]
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
        serving = asyncio.create_task(server.serve(sockets=[self._socket]), name=f"{self.name} at {self._address}")
        try:
            await asyncio.shield(serving)
        finally:
            await self._stop(server, serving)

    async def _hold_kept(self) -> None:
        """Restore the session keys of the last run."""
        saved = await asyncio.to_thread(self._kept.take) if self._kept is not None else {}
        for desk in self._desks:
            try:
                desk.restore(saved.get(desk.dialect, ()))
            except ValueError as error:
                log.warning("%s: the session keys of %s are not valid keys: %s", self.name, desk.dialect, error)

    async def _stop(self, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
        server.should_exit = True
        done, _ = await asyncio.wait([serving], timeout=FINISH_S)
        if not done:
            self._app.refuse_all()
            with suppress(asyncio.CancelledError):
                await serving


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


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise MinerError(
            f"cannot listen on {at_port(host, port)}: {error.strerror or error}. {_advice(error)}"
        ) from error
    except OverflowError as error:
        raise MinerError(f"cannot listen on port {port}: choose one from 0 to 65535") from error
    # asyncio does this only for sockets that it creates itself. Without it an answer's body, which is written after its
    # head, waits 40 ms for the caller's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "Another process is using it: stop it, or choose another --port"
        case errno.EACCES:
            return "Ports below 1024 need privileges: choose a higher --port"
        case errno.EADDRNOTAVAIL:
            return "This machine has no such address: choose another --host"
        case _:
            return "Choose another --host or --port"
