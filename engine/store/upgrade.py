"""An up-to-date copy of a database file; the file itself and its folder stay as they are."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

from engine.sqlite import beside, log_waits
from engine.store.database import Database
from engine.store.errors import StoreFull, StoreOld
from engine.store.record import begun, open_record

ROOM = 2
"""How many times the file's size must be free, for the copy and its migration."""


def needs_copy(path: Path) -> bool:
    """Whether the file can only be read in a copy: it is of an older version, or its log waits and nobody has it open.

    Then even a reader would have to write beside it. Raises StoreTooNew, StoreUnusable and StoreError.
    """
    if log_waits(path) and not _is_open(path):
        return True
    try:
        with open_record(path, brief=True):
            return False
    except StoreOld:
        return True


def copy_up_to_date(path: Path, folder: Path) -> Path:
    """Copy the database into an empty `folder` and migrate it there. Returns the copy.

    An engine of an older version may be writing to it. Not to be called on an event loop. Raises StoreError.
    """
    files = [file for file in (path, beside(path, "wal")) if file.exists()]
    needed, free = ROOM * sum(file.stat().st_size for file in files), shutil.disk_usage(folder).free
    if free < needed:
        raise StoreFull(f"a copy of {path} needs {needed / 1e6:.0f} MB in {folder}, {free / 1e6:.0f} are free")
    copy = folder / path.name
    if _is_open(path):
        with begun(path, brief=False) as original, closing(connect(copy)) as target:
            original.backup(target)
    else:
        for file in files:
            shutil.copyfile(file, folder / file.name)
    asyncio.run(_migrate(copy))
    return copy


def _is_open(path: Path) -> bool:
    """Whether somebody may have the database open, or ended without closing it."""
    return beside(path, "shm").exists()


async def _migrate(path: Path) -> None:
    await (await Database.open(path)).close()
