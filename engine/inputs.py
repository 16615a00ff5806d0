"""Files that somebody names for us to read: regular ones, opened without waiting for anybody to write them."""

import errno
import io
import os
import stat
from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(mode: int) -> str:
    """What a file with this mode is, "" for a regular one."""
    return _KINDS.get(stat.S_IFMT(mode), "")


def open_input(path: Path) -> io.BufferedReader:
    """A file to read. Raises OSError, also for whatever is not a regular file; /dev/null is an empty one."""
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


def _is_null(found: os.stat_result) -> bool:
    null = Path(os.devnull).stat()
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == null.st_rdev
