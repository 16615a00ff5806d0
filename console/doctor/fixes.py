"""What `doctor --fix` does: tightens the permissions of our files and removes locks that nobody holds, nothing else."""

import os
import stat
from collections.abc import Iterable

from console.findings import Fix, Fixed
from engine.folders import FolderError
from engine.locks import remove_free


def fixed(fixes: Iterable[Fix]) -> list[Fixed]:
    """Apply each fix and return how it went; one that fails does not stop the others."""
    return [Fixed(fix=fix, error=_made(fix)) for fix in fixes]


def _made(fix: Fix) -> str:
    """Apply a fix; the result says why it failed, if it did."""
    try:
        if fix.mode is None:
            remove_free(fix.path)
        else:
            _narrow(fix)
    except FolderError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _narrow(fix: Fix) -> None:
    """Clear bits in the mode of the file that the doctor saw, never set any, and follow no links. Raises OSError."""
    fd = os.open(fix.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) & (fix.mode or 0))
    finally:
        os.close(fd)
