"""The record of a data folder, read in this process."""

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from engine.doors import MinerRecord, RecordedRound
from engine.snapshot import LogLine

if TYPE_CHECKING:
    from console.record.recording import Recording


class FolderRecord:
    """The `RecordReader` of a data folder, whether an engine runs on it or not. Nothing stays open between calls.

    `data` is the folder whose store is read when that of `folder` cannot be (`private_copy.readable`). The first call
    imports what reads the store, because a screen is given its record before its first frame.
    """

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        self._folder = folder
        self._data = data or folder

    def round(self, id: str, steps: int = 0) -> RecordedRound:
        from console.record.rounds import read_round

        return read_round(self._data, id, steps)

    def miner(self, netuid: int, hotkey: str, until: float = inf) -> MinerRecord:
        from console.record.rounds import read_miner

        return read_miner(self._data, netuid, hotkey, until)

    def log(self, until: float) -> list[LogLine]:
        from console.record.log import log_until

        return log_until(self._folder, until)

    def instants(self) -> "Recording":
        from console.record.recording import Recording

        return Recording(self._folder, self._data)
