"""What the tests of the engine share: a feed that is read back, and a caller and a source that do as told."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from console.record.folder import FolderRecord
from engine.challenges.sources.source import Cursor
from engine.feed import Feed
from engine.logs import LogRing
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread
from engine.snapshot import Event, Snapshot
from engine.transport.dialect import Availability, TimedAnswer
from engine.transport.wire import Completion
from engine.values import Challenge, Peer, Request

NETUID = 3


def a_feed() -> Feed:
    return Feed(Snapshot(at=1.0, version="0", role="validator", started_at=1.0))


def idle_engine(feed: Feed, folder: Path) -> InProcessEngine:
    """An engine with this feed and the record of a folder, which is never started."""
    return InProcessEngine(feed, LogRing(), FolderRecord(folder), EngineThread(_nothing))


async def _nothing() -> None:
    raise AssertionError("this engine is never started")


def named(feed: Feed, name: str) -> list[dict[str, Any]]:
    """The fields of the events of this name."""
    return [event.fields for event in events(feed) if event.name == name]


def events(feed: Feed) -> tuple[Event, ...]:
    return feed.events_after(0).events


def a_question(id: str = "q-1") -> Challenge:
    return Challenge(
        id=id,
        kind="arithmetic",
        source="file",
        created_at=1.0,
        request=Request(prompt="What is 41 plus 1?"),
        answer_type="number",
        truth="42",
    )


class Questions:
    """A source with these ids. `failure` is raised once, in the place of the next question."""

    name = "file"

    def __init__(self, *ids: str) -> None:
        self._ids = ids
        self._position = 0
        self.failure: Exception | None = None

    @property
    def cursor(self) -> Cursor:
        return Cursor("file:test", self._position)

    def resume(self, position: int) -> None:
        self._position = position

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Challenge:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if self._position == len(self._ids):
            raise StopAsyncIteration
        self._position += 1
        return a_question(self._ids[self._position - 1])


class Obliging:
    """A caller whose peers say `availability`, and `usual` or what `answers` has for their hotkey.

    An answer waits for `gate`, and for the challenge's own one in `gates`. `probed` and `asked` are whom it called.
    """

    def __init__(self, usual: str = "42") -> None:
        self._usual = usual
        self.answers: dict[str, str | Exception] = {}
        self.availability = Availability(True, ms=1.0)
        self.probed: list[str] = []
        self.asked: list[tuple[str, Challenge]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.gates: dict[str, asyncio.Event] = {}

    def hold(self, *ids: str) -> None:
        """Let the answers to these challenges wait until their gates are set."""
        self.gates |= {id: asyncio.Event() for id in ids}

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        self.probed.append(peer.hotkey)
        return self.availability

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        self.asked.append((peer.hotkey, challenge))
        await self.gate.wait()
        if gate := self.gates.get(challenge.id):
            await gate.wait()
        said = self.answers.get(peer.hotkey, self._usual)
        if isinstance(said, Exception):
            raise said
        return TimedAnswer(Completion(text=said), 12.0)


async def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait until something holds; fails when it does not."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 conditions of all kinds
            await asyncio.sleep(0.005)
