"""What stops a run and is not a fault of the program, with the exit code that says so."""

import datetime
import os
import platform
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console import __version__
from console.errors import ConsoleError, ExitCode
from engine.chain.embedded import ChainDataError, ChainFull, ChainInUse
from engine.chain.interface import ChainUnavailable
from engine.chain.wallets import WalletError
from engine.challenges.errors import ChallengeError
from engine.errors import StoreError
from engine.folders import FolderError, prepare_folder
from engine.judge.encoding.errors import EncoderError
from engine.locks import AlreadyRunning
from engine.logs import FOLDER
from engine.node.supervisor import Fatal
from engine.redaction import redact
from engine.text import MAX_CHARS, safe
from miner_server.errors import MinerError

CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((AlreadyRunning, ChainInUse), ExitCode.HELD),
    ((ChainFull,), ExitCode.USAGE),
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


@contextmanager
def told() -> Iterator[None]:
    """Raises as a ConsoleError what an operator can mend."""
    try:
        yield
    except Exception as error:
        mended = for_the_operator(error)
        if mended is error:
            raise
        raise mended from error


def for_the_operator(error: BaseException) -> BaseException:
    """The error of a room as one with an exit code; an error that no operator can mend stays as it is."""
    if isinstance(error, Fatal):
        return ConsoleError(str(error), ExitCode(error.exit_code))
    for kinds, code in CODES:
        if isinstance(error, kinds):
            return ConsoleError(str(error), code)
    return error


def write_report(error: BaseException, data_dir: Path) -> Path:
    """Write it beside the log, for this user alone. Raises FolderError, OSError."""
    now = datetime.datetime.now(datetime.UTC)
    path = prepare_folder(prepare_folder(data_dir) / FOLDER) / f"report-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    head = f"subnet-console {__version__}, Python {platform.python_version()}, {platform.platform()}, {now:%F %T} UTC"
    trace = safe(redact("".join(traceback.format_exception(error)), MAX_CHARS), lines=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{head}\n\n{trace}\n")
    return path
