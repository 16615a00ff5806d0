"""`subnet-console launch`: folder and log, the engine on its thread, and an exit code for how it ended."""

import signal
import time
from pathlib import Path

from console import __version__, headless
from console.errors import ConsoleError, ExitCode
from console.narration import explain
from console.roles.operate import operate
from engine.chain.interface import ChainUnavailable
from engine.chain.local import ChainDataError, ChainInUse
from engine.chain.wallets import WalletError
from engine.challenges.errors import ChallengeError
from engine.encoding.errors import EncoderError
from engine.feed import Feed
from engine.folders import FolderError, prepare_folder
from engine.host import EngineThread
from engine.locks import AlreadyRunning
from engine.logs import open_log
from engine.settings import Configuration
from engine.snapshot import Snapshot
from engine.store.errors import StoreError
from engine.supervisor import Fatal
from miner_server.errors import MinerError

CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((AlreadyRunning, ChainInUse), ExitCode.HELD),
    ((ChainUnavailable,), ExitCode.CHAIN),
    (
        (
            ChainDataError,
            ChallengeError,
            EncoderError,
            FolderError,
            MinerError,
            StoreError,
            WalletError,
        ),
        ExitCode.USAGE,
    ),
)


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
    engine = EngineThread(lambda: operate(settings, folder, feed))
    stop_on_hangup = settings.on_hangup == "stop"
    with open_log(folder, level=settings.log_level, cap_mb=settings.log_cap_mb) as logs:
        if on_screen:
            from console.tui.run import run_screen

            received = run_screen(engine, feed, logs, folder, configuration)
        else:
            received = headless.run(engine, feed, stop_on_hangup=stop_on_hangup, explain=explain)
    if engine.error is not None:
        raise _for_the_operator(engine.error) from engine.error
    return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.DONE


def _for_the_operator(error: BaseException) -> BaseException:
    """The error of a room as one with an exit code; an error that no operator can mend stays as it is."""
    if isinstance(error, Fatal):
        return ConsoleError(str(error), ExitCode(error.exit_code))
    for kinds, code in CODES:
        if isinstance(error, kinds):
            return ConsoleError(str(error), code)
    return error
