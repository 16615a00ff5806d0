"""The engine of this process as its screens see it."""

from engine.commands import AnyCommand
from engine.doors import EngineState, Log, RecordReader
from engine.feed import Feed
from engine.node.thread import EngineThread
from engine.snapshot import Batch, Snapshot


class InProcessEngine:
    """The engine of this process. Its owner starts and stops the `thread`, and emits its last event to the `feed`."""

    def __init__(self, feed: Feed, logs: Log, record: RecordReader, thread: EngineThread) -> None:
        self.feed = feed
        self.thread = thread
        self._logs = logs
        self._record = record

    @property
    def state(self) -> EngineState:
        if not self.thread.ended:
            return "running"
        return "ended" if self.thread.error is None else "failed"

    @property
    def snapshot(self) -> Snapshot:
        return self.feed.snapshot

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        return self.feed.events_after(seq, timeout=timeout)

    def submit(self, command: AnyCommand, id: str) -> bool:
        return self.feed.submit(command, id)

    @property
    def logs(self) -> Log:
        return self._logs

    @property
    def record(self) -> RecordReader:
        return self._record
