"""The engine of another process, as its screens see it: an `Engine` behind the socket in its data folder."""

import contextlib
import errno
import logging
import queue
import socket
import stat
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from console import __version__
from console.errors import ConsoleError
from console.record.folder import FolderRecord
from console.remote.address import FILE, is_trusted, peer_uid, short_address
from console.remote.difference import apply
from console.remote.wire import (
    FROM_ENGINE,
    HEAD,
    OLDEST,
    PROTOCOL,
    Changes,
    CommandOutcome,
    EngineEnded,
    FromEngine,
    FromTerminal,
    Hello,
    LogNews,
    News,
    Submit,
    TerminalRefused,
    Welcome,
    Whole,
    encoded,
    frame,
    to_terminal,
)
from engine.commands import AnyCommand
from engine.doors import EngineState
from engine.feed import Feed
from engine.locks import folder_holder
from engine.logs import RING
from engine.snapshot import Batch, LogTail, Snapshot
from engine.text import safe

log = logging.getLogger(__name__)

GREETING_S = 10.0
"""Seconds for an engine to answer, even on a very busy machine."""

WAITING = 100
"""Commands that may be queued for the engine."""

OTHERWISE = "'subnet-console launch' starts one, 'subnet-console replay' shows what was recorded"


class RemoteLog:
    """The records received from the engine's log."""

    def __init__(self) -> None:
        self._tail = LogTail(0, (), 0)

    def take(self, news: LogNews) -> None:
        """Add records. Any between them and the previous ones were dropped on the way."""
        before = self._tail.lines if news.first == self.added else ()
        lines = (*before, *news.lines)[-RING:]
        self._tail = LogTail(news.first + len(news.lines) - len(lines), lines, news.lost)

    @property
    def added(self) -> int:
        return self._tail.first + len(self._tail.lines)

    def tail(self) -> LogTail:
        return self._tail


class RemoteEngine:
    """Receives on its own thread and keeps the newest state. The record is read from the data folder."""

    def __init__(
        self, folder: Path, connection: socket.socket, welcome: Welcome, tree: Any, *, read_only: bool
    ) -> None:
        self.pid = welcome.pid
        self.version = welcome.version
        self.settings = welcome.settings
        self.read_only = read_only
        self.farewell = ""
        """Why the engine is not shown any more, in a sentence; "" if it ended as it should."""
        self.logs = RemoteLog()
        self.record = FolderRecord(folder)
        self._folder = folder
        self._failed = f"the engine of {folder} has ended: "
        self._connection = connection
        self._tree = tree
        self._feed = Feed(self._snapshot())
        self._state: EngineState = "running"
        self._outgoing: queue.Queue[bytes] = queue.Queue(WAITING)
        self._left = False
        for work in (self._receive, self._send):
            threading.Thread(target=work, name=f"attached{work.__name__}", daemon=True).start()

    # -- the doors -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def snapshot(self) -> Snapshot:
        return self._feed.snapshot

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        return self._feed.events_after(seq, timeout=timeout)

    def submit(self, command: AnyCommand, id: str) -> bool:
        if self._state != "running":
            return False
        try:
            self._outgoing.put_nowait(frame(Submit(id, encoded(command))))
        except queue.Full:
            return False
        return True

    def leave(self) -> None:
        """Close the connection. The engine keeps running."""
        self._left = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    # -- what comes ------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        try:
            while self._state == "running":
                message = received(self._connection)
                if message is not None:
                    self._take(message)
        except (msgspec.ValidationError, LookupError, TypeError) as error:
            log.info("the engine sent what cannot be shown: %s", error)
            self._end("failed", f"{_of_another_version(self._folder, self.version)} ({safe(str(error))})")
        except (OSError, msgspec.MsgspecError) as error:
            log.info("the connection to the engine ended: %s", error)
            self._end("failed", f"{self._failed}its process {self.pid} is gone or does not answer: {OTHERWISE}")
        finally:
            self._connection.close()

    def _take(self, message: FromEngine) -> None:
        match message:
            case Whole(snapshot=snapshot):
                self._tree = msgspec.msgpack.decode(snapshot)
                self._feed.publish(self._snapshot())
            case Changes(changes=found):
                apply(self._tree, found)
                self._feed.publish(self._snapshot())
            case News(events=events):
                for event in events:
                    self._feed.emit(event.name, **event.fields)
            case LogNews():
                self.logs.take(message)
            case CommandOutcome(id=id, command=name, reason=reason):
                fields = {"command": safe(name), "detail": "", "outcome": "rejected", "reason": safe(reason)}
                self._feed.emit("command", id=id, **fields)
            case TerminalRefused(reason=reason):
                self._end("failed", safe(reason))
            case EngineEnded(state="failed", reason=reason):
                self._end("failed", f"{self._failed}{safe(reason)}")
            case EngineEnded():
                self._end("ended", "")

    def _snapshot(self) -> Snapshot:
        """Raises `msgspec.ValidationError`."""
        found = msgspec.convert(self._tree, Snapshot)
        return replace(found, read_only=True) if self.read_only else found

    def _end(self, state: EngineState, reason: str) -> None:
        """Record how the connection ended. Only the first end counts, and none after leaving."""
        if not self._left:
            self.farewell = reason
            self._state = state

    # -- what goes -------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        with contextlib.suppress(OSError):
            while self._state == "running":
                self._connection.sendall(self._outgoing.get())


def attached(folder: Path, *, read_only: bool) -> RemoteEngine:
    """Connect to the engine running on a data folder, and return once its first snapshot is here. Raises ConsoleError
    if there is none, or if it is incompatible with this version.
    """
    connection = connected(folder)
    try:
        connection.settimeout(GREETING_S)
        uid = peer_uid(connection)
        if not is_trusted(uid):
            raise ConsoleError(f"{folder / FILE} is the socket of another user ({uid}): attach as that user")
        hello: FromTerminal = Hello(PROTOCOL, __version__, read_only)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its last word says why
            connection.sendall(frame(hello))
        welcome, tree = _greeting(connection, folder)
        connection.settimeout(None)
        return RemoteEngine(folder, connection, welcome, tree, read_only=read_only)
    except TimeoutError:
        connection.close()
        raise ConsoleError(
            f"the engine of {folder} does not answer within {GREETING_S:g} s: see 'subnet-console status'"
        ) from None
    except BaseException:
        connection.close()
        raise


def connected(folder: Path) -> socket.socket:
    """A connection to whatever listens in a data folder. Raises ConsoleError."""
    path = folder / FILE
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConsoleError(f"{path} is not a socket: find out who put it there, then remove it")
        with short_address(folder) as address:
            connection.connect(address)
    except OSError as error:
        connection.close()
        raise ConsoleError(_why_none(folder, error)) from error
    except ConsoleError:
        connection.close()
        raise
    return connection


def _why_none(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        if (holder := folder_holder(folder)) is not None:
            return (
                f"process {holder.pid} uses {folder}, and nobody can attach to it yet: it has only just begun, or its "
                "version cannot be attached to"
            )
        return f"no engine runs on {folder}: {OTHERWISE}"
    if error.errno == errno.ECONNREFUSED:
        return f"no engine runs on {folder}; the last one was killed and left its socket: {OTHERWISE}"
    return f"{folder / FILE} cannot be used ({error.strerror}): check whose it is"


def _greeting(connection: socket.socket, folder: Path) -> tuple[Welcome, Any]:
    """The engine's first word, and its first snapshot as plain data. Raises ConsoleError, TimeoutError."""
    nothing_known = f"something other than an engine of this program answers at {folder / FILE}"
    until = time.monotonic() + GREETING_S
    welcome: Welcome | None = None
    while time.monotonic() < until:
        try:
            message = received(connection)
        except TimeoutError:
            raise
        except (OSError, msgspec.MsgspecError) as error:
            raise ConsoleError(f"{nothing_known} ({error})") from error
        match message:
            case TerminalRefused(reason=reason):
                raise ConsoleError(safe(reason))
            case Welcome():
                if message.protocol < OLDEST:
                    raise ConsoleError(_of_another_version(folder, message.version))
                welcome = message
            case Whole(snapshot=snapshot):
                version = welcome.version if welcome is not None else "that greets in other words"
                tree = msgspec.msgpack.decode(snapshot)
                try:
                    msgspec.convert(tree, Snapshot)
                except msgspec.ValidationError as error:
                    raise ConsoleError(f"{_of_another_version(folder, version)} ({safe(str(error))})") from error
                if welcome is None:
                    raise ConsoleError(_of_another_version(folder, version))
                return welcome, tree
    raise TimeoutError


def _of_another_version(folder: Path, version: str) -> str:
    return (
        f"the engine of {folder} runs version {safe(version)}, which version {__version__} cannot show: attach "
        "with that version, or restart the engine with this one"
    )


def received(connection: socket.socket) -> FromEngine | None:
    """The next message, None for an unknown one from a newer engine.

    Raises OSError, also at the end, and `msgspec.DecodeError`.
    """
    length = int.from_bytes(_bytes(connection, HEAD), "big")
    if not 0 < length <= FROM_ENGINE:
        raise OSError(f"a message of {length} bytes is not one of this program's")
    body = _bytes(connection, length)
    try:
        return to_terminal(body)
    except msgspec.ValidationError:
        return None


def _bytes(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = connection.recv(min(count - len(found), 1 << 20))
        if not piece:
            raise ConnectionResetError("the other end is gone")
        found += piece
    return bytes(found)
