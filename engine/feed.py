"""The two doors between the engine and whoever looks at it: a Snapshot and events out, Commands in.

The engine's thread writes, any other thread reads; neither waits for the other's work. The ring is bounded: a reader
that falls behind is told how many events it missed.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.commands import AnyCommand
from engine.redaction import hide_within
from engine.snapshot import Attention, Event, Snapshot
from engine.text import safe
from engine.values import Level

log = logging.getLogger(__name__)

LOG_LEVELS: dict[Level, int] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
EVENTS_KEPT = 10_000
ATTENTIONS_KEPT = 100
ATTENTION_WIDTH = 300

CommandTaker = Callable[[AnyCommand, str], None]
"""Takes a command and its id."""


class Batch(Struct, frozen=True):
    """Events after the one asked for, and how many older ones the ring had already dropped."""

    events: tuple[Event, ...]
    missed: int


class Feed:
    """One engine's doors."""

    def __init__(self, first: Snapshot) -> None:
        self._snapshot = first
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._last_seq = 0
        self._changed = threading.Condition()
        self._attention: deque[Attention] = deque(maxlen=ATTENTIONS_KEPT)
        self._attentions_seen = 0
        self._on_command: CommandTaker | None = None

    # -- out ---------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @property
    def attention(self) -> tuple[Attention, ...]:
        with self._changed:
            return tuple(self._attention)

    def publish(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def emit(self, name: str, /, **fields: Any) -> None:
        """Add an event. Fields are plain data, already cleaned; a secret that slipped through is hidden here."""
        with self._changed:
            self._last_seq += 1
            self._events.append(Event(self._last_seq, time.time(), name, hide_within(fields)))
            self._changed.notify_all()

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        """What happened after event `seq`; waits up to `timeout` seconds for the first one."""
        with self._changed:
            if timeout > 0:
                self._changed.wait_for(lambda: self._last_seq > seq, timeout)
            newest_first = tuple(takewhile(lambda event: event.seq > seq, reversed(self._events)))
            missed = self._last_seq - seq - len(newest_first)
        return Batch(newest_first[::-1], max(missed, 0))

    def raise_attention(self, level: Level, subject: str, text: str) -> None:
        """Tell a person that something happened. The same subject and text again is counted on the line that is there,
        and told again when it has come ten, a hundred, a thousand times."""
        subject, text = safe(subject, ATTENTION_WIDTH), safe(text, ATTENTION_WIDTH)
        self._tell(level, subject, text, lambda known: (known.text == text) and not known.acknowledged)

    def hold_attention(self, level: Level, subject: str, text: str) -> None:
        """Tell a person what is so until `settle`. Of one subject there is one line: the next text takes its place,
        also where it was acknowledged, and is counted."""
        self._tell(level, safe(subject, ATTENTION_WIDTH), safe(text, ATTENTION_WIDTH), lambda _known: True)

    def settle(self, subject: str, text: str, *, told: str | None = None) -> None:
        """What was told of `subject`, or its line `told` alone, is over: it goes; `text` says so if it was there."""
        subject = safe(subject, ATTENTION_WIDTH)
        line = None if told is None else safe(told, ATTENTION_WIDTH)
        with self._changed:
            others = [known for known in self._attention if known.subject != subject or line not in (None, known.text)]
            if len(others) < len(self._attention):
                self._attention = deque(others, maxlen=ATTENTIONS_KEPT)
                self._announce("info", subject, safe(text, ATTENTION_WIDTH))

    def _tell(self, level: Level, subject: str, text: str, is_same: Callable[[Attention], bool]) -> None:
        now = time.time()
        with self._changed:
            for index, known in enumerate(self._attention):
                if known.subject == subject and is_same(known):
                    again = replace(known, at=now, level=level, text=text, count=known.count + 1)
                    self._attention[index] = again
                    if _is_power_of_ten(again.count):
                        self._announce(level, subject, f"{text} ({again.count} times)")
                    return
            self._attentions_seen += 1
            self._attention.append(Attention(id=self._attentions_seen, at=now, level=level, subject=subject, text=text))
            self._announce(level, subject, text)

    def _announce(self, level: Level, subject: str, text: str) -> None:
        """As an event, and in the log, which also remembers what is over."""
        self.emit("attention", level=level, subject=subject, text=text)
        log.log(LOG_LEVELS[level], "%s: %s", subject, text)

    def acknowledge(self, attention_id: int | None) -> bool:
        """Mark one attention, or all, as seen. False when there was none to mark."""
        marked = False
        with self._changed:
            for index, known in enumerate(self._attention):
                if not known.acknowledged and attention_id in (None, known.id):
                    self._attention[index] = replace(known, acknowledged=True)
                    marked = True
        return marked

    # -- in ----------------------------------------------------------------------------------------------------

    def on_command(self, handler: CommandTaker | None) -> None:
        """Who takes the commands, None for nobody; called on the submitting thread, so it must only hand them over."""
        self._on_command = handler

    def submit(self, command: AnyCommand, id: str) -> bool:
        """Hand a command to the engine; the event "command" that answers it has this `id`. False: no engine listens."""
        handler = self._on_command
        if handler is None:
            return False
        handler(command, id)
        return True


def _is_power_of_ten(count: int) -> bool:
    return str(count).rstrip("0") == "1"
