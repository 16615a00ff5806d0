"""The engine without a screen: events as JSON lines on stdout, and in words on stderr."""

import datetime
import math
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from console.garbage import SETTLED_S, leave_alone_what_stays
from console.signals import Signals
from engine.commands import in_words
from engine.feed import Feed
from engine.node.thread import EngineThread
from engine.snapshot import Batch, Event
from engine.text import safe

POLL_S = 0.2
"""Seconds between two polls of the engine: a line may be this old."""

LAST_WORD_S = 10.0
"""How long the last lines wait for a slow reader if no signal demands a quick end."""

WORDS_KEPT = 64 * 1024
"""Bytes that may be queued for a reader of stderr: the capacity of a pipe."""

CHUNK = 4096
"""What a pipe accepts atomically (PIPE_BUF)."""


TOLD_MOST, TOLD_SPAN_S = 5, 60.0
"""At most this many alerts of one subject and level go to stderr in this many seconds; the others go to stdout
alone.
"""


class LineWriter:
    """Lines queued for a reader. Only `write` waits for it; once the reader is gone, output ends for good."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending = bytearray()
        self.closed = False

    def add(self, line: bytes) -> None:
        """Queue a line, without its end."""
        if not self.closed:
            self._pending += line + b"\n"

    @property
    def waiting(self) -> int:
        """How many bytes the reader has not taken yet."""
        return len(self._pending)

    def write(self, timeout: float = POLL_S) -> bool:
        """Write what the reader takes within `timeout` seconds. False when something is left.

        Lines no longer than a chunk go out whole, so that the end of the process cuts none in two.
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


class Telling(Protocol):
    """A source of events: an `Engine` or its `Feed`."""

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        """As `Engine.events_after`."""
        ...


class Reporter:
    """Prints events: each as a line on stdout, and in words on stderr if `explain` returns any.

    Neither stream waits for the other's reader. While nobody reads stdout, events wait in the engine's ring; a bounded
    number of words waits for stderr, and the rest is dropped.
    """

    def __init__(self, engine: Telling, explain: Callable[[Event], str | None], *, stdout: int, stderr: int) -> None:
        self._engine = engine
        self._explain = explain
        self._lines = LineWriter(stdout)
        self._words = LineWriter(stderr)
        self._seq = 0
        self._explained = 0

    def pass_on(self) -> None:
        """Print the events since the last call, or wait briefly for new ones."""
        if self._write(POLL_S):
            self._take_events(POLL_S)
        self._explain_events()

    def finish(self, patience: float) -> None:
        """Print the last events, for up to `patience` seconds."""
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
            self._narrate("stdout was closed: the engine keeps running; see the log file")
        return done

    def _narrate(self, text: str) -> None:
        self._words.write(0.0)
        if self._words.waiting < WORDS_KEPT:
            self._words.add(text.encode(errors="replace"))
            self._words.write(0.0)


def line_of(event: Event) -> dict[str, Any]:
    """An event as `launch --no-ui` prints it: name, time (ISO 8601, UTC, milliseconds) and fields."""
    at = datetime.datetime.fromtimestamp(event.at, datetime.UTC).isoformat(timespec="milliseconds")
    return {"event": event.name, "at": at.replace("+00:00", "Z"), **event.fields}


class Narrator:
    """Puts events into words, and mutes alerts that keep repeating."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], deque[float]] = {}

    def __call__(self, event: Event) -> str | None:
        if event.name != "attention":
            return explain(event)
        level, subject = event.fields["level"], event.fields["subject"]
        told = self._told.setdefault((level, subject), deque(maxlen=TOLD_MOST + 1))
        if len(told) > TOLD_MOST and event.at - told[0] < TOLD_SPAN_S:
            return None
        told.append(event.at)
        if len(told) > TOLD_MOST and event.at - told[0] < TOLD_SPAN_S:
            return f"{level}: {subject}: repeats are muted for a minute; see stdout or the log"
        return explain(event)


def explain(event: Event) -> str | None:
    """An event in one or more lines; None when it needs no words."""
    fields = event.fields
    match event.name:
        case "started" if not fields["hotkey"]:
            return f"service {fields['role']} for netuid {fields['netuid']}"
        case "started":
            return f"{fields['role']} on netuid {fields['netuid']} as {fields['hotkey']}, data in {fields['data_dir']}"
        case "service" if fields["state"] in ("backing_off", "failed"):
            return f"service {fields['name']}: {fields['state'].replace('_', ' ')}, {fields['reason']}"
        case "round":
            winner = "no winner" if fields["winner_uid"] is None else f"uid {fields['winner_uid']} wins"
            kept = "" if fields["recorded"] else ", not stored yet"
            return (
                f"round {fields['id']} ({fields['kind']}): {fields['answered']} of {fields['asked']} answered, "
                f"agreement {fields['agreement']:.0%}, {winner}, {fields['duration_ms'] / 1000:.1f} s{kept}"
            )
        case "weights":
            count = len(fields["uids"])
            reason = f" ({fields['reason']})" if fields["reason"] else ""
            return f"weights of {count} miners at block {fields['block']}: {fields['outcome']}{reason}"
        case "attention":
            return f"{fields['level']}: {fields['subject']}: {fields['text']}"
        case "command":
            return f"{in_words(fields['command'])} {fields['detail']}: {fields['outcome']} {fields['reason']}".rstrip()
        case "earned":
            return _earned(fields["miners"])
        case "stopped" if not fields["failed"]:
            unstored = f", {fields['unstored']} of them not stored" if fields["unstored"] else ""
            rounds = "1 round" if fields["rounds"] == 1 else f"{fields['rounds']} rounds"
            return f"stopped after {rounds}{unstored}: {fields['reason']}"
    return None


def _earned(miners: list[dict[str, float | str]]) -> str:
    head = f"{'MINER':<14}{'UID':>4}{'ROUNDS':>8}{'ANSWERED':>10}{'EMA':>9}{'WEIGHT':>9}{'EARNED':>10}"
    rows = [
        f"{row['name']:<14}{row['uid']:>4}{row['rounds']:>8}{row['answered']:>10}"
        f"{row['ema']:>9.4f}{row['weight']:>9.4f}{row['earned']:>10.4f}"
        for row in miners
    ]
    return "\n".join(["what each miner earned:", head, *rows])


def run_headless(
    feed: Feed,
    thread: EngineThread,
    *,
    stop_on_hangup: bool,
    end: Callable[[signal.Signals], int],
) -> signal.Signals | None:
    """Run the engine to its end and print what happens; `end` is called by `Signals` as a last resort. Returns the
    signal that ended the run, None if it ended by itself.
    """
    signals = Signals(thread, end, stop_on_hangup=stop_on_hangup)
    reporter = Reporter(feed, Narrator(), stdout=sys.stdout.fileno(), stderr=sys.stderr.fileno())
    thread.start()
    settled = time.monotonic() + SETTLED_S
    while thread.running and not signals.overdue:
        reporter.pass_on()
        if time.monotonic() >= settled:
            leave_alone_what_stays()
            settled = math.inf
    last = feed.snapshot
    feed.emit(
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
