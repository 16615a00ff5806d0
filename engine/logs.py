"""The log: JSON lines in the data folder, rotated under a cap, and the last records for a screen.

Logging only puts a record into a bounded queue; cleaning, redacting and writing happen on a thread of their own.
A full queue or a full disk costs records, which the log then reports, and never a wait.
"""

import logging
import logging.handlers
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path

import msgspec

from engine.files import Whereabouts, damage, not_a_file
from engine.folders import PRIVATE, FolderError, prepare_folder
from engine.redaction import redact
from engine.snapshot import LogLine, LogTail
from engine.text import safe

FOLDER = "logs"
FILE = "console.jsonl"
FILES = 5
"""How many files share the cap."""

RING = 2000
"""Records kept for a screen, 16 MB at the very most."""

QUEUE = 10_000
"""Records that may wait for the disk."""

LOOK_S = 1.0
"""How often an idle log file is checked."""

MAX_TEXT = 8000
"""Characters of a record: a long traceback."""

MB = 1_000_000
CHATTY = ("httpx", "httpcore", "aiosqlite", "uvicorn")
"""Libraries that log every request or statement; only their warnings are kept."""


class LogRing:
    """The last records, oldest first, for readers on other threads."""

    def __init__(self, size: int = RING) -> None:
        self._lines: deque[LogLine] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._added = 0
        self._lost = 0

    def add(self, line: LogLine) -> None:
        """Append a record; the oldest goes when the ring is full."""
        with self._lock:
            self._lines.append(line)
            self._added += 1

    def add_lost(self, count: int) -> None:
        """Report that `count` records were lost on their way here."""
        self.add(_own_line(f"{count} records were lost: they came faster than they could be written"))
        with self._lock:
            self._lost += count

    @property
    def added(self) -> int:
        """How many records there have ever been."""
        return self._added

    def tail(self) -> LogTail:
        """A copy of what the ring holds."""
        with self._lock:
            return LogTail(self._added - len(self._lines), tuple(self._lines), self._lost)


@contextmanager
def open_log(
    data_dir: Path, *, level: str, cap_mb: float, tell: Callable[[str], object] = lambda _text: None
) -> Iterator[LogRing]:
    """Write what is logged at `level` or above under `data_dir`, and keep the last records in the ring it yields.

    All files together hold at most `cap_mb` megabytes. `tell` is called, on a thread of the log, when a file was
    deleted or replaced. Raises FolderError.
    """
    ring = LogRing()
    records: queue.Queue[logging.LogRecord] = queue.Queue(QUEUE)
    entrance = _Entrance(records)
    path = prepare_folder(data_dir / FOLDER) / FILE
    if obstacle := not_a_file(path):
        raise FolderError(damage(path, obstacle))
    writer = _Writer(path, ring, entrance, max_bytes=file_cap(cap_mb), tell=tell)
    listener = _Listener(records, writer)
    root = logging.getLogger()
    level_before = root.level
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    root.addHandler(entrance)
    listener.start()
    try:
        yield ring
    finally:
        root.removeHandler(entrance)
        root.setLevel(level_before)
        listener.stop()
        writer.close()


def file_cap(cap_mb: float) -> int:
    """How many bytes one file may take of a log that is capped at `cap_mb` megabytes."""
    return int(cap_mb * MB / FILES)


class _Entrance(logging.handlers.QueueHandler):
    """Takes records without ever waiting; counts those that did not fit."""

    def __init__(self, records: "queue.Queue[logging.LogRecord]") -> None:
        super().__init__(records)
        self.lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1


class _Listener(logging.handlers.QueueListener):
    def __init__(self, records: "queue.Queue[logging.LogRecord]", writer: "_Writer") -> None:
        super().__init__(records, writer)
        self._records = records
        self._writer = writer

    def enqueue_sentinel(self) -> None:
        """Unlike a record, the end waits for room in a full queue."""
        self.queue.put(self._sentinel)  # type: ignore[attr-defined]

    def dequeue(self, block: bool) -> logging.LogRecord:
        """The next record. Until it comes, the writer checks its file."""
        while block:
            with suppress(queue.Empty):
                return self._records.get(timeout=LOOK_S)
            self._writer.look()
        return self._records.get_nowait()


class _Writer(logging.handlers.RotatingFileHandler):
    """Cleans each record and keeps it in the ring and in a file that nobody else may read."""

    def __init__(
        self, path: Path, ring: LogRing, entrance: _Entrance, *, max_bytes: int, tell: Callable[[str], object]
    ) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=FILES - 1, encoding="utf-8", delay=True)
        self._data_dir = Whereabouts(path.parent.parent)
        self._file = Whereabouts()
        self._tell = tell
        self._ring = ring
        self._entrance = entrance
        self._lost_before = 0
        self._quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        lost, self._lost_before = self._entrance.lost - self._lost_before, self._entrance.lost
        if lost:
            self._ring.add_lost(lost)
        line = LogLine(record.created, record.levelname, safe(record.name), clean(str(record.msg)))
        self._ring.add(line)
        self.look()
        record.msg = msgspec.json.encode(line).decode()
        if not self._data_dir.lost():
            super().emit(record)

    def look(self) -> None:
        """Start a new file when ours was deleted or replaced, unless the data folder itself is gone."""
        if self.stream is None or not (lost := self._file.lost()):
            return
        with suppress(OSError):
            self.stream.close()
        self.stream = None
        if not (gone := self._data_dir.lost()):
            with suppress(OSError):
                Path(self.baseFilename).parent.mkdir(mode=PRIVATE, exist_ok=True)
                self.stream = self._open()
        said = (
            f"{lost}: a new one was started" if self.stream else f"nothing is written to the log file: {gone or lost}"
        )
        self._ring.add(_own_line(said))
        self._tell(said)

    def close(self) -> None:
        """Close the file. What a full disk cannot take is lost."""
        with suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002 the base class calls it so
        """The file cannot be written: the ring says so, once a minute at most."""
        if time.monotonic() >= self._quiet_until:
            self._ring.add(_own_line(f"the log file cannot be written: {sys.exc_info()[1]}"))
            self._quiet_until = time.monotonic() + 60

    def _open(self) -> TextIOWrapper:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        stream = open(self.baseFilename, "a", encoding=self.encoding, opener=private)  # noqa: SIM115 it stays open
        self._file = Whereabouts.of_open(Path(self.baseFilename), stream.fileno())
        return stream


def clean(text: str) -> str:
    """`text` as it may be logged: no secrets, no control characters, not too long."""
    return safe(redact(text, MAX_TEXT), lines=True)[:MAX_TEXT]


def _own_line(text: str) -> LogLine:
    return LogLine(time.time(), "ERROR", __name__, text)
