"""Whether what is open still lies at its path: what is written to a file that was deleted, nobody will find."""

import os
from pathlib import Path
from typing import Self


class Place:
    """Where files or folders lie, each known by device and inode from the moment when this is made."""

    def __init__(self, *paths: Path) -> None:
        self._found: dict[Path, tuple[int, int] | None] = {path: _identity(path) for path in paths}

    @classmethod
    def of_open(cls, path: Path, descriptor: int) -> Self:
        """Where the file lies that is open as `descriptor`, even if its path leads elsewhere by now."""
        place = cls()
        found = os.fstat(descriptor)
        place._found[path] = found.st_dev, found.st_ino
        return place

    def lost(self) -> str:
        """Which of them was deleted, moved or replaced since, in words, "" for none. One put back is found again."""
        for path, found in self._found.items():
            now = _identity(path)
            if now != found:
                return f"{path} was {'deleted or moved' if now is None else 'replaced'} while it was in use"
        return ""


def _identity(path: Path) -> tuple[int, int] | None:
    """None for what is not there, or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
