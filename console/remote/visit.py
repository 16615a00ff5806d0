"""One attached terminal on the engine's side: what it is sent, and its commands."""

import asyncio
from typing import Any

import msgspec

from console.remote.pictures import Pictures
from console.remote.wire import (
    FROM_TERMINAL,
    HEAD,
    OLDEST,
    PROTOCOL,
    CommandOutcome,
    FromEngine,
    FromTerminal,
    Hello,
    LogNews,
    News,
    Submit,
    TerminalRefused,
    Welcome,
    frame,
    to_engine,
)
from engine.commands import AnyCommand
from engine.doors import Engine

TICK_S = 0.1
"""How often to check an engine that publishes four times a second."""

GREETING_S = 5.0
"""How long a connection may stay silent before its greeting: it comes from this machine."""

STALLED_S = 600.0
"""A terminal that has read nothing for this long is disconnected."""

COMMAND_S = 0.05
"""Minimum interval between a terminal's commands: faster than anyone types, but no flood."""

EVENTS_AT_ONCE = 500
LINES_AT_ONCE = 2000
CHARACTERS_AT_ONCE = 1_000_000
"""The most that a terminal gets after a long pause: the newest ones."""

COMMANDS: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)


class Farewell(Exception):
    """A terminal is refused or disconnected. The message is for the person in front of it."""


class Visit:
    """A connection from its first byte to its last. Nobody waits for it: what it does not read in time is skipped."""

    def __init__(
        self, engine: Engine, pictures: Pictures, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._engine = engine
        self._pictures = pictures
        self._reader = reader
        self._writer = writer
        self._read_only = False
        self._picture = 0
        self._event = 0
        self._line = 0

    async def run(self, welcome: Welcome) -> None:
        """Serve the terminal until it leaves. Raises `Farewell`, OSError."""
        self._writer.transport.set_write_buffer_limits(high=0)
        await self._greet(welcome)
        tasks = asyncio.create_task(self._show()), asyncio.create_task(self._listen())
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _greet(self, welcome: Welcome) -> None:
        try:
            async with asyncio.timeout(GREETING_S):
                hello = await self._received()
        except TimeoutError:
            raise Farewell(f"no greeting came within {GREETING_S:g} s") from None
        except asyncio.IncompleteReadError:
            raise Farewell("the connection ended before its greeting") from None
        if not isinstance(hello, Hello):
            raise Farewell("the first message is not a greeting")
        if hello.protocol < OLDEST:
            raise Farewell(
                f"this engine (version {welcome.version}) uses protocol {PROTOCOL}, and this terminal (version "
                f"{hello.version[:40]}) protocol {hello.protocol}: attach with the engine's version"
            )
        self._read_only = hello.read_only
        last = self._engine.events_after(0).events
        self._event = last[-1].seq if last else 0
        self._writer.write(frame(welcome))

    # -- what it is sent -------------------------------------------------------------------------------------------

    async def _show(self) -> None:
        """Send what is new whenever the terminal has read what was sent before."""
        while True:
            self._pictures.look()
            if self._picture != self._pictures.number:
                self._writer.write(self._pictures.since(self._picture))
                self._picture = self._pictures.number
            for news in (self._events(), self._lines()):
                if news is not None:
                    self._writer.write(frame(news))
            try:
                async with asyncio.timeout(STALLED_S):
                    await self._writer.drain()
            except TimeoutError:
                raise Farewell(f"this terminal has read nothing for {STALLED_S / 60:g} minutes") from None
            await asyncio.sleep(TICK_S)

    def _events(self) -> News | None:
        batch = self._engine.events_after(self._event)
        if not batch.events:
            return None
        self._event = batch.events[-1].seq
        events = batch.events[-EVENTS_AT_ONCE:]
        return News(events, batch.missed + len(batch.events) - len(events))

    def _lines(self) -> LogNews | None:
        logs = self._engine.logs
        if logs.added == self._line:
            return None
        tail = logs.tail()
        count = min(tail.first + len(tail.lines) - self._line, len(tail.lines), LINES_AT_ONCE)
        lines = tail.lines[len(tail.lines) - count :]
        room = CHARACTERS_AT_ONCE
        for place in range(len(lines) - 1, -1, -1):
            room -= len(lines[place].text)
            if room < 0:
                lines = lines[place + 1 :]
                break
        self._line = tail.first + len(tail.lines)
        return LogNews(self._line - len(lines), lines, tail.lost)

    # -- what it asks for ------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Pass commands on, one at a time, until the terminal leaves."""
        while True:
            try:
                message = await self._received()
            except asyncio.IncompleteReadError:
                return
            if isinstance(message, Submit):
                self._submit(message)
            await asyncio.sleep(COMMAND_S)

    def _submit(self, asked: Submit) -> None:
        id = asked.id[:64]
        try:
            command = COMMANDS.decode(asked.command)
        except msgspec.DecodeError as error:
            self._answer(
                id, _name(asked.command), f"this engine does not know the command ({error}): it has another version"
            )
            return
        if self._read_only:
            self._answer(id, command.name, "this terminal is attached with --read-only")
        elif not self._engine.submit(command, id):
            self._answer(id, command.name, "the engine takes no commands")

    def _answer(self, id: str, command: str, reason: str) -> None:
        self._writer.write(frame(CommandOutcome(id, command, reason)))

    async def _received(self) -> FromTerminal | None:
        """The next message, None for an unknown one from a newer terminal. Raises `Farewell` for an invalid one, and
        IncompleteReadError at the end.
        """
        length = int.from_bytes(await self._reader.readexactly(HEAD), "big")
        if not 0 < length <= FROM_TERMINAL:
            raise Farewell(f"a message of {length} bytes is not one of this program's")
        body = await self._reader.readexactly(length)
        try:
            return to_engine(body)
        except msgspec.ValidationError:
            return None
        except msgspec.DecodeError as error:
            raise Farewell(f"a message cannot be read: {error}") from None


def refusal(reason: str) -> bytes:
    """An encoded last message."""
    word: FromEngine = TerminalRefused(reason)
    return frame(word)


def _name(command: msgspec.Raw) -> str:
    """The name of an unknown command, if it has one."""
    try:
        found: Any = msgspec.msgpack.decode(command)
    except msgspec.DecodeError:
        return "command"
    name = found.get("command") if isinstance(found, dict) else None
    return name[:40] if isinstance(name, str) else "command"
