"""Lets terminals attach to the engine of this process, on a thread and an event loop of their own."""

import asyncio
import logging
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from console import __version__
from console.config import Shown
from console.remote.address import FILE, is_trusted, peer_uid, short_address
from console.remote.pictures import Pictures
from console.remote.visit import Farewell, Visit, refusal
from console.remote.wire import FROM_TERMINAL, HEAD, PROTOCOL, EngineEnded, Welcome, frame
from engine.doors import Engine
from engine.text import safe

log = logging.getLogger(__name__)

PRIVATE_FILE = 0o600
MOST = 32
"""Terminals at once: more than people who watch one engine."""

LAST_WORD_S = 0.2
"""Seconds for terminals to receive the last message, out of the 3 s in which a run has to end."""


@contextmanager
def listening(
    engine: Engine, folder: Path, settings: Sequence[Shown] = (), *, tell: Callable[[str], object]
) -> Iterator[None]:
    """Let terminals attach through the socket in `folder` while the block runs, which must hold the folder's lock. If
    that is impossible, `tell` gets the reason, and the engine runs without it.
    """
    try:
        door = _opened(folder)
    except OSError as error:
        tell(f"nobody can attach: {folder / FILE} cannot be used ({error.strerror or error})")
        yield
        return
    host = _Host(engine, door, settings)
    host.start()
    try:
        yield
    except Exception as error:
        host.stop(EngineEnded("failed", safe(str(error) or type(error).__name__)))
        raise
    finally:
        host.stop(EngineEnded("ended"))
        with suppress(OSError):
            (folder / FILE).unlink()


def _opened(folder: Path) -> socket.socket:
    """The socket, which replaces one that a killed engine left behind. Raises OSError."""
    path = folder / FILE
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError("it is not a socket: find out who put it there, then remove it")
        path.unlink()
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_address(folder) as address:
            door.bind(address)
        path.chmod(PRIVATE_FILE)
        door.listen(MOST)
    except BaseException:
        door.close()
        raise
    return door


class _Host:
    """The thread that attends to all terminals."""

    def __init__(self, engine: Engine, door: socket.socket, settings: Sequence[Shown]) -> None:
        self._engine = engine
        self._door = door
        self._welcome = Welcome(PROTOCOL, __version__, os.getpid(), tuple(settings))
        self._pictures = Pictures(engine)
        self._visits: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._loop = asyncio.new_event_loop()
        self._end = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="attach", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, last_word: EngineEnded) -> None:
        """Send everybody the last message and end. Only the first call counts."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finish, last_word)
        self._thread.join(2 * LAST_WORD_S)

    def _finish(self, last_word: EngineEnded) -> None:
        if not self._end.done():
            self._end.set_result(last_word)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_unix_server(self._attend, sock=self._door, limit=FROM_TERMINAL + HEAD)
        last_word: EngineEnded = await self._end
        server.close()
        visits = dict(self._visits)
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        goodbyes = [asyncio.create_task(_say(writer, frame(last_word))) for writer in visits.values()]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=LAST_WORD_S)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._visits[task] = writer
        reason = ""
        try:
            self._admit(writer)
            await Visit(self._engine, self._pictures, reader, writer).run(self._welcome)
        except asyncio.CancelledError:
            return  # the last word is said by whoever cancelled
        except Farewell as error:
            reason = safe(str(error))
        except OSError as error:
            log.debug("a terminal is gone: %s", error)
        finally:
            self._visits.pop(task, None)
        if reason:
            log.info("a terminal was sent away: %s", reason)
        await _leave(writer, refusal(reason) if reason else b"")

    def _admit(self, writer: asyncio.StreamWriter) -> None:
        """Raises `Farewell`."""
        uid = peer_uid(writer.get_extra_info("socket"))
        if not is_trusted(uid):
            raise Farewell(f"this engine belongs to another user ({os.geteuid()}), not to {uid}")
        if len(self._visits) > MOST:
            raise Farewell(f"{MOST} terminals are attached already: detach one of them first")


async def _say(writer: asyncio.StreamWriter, word: bytes) -> None:
    with suppress(OSError):
        writer.write(word)
        await writer.drain()


async def _leave(writer: asyncio.StreamWriter, word: bytes) -> None:
    """Close a connection after a last message, without waiting for it to be read."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(LAST_WORD_S):
            await _say(writer, word)
    writer.close()
