"""A miner under a uvicorn of the operator's own: `uvicorn miner_server.asgi:app`.

Its settings come from the environment, `.env` and the configuration file, as those of `launch --role miner`. uvicorn
decides where it listens; `API_HOST` and `API_PORT` only inform the miner. The engine runs on uvicorn's event loop for
the application's whole lifespan.
"""

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from console import __version__
from console.config import told
from console.faults import exit_code
from engine.feed import Feed
from engine.folders import OTHERS, prepare_folder
from engine.logs import open_log
from engine.settings import Configuration, Given, configure
from engine.snapshot import Snapshot
from engine.text import safe
from miner_server.server import Doorway

log = logging.getLogger("uvicorn.error")

MINER = {"role": Given("miner", "uvicorn miner_server.asgi:app")}


class HostedMiner:
    """The ASGI application: the miner's own while its server runs, a 503 before that and between restarts."""

    def __init__(self) -> None:
        self._doorway = Doorway()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            starting = JSONResponse({"detail": "the miner is starting"}, 503, {"retry-after": "5"})
            await (self._doorway.app or starting)(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        mining = asyncio.create_task(self._mine(), name="miner")
        opening = asyncio.create_task(self._doorway.opened.wait())
        await asyncio.wait((mining, opening), return_when=asyncio.FIRST_COMPLETED)
        opening.cancel()
        if mining.done():
            await send({"type": "lifespan.startup.failed", "message": _why(mining)})
            return
        await send({"type": "lifespan.startup.complete"})
        stopping = asyncio.ensure_future(receive())
        await asyncio.wait((mining, stopping), return_when=asyncio.FIRST_COMPLETED)
        if mining.done():
            log.error("the miner has ended: %s", _why(mining))
            signal.raise_signal(signal.SIGTERM)  # uvicorn's own way to end; it would serve nothing from here on
            await stopping
        mining.cancel()
        with suppress(asyncio.CancelledError, Exception):  # told above, or on its way out
            await mining
        await send({"type": "lifespan.shutdown.complete"})

    async def _mine(self) -> None:
        """Run one miner from its settings to its end. Raises whatever makes a run impossible."""
        from console.roles.run import run

        found = configure(MINER)
        settings = found.settings
        os.umask(os.umask(OTHERS) | OTHERS)
        folder = prepare_folder(Path(settings.data_dir))
        now = time.time()
        feed = Feed(Snapshot(at=now, version=__version__, role="miner", started_at=now))
        with open_log(folder, level=settings.log_level, cap_mb=settings.log_cap_mb):
            _tell_of_names(found)
            await run(settings, folder, feed, doorway=self._doorway)


def _tell_of_names(found: Configuration) -> None:
    for line in told(found):
        log.info("%s", safe(line))


def _why(mining: "asyncio.Task[None]") -> str:
    """Why it ended, in one line; an error that the operator cannot fix keeps its type."""
    error = mining.exception()
    if error is None:
        return "it was stopped"
    text = safe(str(error))
    return text if isinstance(error, Exception) and exit_code(error) is not None else f"{type(error).__name__}: {text}"


app = HostedMiner()
