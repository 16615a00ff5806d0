"""A look at an embedded chain's file from outside: read-only, without its lock, also while it runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.chain.embedded.state import State
from engine.chain.embedded.storage import DATA_VERSION, newer, read_state, require_file, told
from engine.sqlite import log_waits

BUSY_TIMEOUT_S = 2.0


def look(path: Path) -> State | None:
    """The chain as it stands in the file, None when it holds no block yet. Raises `ChainDataError`.

    Where nothing waits in the write-ahead log the file is taken as one that nobody writes, as for this moment it is:
    SQLite then leaves no other file beside it, and reads it where nothing can be written.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if log_waits(path) else '&immutable=1'}"
    require_file(path)
    with told(path), closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > DATA_VERSION:
            raise newer(path, version)
        return read_state(connection)
