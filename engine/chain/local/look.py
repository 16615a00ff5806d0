"""A look at an embedded chain's file from outside: read-only, without its lock, also while it runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from engine.chain.local.state import State
from engine.chain.local.storage import DATA_VERSION, damaged, newer, read_state

BUSY_TIMEOUT_S = 2.0


def look(path: Path) -> State | None:
    """The chain as it stands in the file, None when it holds no block yet. Raises `ChainDataError`.

    Where nothing waits in the write-ahead log the file is taken as one that nobody writes, as for this moment it is:
    SQLite then leaves no other file beside it, and reads it where nothing can be written.
    """
    log = path.with_name(f"{path.name}-wal")
    log_waits = log.exists() and log.stat().st_size > 0
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if log_waits else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > DATA_VERSION:
                raise newer(path, version)
            return read_state(connection)
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise damaged(path, error) from error
