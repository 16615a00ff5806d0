"""The engine without a screen: events as JSON lines on stdout, narration on stderr, signals, exit code."""

import contextlib
import datetime
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec

from engine.feed import Feed
from engine.host import EngineThread
from engine.snapshot import Event
from engine.text import safe

POLL_S = 0.2
GRACE_S = 2.7
LAST_WORD_S = 10.0
"""How long the last lines wait for a slow reader when nobody asked us to hurry."""
CHUNK = 4096
"""No more than a pipe is sure to take at once (PIPE_BUF)."""


class Lines:
    """Stdout as JSON lines. Never blocks for longer than a poll; a reader that is gone ends the output for good."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending = bytearray()
        self.closed = False

    def add(self, event: Event) -> None:
        if not self.closed:
            self._pending += msgspec.json.encode(line_of(event)) + b"\n"

    def write(self, timeout: float = POLL_S) -> bool:
        """Write what the reader takes now. False when something is left."""
        try:
            while self._pending and select.select([], [self._fd], [], timeout)[1]:
                del self._pending[: os.write(self._fd, self._pending[:CHUNK])]
        except OSError:
            self.closed = True
            self._pending.clear()
        return not self._pending


def line_of(event: Event) -> dict[str, Any]:
    """An event in the contract's form."""
    at = datetime.datetime.fromtimestamp(event.at, datetime.UTC).isoformat(timespec="milliseconds")
    return {"event": event.name, "at": at.replace("+00:00", "Z"), **event.fields}


def narrate(text: str) -> None:
    """A line for people. A stderr that is gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201 narration is what this function is for


class Signals:
    """SIGINT and SIGTERM stop the engine, SIGHUP too when `stop_on_hangup`; the second one kills what hangs."""

    def __init__(self, engine: EngineThread, *, stop_on_hangup: bool) -> None:
        self._engine = engine
        self.received: signal.Signals | None = None
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGHUP, self._stop if stop_on_hangup else signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)
        self.received = signal.Signals(number)
        self._engine.stop()
        watchdog = threading.Timer(GRACE_S, os._exit, (128 + number,))
        watchdog.daemon = True
        watchdog.start()


def run(
    engine: EngineThread,
    feed: Feed,
    *,
    stop_on_hangup: bool,
    explain: Callable[[Event], str | None],
) -> signal.Signals | None:
    """Run the engine to its end and print what happens; `explain` narrates an event.

    While the reader of stdout takes nothing, events wait in the feed's ring. Returns the signal that ended the run,
    None when it ended by itself.
    """
    signals = Signals(engine, stop_on_hangup=stop_on_hangup)
    lines = Lines(sys.stdout.fileno())
    seq = 0
    engine.start()
    while engine.running:
        if lines.write():
            seq = _pass_on(feed, seq, lines, explain)
    feed.emit(
        "stopped",
        reason=_reason(engine, signals.received),
        rounds=feed.snapshot.rounds_done,
        failed=engine.error is not None,
    )
    _pass_on(feed, seq, lines, explain)
    lines.write(timeout=LAST_WORD_S if signals.received is None else POLL_S)
    return signals.received


def _pass_on(feed: Feed, seq: int, lines: Lines, explain: Callable[[Event], str | None]) -> int:
    """Print the events after `seq`, or wait a moment for one. Returns the last one's number."""
    batch = feed.events_after(seq, timeout=POLL_S)
    if batch.missed:
        narrate(f"{batch.missed} events were dropped: the reader of stdout is too slow")
    for event in batch.events:
        lines.add(event)
        _explain(event, explain)
    was_open = not lines.closed
    lines.write()
    if was_open and lines.closed:
        narrate("stdout is closed: the engine goes on without it, see the log file")
    return batch.events[-1].seq if batch.events else seq


def _reason(engine: EngineThread, received: signal.Signals | None) -> str:
    if engine.error is not None:
        return safe(str(engine.error) or type(engine.error).__name__)
    return "done" if received is None else received.name


def _explain(event: Event, explain: Callable[[Event], str | None]) -> None:
    text = explain(event)
    if text:
        narrate(text)
