"""Carries out the operator's commands, one after the other, and answers each with an event and a log line."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from engine.commands import AnyCommand
from engine.feed import Feed
from engine.snapshot import CommandView
from engine.store.errors import StoreError
from engine.store.store import Store
from engine.text import safe
from engine.values import Outcome

log = logging.getLogger(__name__)

COMMANDS_SHOWN = 100
TEXT_WIDTH = 300

Handler = Callable[[Any], Awaitable[Outcome]]
"""Takes a command of the type that it is filed under."""


class Operator:
    """A service. `handlers` says which commands this role knows and how it carries them out."""

    def __init__(self, feed: Feed, store: Store, handlers: Mapping[type, Handler], *, read_only: bool) -> None:
        self._feed = feed
        self._store = store
        self._handlers = handlers
        self._read_only = read_only
        self._log: deque[CommandView] = deque(maxlen=COMMANDS_SHOWN)

    @property
    def log(self) -> tuple[CommandView, ...]:
        """The last commands, oldest first."""
        return tuple(self._log)

    async def run(self, started: Callable[[], None]) -> None:
        queue: asyncio.Queue[AnyCommand] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self._log.extend(reversed(await self._store.recent_commands(COMMANDS_SHOWN)))
        self._feed.on_command(lambda command: _hand_over(loop, queue, command))
        started()
        while True:
            await self.obey(await queue.get())

    async def obey(self, command: AnyCommand) -> Outcome:
        """Carry out one command. Every failure is an outcome in words."""
        handler = self._handlers.get(type(command))
        if handler is None:
            why = "not while --read-only is on" if self._read_only else "not for this role"
            outcome = Outcome(status="rejected", reason=f"{command.name}: {why}")
        else:
            try:
                outcome = await handler(command)
            except Exception as error:
                log.exception("command %s failed", command.name)
                outcome = Outcome(status="rejected", reason=f"{type(error).__name__}: {error}")
        await self.note(command.name, _detail(command), outcome)
        return outcome

    async def note(self, name: str, detail: str, outcome: Outcome) -> None:
        """Put one line into the command log, and say it as an event."""
        line = CommandView(
            at=time.time(),
            name=name,
            detail=safe(detail, TEXT_WIDTH),
            outcome=outcome.status,
            reason=safe(outcome.reason, TEXT_WIDTH),
        )
        self._log.append(line)
        self._feed.emit("command", command=name, detail=line.detail, outcome=line.outcome, reason=line.reason)
        try:
            await self._store.log_command(line.at, line.name, line.detail, line.outcome, line.reason)
        except StoreError as error:
            self._feed.raise_attention("warning", "store", f"the command log is not stored: {error}")


def _hand_over(loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[AnyCommand]", command: AnyCommand) -> None:
    try:
        loop.call_soon_threadsafe(queue.put_nowait, command)
    except RuntimeError:
        log.warning("command %s came after the engine had ended", command.name)


def _detail(command: AnyCommand) -> str:
    fields = msgspec.to_builtins(command)
    return ", ".join(f"{key} {value}" for key, value in fields.items() if key != "command" and value is not None)
