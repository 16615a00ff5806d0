"""`subnet-console export`: the record as files for other programs, while the engine runs or afterwards."""

import time
from pathlib import Path
from typing import Literal

from console.errors import ConsoleError
from console.export.output import Format, opened, write
from console.export.tables import TABLES, WITH_USERS
from console.instants import since_time
from console.progress import Progress
from engine.errors import StoreError
from engine.store.record import open_record
from engine.store.schema import FILE_NAME

TableName = Literal["scores", "rounds", "replies", "weights", "sybil"]


def export(
    table: TableName,
    *,
    data_dir: Path,
    since: str | None,
    format: Format,
    out: Path | Literal["-"],
    with_users: bool = False,
) -> None:
    """Write `table` to `out`, "-" being standard output; `since` is as in `since_time`. The words of users' requests,
    and of the answers to them, are left out unless `with_users`.

    Raises ConsoleError if nothing was stored there, the file cannot be read or `out` cannot be written.
    """
    now = time.time()
    oldest = 0.0 if since is None else since_time(since, now)
    chosen = (WITH_USERS if with_users else TABLES).get(table, TABLES[table])
    try:
        with (
            open_record(data_dir / FILE_NAME) as record,
            opened(out) as stream,
            Progress("records written", on_stdout=out == "-") as progress,
        ):
            write(stream, format, chosen.names, progress.each(chosen.lines(record, oldest, now)))
    except StoreError as error:
        raise ConsoleError(str(error)) from error
