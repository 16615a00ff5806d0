"""Files that an operator takes along: tables, records, pictures of the screen."""

import time
from pathlib import Path

from engine.folders import prepare_folder

FOLDER = "exports"
CLIPBOARD_MOST = 50_000
"""Bytes that terminals take over OSC 52 without cutting them off."""


def written(folder: Path, name: str, text: str) -> Path:
    """Write a file with the time in its name. Raises FolderError and OSError."""
    stem, _, ending = name.rpartition(".")
    path = prepare_folder(folder) / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{ending}"
    path.write_text(text, encoding="utf-8")
    return path
