"""What can be said of a data folder that is only looked at: its store, how far its record goes, its log."""

from pathlib import Path

from console.doctor.result import Result, ok, skipped
from console.present.formats import counted, utc
from engine.logs import FILE, FOLDER
from engine.snapshot import ReplayView

MB = 1_000_000


def record(replay: ReplayView, netuid: int) -> Result:
    """How many rounds there are, and from when."""
    return ok("record", f"{replay.total:,} rounds of netuid {netuid}, {utc(replay.first_at)} to {utc(replay.last_at)}")


def log(folder: Path) -> Result:
    """Whether the folder has the log of its engine."""
    files = sorted((folder / FOLDER).glob(f"{FILE}*"))
    if not files:
        return skipped("log", "the folder has none, so Logs stays empty")
    return ok("log", f"{sum(file.stat().st_size for file in files) / MB:.1f} MB in {counted(len(files), 'file')}")
