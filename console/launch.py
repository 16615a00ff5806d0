"""`subnet-console launch`: folder and log, the engine on its thread, and an exit code for how it ended."""

import os
import signal
import time
from pathlib import Path

from console import __version__, headless, settling
from console.errors import ExitCode
from console.narration import explain
from console.network import require_embedded
from engine.feed import Feed
from engine.folders import OTHERS, prepare_folder
from engine.host import EngineThread
from engine.logs import open_log
from engine.settings import Configuration, Settings
from engine.snapshot import Snapshot


def run(configuration: Configuration, *, on_screen: bool) -> int:
    """Run the configured role to its end. Returns the exit code, or raises what stopped it."""
    settings = configuration.settings
    require_embedded(settings)
    os.umask(os.umask(OTHERS) | OTHERS)
    folder = prepare_folder(Path(settings.data_dir))
    now = time.time()
    feed = Feed(Snapshot(at=now, version=__version__, role=settings.role, started_at=now))
    engine = EngineThread(lambda: _operate(settings, folder, feed))
    stop_on_hangup = settings.on_hangup == "stop"
    with open_log(folder, level=settings.log_level, cap_mb=settings.log_cap_mb) as logs:
        if on_screen:
            settling.begin()
            from console.tui.run import run_screen

            received = run_screen(engine, feed, logs, folder, configuration)
        else:
            received = headless.run(engine, feed, stop_on_hangup=stop_on_hangup, explain=explain)
    if engine.error is not None:
        from console.faults import for_the_operator

        raise for_the_operator(engine.error) from engine.error
    return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.DONE


async def _operate(settings: Settings, folder: Path, feed: Feed) -> None:
    """Load the rooms of the engine on its own thread, and run: the first frame does not wait for them."""
    from console.roles.operate import operate

    await operate(settings, folder, feed)
