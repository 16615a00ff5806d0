"""A miner server as a service of the engine: binds, serves with uvicorn, and ends when it is told to."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import Metric
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
from miner_server.hosts import BehindProxies, Proxies
from miner_server.limits import Limits
from miner_server.listener import Listener
from miner_server.openai.access import Access
from miner_server.places import Places
from miner_server.quotas import Quotas

log = logging.getLogger(__name__)


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
    to be `host` and `port`. `option` is the one that names the address, if it is not --host and --port.
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
        option: str = "",
    ) -> None:
        limits = limits or Limits()
        self.name = name
        self._doorway = doorway
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
        places = Places(known=self._app.admission.knows, shared=self._proxies.trusts)
        self._listener = Listener(host, port, places, name=name, option=option, tell=self._app.turned_away)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; with port 0, known only after `bind`."""
        return self._listener.address

    def view(self) -> ServerView:
        return self._app.view(at_port(*self.address))

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

    def metrics(self) -> Iterator[Metric]:
        """What its page `/metrics` holds."""
        return self._app.metrics()

    def reset_peaks(self) -> None:
        """Begin to look for the highest values of the backends anew."""
        self._app.reset_peaks()

    def bind(self) -> tuple[str, int]:
        """Bind the address, unless already done; `run` does it too. Raises MinerError."""
        return self._listener.bind() if self._doorway is None else self.address

    async def run(self, started: Callable[[], None]) -> None:
        """Serve until cancelled; call `started` once requests are answered. Raises MinerError when it cannot start."""
        self.bind()
        try:
            await self._rsa.start()
            await self._hold_kept()
            if self._doorway is None:
                await self._listener.serve(self._behind_proxies, started, hurry=self._app.refuse_all)
            else:
                await self._stand_in(self._doorway, started)
        finally:
            self._listener.close()
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

    async def _hold_kept(self) -> None:
        """Restore the session keys of the last run."""
        saved = await asyncio.to_thread(self._kept.take) if self._kept is not None else {}
        for desk in self._desks:
            try:
                desk.restore(saved.get(desk.dialect, ()))
            except ValueError as error:
                log.warning("%s: the session keys of %s are not valid keys: %s", self.name, desk.dialect, error)
