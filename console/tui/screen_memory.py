"""What the screen remembers from one run to the next: place and theme, and how tables and the log are looked at."""

import logging
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from console.present.log_look import LogLook
from console.present.table import Table, View
from engine.files import UNDECODABLE
from engine.folders import FolderError, prepare_folder, replace_file, state_home

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
"""Bytes of a file that this program has not written: its own are a few kilobytes."""


class ScreenMemory(Struct, frozen=True, kw_only=True):
    """`views` are by the table's name."""

    version: Literal[1] = 1
    place: str = "home"
    theme: str = ""
    views: dict[str, View] = {}
    log: LogLook = LogLook()

    def view(self, table: Table[Any]) -> View:
        """How this table was looked at last, as far as it still has the columns."""
        kept = self.views.get(table.name)
        if kept is None or kept.sort not in table.fields:
            return table.usual()
        hidden = kept.hidden & table.fields
        return View(kept.sort, kept.descending, kept.filter, hidden if hidden != table.fields else frozenset())


def memory_path(role: str) -> Path:
    """Where the screen of a role leaves it."""
    return state_home() / f"screen-{role}.json"


def recall(path: Path) -> ScreenMemory:
    """What was kept. A file that is gone, damaged or of another version is as none."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_BYTES), type=ScreenMemory)
    except FileNotFoundError:
        pass
    except (OSError, *UNDECODABLE) as error:
        log.warning("%s cannot be read (%s): starting with the defaults", path, error)
    return ScreenMemory()


def keep(path: Path, memory: ScreenMemory) -> None:
    """Replace what was kept."""
    try:
        prepare_folder(path.parent)
        replace_file(path, msgspec.json.encode(memory))
    except (FolderError, OSError) as error:
        log.warning("%s cannot be written (%s): the next start uses the defaults", path, error)
