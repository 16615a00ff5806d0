"""The engine without a screen: events as JSON lines on stdout, narration on stderr, signals, exit code."""

import contextlib
import datetime
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec

from engine.doors import Engine, InProcessEngine
from engine.node.thread import EngineThread
from engine.redaction import hide_known
from engine.snapshot import Event
from engine.text import safe

POLL_S = 0.2
GRACE_S, LIMIT_S = 2.3, 2.8
"""An engine has so long to stop, and the process to end: 3 s are promised."""
LAST_WORD_S = 10.0
"""How long the last lines wait for a slow reader when nobody asked us to hurry."""
WORDS_KEPT = 64 * 1024
"""Bytes of words that wait for a reader of stderr, as many as a pipe holds."""

CHUNK = 4096
"""No more than a pipe is sure to take at once, and as a whole (PIPE_BUF)."""


class Lines:
    """Lines on their way to a reader. Only `write` waits for it; a reader that is gone ends the output for good."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending = bytearray()
        self.closed = False

    def add(self, line: bytes) -> None:
        if not self.closed:
            self._pending += line + b"\n"

    @property
    def waiting(self) -> int:
        """How many bytes the reader has not taken."""
        return len(self._pending)

    def write(self, timeout: float = POLL_S) -> bool:
        """Write what the reader takes within `timeout` seconds. False when something is left.

        Lines go out whole, so that the end of the process tears none, but for those longer than a chunk.
        """
        until = time.monotonic() + timeout
        wait = timeout
        try:
            while self._pending and wait >= 0 and select.select([], [self._fd], [], wait)[1]:
                whole_lines = self._pending.rfind(b"\n", 0, CHUNK) + 1
                del self._pending[: os.write(self._fd, self._pending[: whole_lines or CHUNK])]
                wait = until - time.monotonic()
        except OSError:
            self.closed = True
            self._pending.clear()
        return not self._pending


class Reporter:
    """Passes events on: each as a line on stdout, and in words on stderr where `explain` has some.

    Neither waits for the reader of the other. While that of stdout takes nothing, events wait in the engine's ring; of
    words that nobody reads a bounded number waits, and the others are dropped.
    """

    def __init__(self, engine: Engine, explain: Callable[[Event], str | None], *, stdout: int, stderr: int) -> None:
        self._engine = engine
        self._explain = explain
        self._lines = Lines(stdout)
        self._words = Lines(stderr)
        self._seq = 0
        self._explained = 0

    def pass_on(self) -> None:
        """Print what happened since the last time, or wait a moment for something to happen."""
        if self._write(POLL_S):
            self._take_events(POLL_S)
        self._explain_events()

    def finish(self, patience: float) -> None:
        """Print the last events, for as long as `patience` seconds."""
        self._take_events(0.0)
        self._explain_events()
        self._write(patience)
        self._words.write(POLL_S)

    def _take_events(self, timeout: float) -> None:
        batch = self._engine.events_after(self._seq, timeout=timeout)
        if batch.missed:
            self._narrate(f"{batch.missed} events were dropped: the reader of stdout is too slow")
        for event in batch.events:
            self._seq = event.seq
            self._lines.add(msgspec.json.encode(line_of(event)))

    def _explain_events(self) -> None:
        for event in self._engine.events_after(self._explained).events:
            self._explained = event.seq
            if text := self._explain(event):
                self._narrate(text)

    def _write(self, timeout: float) -> bool:
        was_open = not self._lines.closed
        done = self._lines.write(timeout)
        if was_open and self._lines.closed:
            self._narrate("stdout is closed: the engine goes on without it, see the log file")
        return done

    def _narrate(self, text: str) -> None:
        self._words.write(0.0)
        if self._words.waiting < WORDS_KEPT:
            self._words.add(text.encode(errors="replace"))
            self._words.write(0.0)


def narrate(text: str) -> None:
    """A line for people. A stderr that is gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(hide_known(text), file=sys.stderr, flush=True)  # noqa: T201 narration is what this function is for


def line_of(event: Event) -> dict[str, Any]:
    """An event in the contract's form."""
    at = datetime.datetime.fromtimestamp(event.at, datetime.UTC).isoformat(timespec="milliseconds")
    return {"event": event.name, "at": at.replace("+00:00", "Z"), **event.fields}


def on_interrupt(handler: Callable[[int, FrameType | None], object]) -> None:
    """Have SIGINT handled, unless whoever started us wants it ignored, as a shell does for a job in the background."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


class Signals:
    """SIGINT and SIGTERM stop the engine, SIGHUP too when `stop_on_hangup`. Repeated ones change nothing.

    An engine that hangs is left behind after `GRACE_S`, whoever stopped it; where a signal comes and not even this
    thread gets on, `end` says with which code the process ends.
    """

    def __init__(self, engine: EngineThread, end: Callable[[signal.Signals], int], *, stop_on_hangup: bool) -> None:
        self._engine = engine
        self._end = end
        self._deadline = math.inf
        self.received: signal.Signals | None = None
        on_interrupt(self._receive)
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGHUP, self._receive if stop_on_hangup else signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def stop(self) -> None:
        """Stop the engine as a signal does."""
        self._deadline = min(self._deadline, time.monotonic() + GRACE_S)
        self._engine.stop()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            return
        self.received = signal.Signals(number)
        self.stop()
        watchdog = threading.Timer(LIMIT_S, lambda: os._exit(self._end(signal.Signals(number))))
        watchdog.daemon = True
        watchdog.start()

    @property
    def overdue(self) -> bool:
        """Whether the engine should have stopped by now."""
        return time.monotonic() > self._deadline


def run(
    engine: InProcessEngine,
    *,
    stop_on_hangup: bool,
    explain: Callable[[Event], str | None],
    end: Callable[[signal.Signals], int],
) -> signal.Signals | None:
    """Run the engine to its end and print what happens.

    `explain` puts an event into words, `end` is what `Signals` asks at the last.
    Returns the signal that ended the run, None when it ended by itself.
    """
    thread = engine.thread
    signals = Signals(thread, end, stop_on_hangup=stop_on_hangup)
    reporter = Reporter(engine, explain, stdout=sys.stdout.fileno(), stderr=sys.stderr.fileno())
    thread.start()
    while thread.running and not signals.overdue:
        reporter.pass_on()
    last = engine.snapshot
    engine.feed.emit(
        "stopped",
        reason=_reason(thread, signals.received),
        rounds=last.rounds_done,
        failed=thread.error is not None,
        unstored=last.rounds_unstored,
        record_gone=safe(last.record_gone),
    )
    reporter.finish(LAST_WORD_S if signals.received is None else POLL_S)
    return signals.received


def _reason(thread: EngineThread, received: signal.Signals | None) -> str:
    if thread.error is not None:
        return safe(str(thread.error) or type(thread.error).__name__)
    return "done" if received is None else received.name
