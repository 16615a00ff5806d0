"""The socket of a data folder's engine, and who is at the other end of a connection."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

FILE = "engine.sock"
LONGEST = 100
"""Longest socket path in bytes that every system accepts; Linux takes 107, macOS 103."""


@contextmanager
def short_address(folder: Path) -> Iterator[str]:
    """A path of the folder's socket that is short enough, for the duration of the block. Raises OSError. If the
    folder's path is too long, a link in a private temporary folder leads to it. The socket itself stays where it is.
    """
    path = str(folder / FILE)
    if len(os.fsencode(path)) <= LONGEST:
        yield path
        return
    with TemporaryDirectory(prefix="engine-", dir="/tmp") as private:
        link = Path(private, "d")
        link.symlink_to(folder.absolute())
        yield str(link / FILE)


def peer_uid(connection: socket.socket) -> int:
    """The user of the process at the other end, as the kernel knows it. Raises OSError."""
    if hasattr(socket, "SO_PEERCRED"):
        found: tuple[int, ...] = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    else:  # BSD and macOS: LOCAL_PEERCRED of level 0, which is struct xucred
        found = struct.unpack_from("2I", connection.getsockopt(0, 1, 76))
    return found[1]


def is_trusted(uid: int) -> bool:
    """Whether to trust a process of this user: our own user or root."""
    return uid in (os.geteuid(), 0)
