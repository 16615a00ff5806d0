"""The engine's side of its two doors: it publishes a Snapshot and events, and takes commands.

The engine's thread writes and any thread reads; neither waits for the other. The ring of events is bounded: a reader
that falls behind is told how many it missed.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from engine.commands import AnyCommand
from engine.redaction import hide_within
from engine.snapshot import About, Attention, Batch, Event, Snapshot
from engine.text import safe
from engine.values import Level

log = logging.getLogger(__name__)

LOG_LEVELS: dict[Level, int] = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
EVENTS_KEPT = 10_000
"""Hours of a busy validator, in a few megabytes."""

ATTENTIONS_KEPT = 100
"""When there are more, the subject with the most lines loses its oldest, so that none can crowd out the others."""

ATTENTION_WIDTH = 300
"""Characters of a subject or a text: four lines of a narrow terminal."""

CommandTaker = Callable[[AnyCommand, str], None]
"""Takes a command and the id under which it was submitted."""


class Feed:
    """One engine's doors."""

    def __init__(self, first: Snapshot) -> None:
        self._snapshot = first
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._last_seq = 0
        self._changed = threading.Condition()
        self._attention: list[Attention] = []
        self._attentions_seen = 0
        self._acknowledged: deque[set[int]] = deque(maxlen=ATTENTIONS_KEPT)
        self._on_command: CommandTaker | None = None

    # -- out ---------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The one published last."""
        return self._snapshot

    @property
    def attention(self) -> tuple[Attention, ...]:
        """Everything that needs a person, oldest first."""
        with self._changed:
            return tuple(self._attention)

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the snapshot as a whole."""
        self._snapshot = snapshot

    def emit(self, name: str, /, **fields: Any) -> None:
        """Add an event. Its fields are plain data and already clean; a secret that slipped through is redacted here."""
        with self._changed:
            self._last_seq += 1
            self._events.append(Event(self._last_seq, time.time(), name, hide_within(fields)))
            self._changed.notify_all()

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        """What happened after event `seq`, waiting up to `timeout` seconds for the first event."""
        with self._changed:
            if timeout > 0:
                self._changed.wait_for(lambda: self._last_seq > seq, timeout)
            newest_first = tuple(takewhile(lambda event: event.seq > seq, reversed(self._events)))
            missed = self._last_seq - seq - len(newest_first)
        return Batch(newest_first[::-1], max(missed, 0))

    def raise_attention(
        self, level: Level, subject: str, text: str, about: About | None = None, *, instead_of: Collection[str] = ()
    ) -> None:
        """Report that something happened. A repeat of the same subject and text is counted on the existing line, and
        reported again the tenth, hundredth and thousandth time. It replaces the lines of the same
        subject that say one of the texts `instead_of`."""
        subject, text = safe(subject, ATTENTION_WIDTH), safe(text, ATTENTION_WIDTH)
        if instead_of:
            self._withdraw(subject, {safe(one, ATTENTION_WIDTH) for one in instead_of})
        self._tell(level, subject, text, about, lambda known: (known.text == text) and not known.acknowledged)

    def hold_attention(self, level: Level, subject: str, text: str, about: About | None = None) -> None:
        """Report a condition that lasts until `settle`. A subject has one such line: the next text replaces it, even
        when it was acknowledged, and is counted."""
        self._tell(level, safe(subject, ATTENTION_WIDTH), safe(text, ATTENTION_WIDTH), about, lambda _known: True)

    def _withdraw(self, subject: str, texts: Collection[str]) -> None:
        """Take lines away without a word: a better one follows."""
        with self._changed:
            self._attention = [one for one in self._attention if one.subject != subject or one.text not in texts]

    def settle(self, subject: str, text: str, *, told: str | None = None) -> None:
        """Clear what was reported on `subject`, or its line `told` alone; if there was any, `text` says it is over."""
        subject = safe(subject, ATTENTION_WIDTH)
        line = None if told is None else safe(told, ATTENTION_WIDTH)
        with self._changed:
            others = [known for known in self._attention if known.subject != subject or line not in (None, known.text)]
            if len(others) < len(self._attention):
                self._attention = others
                self._announce("info", subject, safe(text, ATTENTION_WIDTH))

    def _tell(
        self, level: Level, subject: str, text: str, about: About | None, is_same: Callable[[Attention], bool]
    ) -> None:
        now = time.time()
        with self._changed:
            for index, known in enumerate(self._attention):
                if known.subject == subject and is_same(known):
                    again = replace(known, at=now, level=level, text=text, about=about, count=known.count + 1)
                    self._attention[index] = again
                    if _is_power_of_ten(again.count):
                        self._announce(level, subject, f"{text} ({again.count} times)")
                    return
            if len(self._attention) == ATTENTIONS_KEPT:
                lines = Counter(known.subject for known in self._attention)
                self._attention.remove(max(self._attention, key=lambda known: lines[known.subject]))
            self._attentions_seen += 1
            self._attention.append(
                Attention(id=self._attentions_seen, at=now, level=level, subject=subject, text=text, about=about)
            )
            self._announce(level, subject, text)

    def _announce(self, level: Level, subject: str, text: str) -> None:
        """As an event, and in the log, which also keeps what is over."""
        self.emit("attention", level=level, subject=subject, text=text)
        log.log(LOG_LEVELS[level], "%s: %s", subject, text)

    def acknowledge(self, attention_id: int | None) -> bool:
        """Mark one attention, or with None all of them, as seen. False when there was nothing to mark."""
        with self._changed:
            marked = {one.id for one in self._attention if not one.acknowledged and attention_id in (None, one.id)}
            self._mark(marked, acknowledged=True)
            if marked:
                self._acknowledged.append(marked)
        return bool(marked)

    def bring_back(self) -> bool:
        """Undo the last `acknowledge` of which a line is left. False when there is none."""
        with self._changed:
            while self._acknowledged:
                marked = self._acknowledged.pop()
                if any(one.id in marked and one.acknowledged for one in self._attention):
                    self._mark(marked, acknowledged=False)
                    return True
        return False

    def _mark(self, ids: Collection[int], *, acknowledged: bool) -> None:
        self._attention = [replace(one, acknowledged=acknowledged) if one.id in ids else one for one in self._attention]

    # -- in ----------------------------------------------------------------------------------------------------

    def on_command(self, handler: CommandTaker | None) -> None:
        """Set who takes commands, None for nobody. It runs on the submitting thread, so it must only hand them over."""
        self._on_command = handler

    def submit(self, command: AnyCommand, id: str) -> bool:
        """Hand a command to the engine. The event "command" that answers it has this `id`. False: nobody listens."""
        handler = self._on_command
        if handler is None:
            return False
        handler(command, id)
        return True


def _is_power_of_ten(count: int) -> bool:
    return str(count).rstrip("0") == "1"
