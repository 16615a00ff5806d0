"""What is left behind by an error that nobody foresaw: a file with its traceback, without locals and secrets."""

import datetime
import os
import platform
import traceback
from pathlib import Path

from console import __version__
from engine.folders import prepare_folder
from engine.logs import FOLDER
from engine.redaction import redact
from engine.text import safe


def write_report(error: BaseException, data_dir: Path) -> Path:
    """Write it beside the log, for this user alone. Raises FolderError, OSError."""
    now = datetime.datetime.now(datetime.UTC)
    path = prepare_folder(prepare_folder(data_dir) / FOLDER) / f"report-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    head = f"subnet-console {__version__}, Python {platform.python_version()}, {platform.platform()}, {now:%F %T} UTC"
    trace = safe(redact("".join(traceback.format_exception(error))), lines=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{head}\n\n{trace}\n")
    return path
