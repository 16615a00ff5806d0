"""`subnet-console launch`: folder and log, the engine on its thread, and an exit code for how it ended."""

import signal
import time
from pathlib import Path

from console import __version__, headless, settling
from console.errors import ConsoleError, ExitCode
from console.narration import explain
from engine.feed import Feed
from engine.folders import prepare_folder
from engine.host import EngineThread
from engine.logs import open_log
from engine.settings import Configuration, Settings
from engine.snapshot import Snapshot


def run(configuration: Configuration, *, on_screen: bool) -> int:
    """Run the configured role to its end. Returns the exit code, or raises what stopped it."""
    settings = configuration.settings
    if settings.network != "embedded":
        raise ConsoleError(
            f"network {settings.network!r} cannot be driven yet: leave --network out, or say --network embedded"
        )
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
        raise _for_the_operator(engine.error) from engine.error
    return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.DONE


async def _operate(settings: Settings, folder: Path, feed: Feed) -> None:
    """Load the rooms of the engine on its own thread, and run: the first frame does not wait for them."""
    from console.roles.operate import operate

    await operate(settings, folder, feed)


def _for_the_operator(error: BaseException) -> BaseException:
    """The error of a room as one with an exit code; an error that no operator can mend stays as it is."""
    from console.faults import CODES
    from engine.supervisor import Fatal

    if isinstance(error, Fatal):
        return ConsoleError(str(error), ExitCode(error.exit_code))
    for kinds, code in CODES:
        if isinstance(error, kinds):
            return ConsoleError(str(error), code)
    return error
