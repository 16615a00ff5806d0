"""An engine over made-up miners without a screen, which terminals attach to: `python -m benchmarks.live_engine`.

It takes what `benchmarks.live_rows` takes, in that order, and ends when its stdin does.
"""

import sys
from functools import partial
from pathlib import Path

from benchmarks.live_rows import first, main
from console.record.folder import FolderRecord
from console.remote.server import listening
from console.streams import narrate
from engine.feed import Feed
from engine.logs import LogRing
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread


def run(rows: int, share: float, folder: Path) -> None:
    feed = Feed(first(rows))
    thread = EngineThread(partial(main, feed, share, folder))
    with listening(InProcessEngine(feed, LogRing(), FolderRecord(folder), thread), folder, tell=narrate):
        thread.start()
        sys.stdin.read()
        thread.stop()
        thread.join()


if __name__ == "__main__":
    run(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
