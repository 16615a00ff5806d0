"""Files: input files that an operator names, damaged files, and files that are no longer where they were."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import Self

import msgspec

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on data that is not as we encode it; it passes the last two through."""

START_AFRESH = "move it away to start afresh"

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(mode: int) -> str:
    """The kind of file with this mode, "" for a regular file."""
    return _KINDS.get(stat.S_IFMT(mode), "")


def open_input(path: Path) -> io.BufferedReader:
    """Open a file to read. Raises OSError, also if it is not a regular file; /dev/null counts as an empty one."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        found = os.fstat(file.fileno())
        kind = kind_of(found.st_mode)
        if kind and not _is_null(found):
            raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
    except OSError:
        file.close()
        raise
    return file


class Damaged(Exception):
    """A file, or a part of one, is not what was written. The message, from `damage`, says which and what to do."""


def damage(path: Path, what: object, advice: str = START_AFRESH) -> str:
    """The words for it: "NAME is damaged: WHAT: what to do"."""
    return f"{path} is damaged: {what}: {advice}"


def not_a_file(path: Path) -> str:
    """What lies at `path` in place of a file, "" where that is a file, nothing at all, or out of our reach."""
    try:
        kind = kind_of(path.stat().st_mode)
    except OSError:
        return ""
    return f"{kind} is in its place" if kind else ""


class Whereabouts:
    """Where files or folders lie, each known by device and inode from the moment when this is made."""

    def __init__(self, *paths: Path) -> None:
        self._found: dict[Path, tuple[int, int] | None] = {path: _identity(path) for path in paths}

    @classmethod
    def of_open(cls, path: Path, descriptor: int) -> Self:
        """Where the file that is open as `descriptor` lies, even if its path now leads elsewhere."""
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


def _is_null(found: os.stat_result) -> bool:
    null = Path(os.devnull).stat()
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == null.st_rdev


def _identity(path: Path) -> tuple[int, int] | None:
    """None for what is not there, or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
