"""The exit code of each error that an operator can fix, and crash reports of unexpected ones."""

import datetime
import os
import platform
import traceback
from pathlib import Path

from console import __version__
from console.errors import ConsoleError, ExitCode
from engine.api_keys import KeyFileError
from engine.chain.embedded import ChainDataError, ChainFull, ChainInUse
from engine.chain.interface import ChainUnavailable
from engine.chain.wallets import WalletError
from engine.challenges import ChallengeError
from engine.errors import StoreError
from engine.folders import FolderError, prepare_folder
from engine.judge.client import JudgeFailed
from engine.judge.encoding.basics import EncoderError
from engine.locks import AlreadyRunning
from engine.logs import FOLDER
from engine.node.chain_watch import NotRegistered
from engine.plugins import PluginError
from engine.redaction import redact
from engine.settings import SettingsError
from engine.text import MAX_CHARS, safe
from miner_server.errors import MinerError

CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((NotRegistered,), ExitCode.NOT_REGISTERED),
    ((AlreadyRunning, ChainInUse), ExitCode.HELD),
    ((ChainFull,), ExitCode.USAGE),
    ((ChainUnavailable,), ExitCode.CHAIN),
    (
        (
            ChainDataError,
            ChallengeError,
            EncoderError,
            FolderError,
            JudgeFailed,
            KeyFileError,
            MinerError,
            PluginError,
            SettingsError,
            StoreError,
            WalletError,
        ),
        ExitCode.USAGE,
    ),
)
"""The first match counts: `ChainFull` is also a `ChainUnavailable`."""


def exit_code(error: Exception) -> ExitCode | None:
    """The exit code of an error that an operator can fix; None for a bug."""
    if isinstance(error, ConsoleError):
        return error.exit_code
    return next((code for kinds, code in CODES if isinstance(error, kinds)), None)


def write_report(error: BaseException, data_dir: Path) -> Path:
    """Write a crash report beside the log, readable by this user only. Raises FolderError, OSError."""
    now = datetime.datetime.now(datetime.UTC)
    path = prepare_folder(prepare_folder(data_dir) / FOLDER) / f"report-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    head = f"subnet-console {__version__}, Python {platform.python_version()}, {platform.platform()}, {now:%F %T} UTC"
    trace = safe(redact("".join(traceback.format_exception(error)), MAX_CHARS), lines=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{head}\n\n{trace}\n")
    return path
