"""Carries out the operator's commands in their order; each gets an event and a line in the command log.

Commands on a subject that takes its time (`Command.subject`) have a lane of their own and hold up nobody else.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from engine.chain.interface import ChainUnavailable
from engine.chain.wallets import WalletError
from engine.commands import AnyCommand, Stop
from engine.errors import StoreError
from engine.feed import Feed
from engine.node.node_store import CommandLog
from engine.node.part import Handler
from engine.snapshot import About, CommandView
from engine.text import safe
from engine.values import Outcome

log = logging.getLogger(__name__)

OPERATOR = "operator"
"""The name of this service."""

COMMANDS_SHOWN = 100
COMMANDS_WAITING = 100
"""The last commands kept in a Snapshot, and how many may wait for their turn."""

TEXT_WIDTH = 300
"""Characters of a command's detail and reason: about four lines of a screen."""

ID_WIDTH = 64
"""A submitter's id: a UUID has 32 or 36 characters."""

ENDED = "the engine has ended"


class CommandLoop:
    """A service that ends when told to stop. `handlers` carry out the commands that this role supports."""

    def __init__(self, feed: Feed, store: CommandLog, handlers: Mapping[type, Handler]) -> None:
        self._feed = feed
        self._store = store
        self._handlers = handlers
        self._log: deque[CommandView] = deque(maxlen=COMMANDS_SHOWN)

    @property
    def log(self) -> tuple[CommandView, ...]:
        """The last commands and their outcomes, oldest first."""
        return tuple(self._log)

    async def load(self) -> None:
        """Load the commands of earlier runs. Raises StoreError."""
        self._log.extend(reversed(await self._store.recent_commands(COMMANDS_SHOWN)))

    async def run(self, started: Callable[[], None]) -> None:
        waiting = _Waiting(self._feed)
        self._feed.on_command(waiting.hand_over)
        started()
        try:
            async with asyncio.TaskGroup() as group:
                await self._until_stopped(waiting, group)
        finally:
            self._feed.on_command(None)
            waiting.close()

    async def _until_stopped(self, waiting: "_Waiting", group: asyncio.TaskGroup) -> None:
        """Carry out what comes, each subject in a task of the group; a stop waits for all that came before it."""
        lanes: dict[str, asyncio.Task[None]] = {}
        while True:
            command, id = await waiting.queue.get()
            if command.subject:
                waiting.lane(command.subject).put_nowait((command, id))
                if command.subject not in lanes:
                    lanes[command.subject] = group.create_task(self._carry_out(waiting.lane(command.subject)))
                continue
            if isinstance(command, Stop):
                await waiting.lanes_are_empty()
            outcome = await self.obey(command, id)
            if outcome.ok and isinstance(command, Stop):
                for lane in lanes.values():
                    lane.cancel()
                return

    async def _carry_out(self, lane: "_Queue") -> None:
        """Carry out the commands of one subject, one by one."""
        while True:
            command, id = await lane.get()
            await self.obey(command, id)
            lane.task_done()

    async def obey(self, command: AnyCommand, id: str = "") -> Outcome:
        """Carry out one command; the answer has its `id`. Every failure is reported as an outcome."""
        handler = self._handlers.get(type(command), _not_known)
        try:
            outcome = await handler(command)
        except ChainUnavailable as error:
            outcome = Outcome(status="unknown", reason=str(error))
        except asyncio.CancelledError:
            _answer(self._feed, _line(command, id, Outcome(status="unknown", reason=f"{ENDED} before it was done")))
            raise
        except WalletError as error:
            outcome = Outcome(status="rejected", reason=str(error))
        except Exception as error:
            log.exception("command %s failed", command.name)
            outcome = Outcome(status="rejected", reason=f"{type(error).__name__}: {error}")
        await self._note(command, id, outcome)
        return outcome

    async def _note(self, command: AnyCommand, id: str, outcome: Outcome) -> None:
        """Add a line to the command log, and emit it as an event."""
        line = _line(command, id, outcome)
        self._log.append(line)
        _answer(self._feed, line)
        try:
            await self._store.log_command(line.at, line.name, line.detail, line.outcome, line.reason)
        except StoreError as error:
            self._feed.raise_attention("warning", "store", f"the command log is not stored: {error}", About("setup"))


_Queue = asyncio.Queue[tuple[AnyCommand, str]]


class _Waiting:
    """A bounded queue of commands from the submitting threads to the engine's, and behind it a lane a subject.

    Dropped commands are answered too, but not written to the command log.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._lanes: dict[str, _Queue] = {}
        self.queue: _Queue = asyncio.Queue()

    def lane(self, subject: str) -> _Queue:
        """The queue of this subject."""
        return self._lanes.setdefault(subject, asyncio.Queue())

    async def lanes_are_empty(self) -> None:
        """Wait until everything in the lanes has been carried out."""
        for lane in self._lanes.values():
            await lane.join()

    def hand_over(self, command: AnyCommand, id: str) -> None:
        """Queue a command. Safe from any thread; does not wait."""
        try:
            self._loop.call_soon_threadsafe(self._put, command, id)
        except RuntimeError:
            self._drop(command, id, ENDED)

    def close(self) -> None:
        """Drop everything queued, and anything submitted later."""
        self._closed = True
        for queue in (*self._lanes.values(), self.queue):
            while not queue.empty():
                self._drop(*queue.get_nowait(), ENDED)

    def _put(self, command: AnyCommand, id: str) -> None:
        if self._closed:
            self._drop(command, id, ENDED)
            return
        ahead = self.queue.qsize() + (self.lane(command.subject).qsize() if command.subject else 0)
        if ahead >= COMMANDS_WAITING:
            text = f"dropped: {ahead} others wait"
            self._feed.raise_attention("warning", "commands", f"{command.name} is {text}", About("commands"))
            self._drop(command, id, text)
        else:
            self.queue.put_nowait((command, id))

    def _drop(self, command: AnyCommand, id: str, reason: str) -> None:
        _answer(self._feed, _line(command, id, Outcome(status="rejected", reason=reason)))


async def not_while_read_only(_command: AnyCommand) -> Outcome:
    """The `Handler` of commands that a read-only run refuses."""
    return Outcome(status="rejected", reason="not while --read-only is on")


async def _not_known(_command: AnyCommand) -> Outcome:
    return Outcome(status="rejected", reason="not for this role")


def _line(command: AnyCommand, id: str, outcome: Outcome) -> CommandView:
    """A command and its outcome, cleaned."""
    return CommandView(
        at=time.time(),
        name=command.name,
        detail=safe(_detail(command), TEXT_WIDTH),
        outcome=outcome.status,
        reason=safe(outcome.reason, TEXT_WIDTH),
        id=safe(id, ID_WIDTH),
    )


def _answer(feed: Feed, line: CommandView) -> None:
    feed.emit("command", command=line.name, detail=line.detail, outcome=line.outcome, reason=line.reason, id=line.id)


def _detail(command: AnyCommand) -> str:
    """The fields of a command, but for those that its name tells, and for a password."""
    fields = msgspec.to_builtins(command).items()
    told = ("command", "password")
    given = [(key, value) for key, value in fields if key not in told and not isinstance(value, bool | None)]
    return ", ".join(f"{key} {value}" for key, value in given)
