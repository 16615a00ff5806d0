"""Where the engine of a data folder listens, and who is at the other end of a connection."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

FILE = "engine.sock"
LONGEST = 100
"""Bytes of a path that every system takes as the address of a socket; Linux takes 107, macOS 103."""


@contextmanager
def short_address(folder: Path) -> Iterator[str]:
    """The socket of a folder under a path that is short enough, while the block runs. Raises OSError.

    A folder with a long path gets a second, short name in a private folder. The socket itself stays where it is.
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
    """Whether a process of this user may be at the other end: of our own one, or of the machine's, who may do all."""
    return uid in (os.geteuid(), 0)
