"""Messages over the pipes of a process that we start: a length (4 bytes, big-endian), and that many bytes."""

import os
import sys
from typing import IO

HEADER_BYTES = 4
"""Of a message's length, which stands before it."""


def own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """This process's stdin and stdout, moved to descriptors that no library reads or prints to."""
    requests, answers = os.dup(sys.stdin.fileno()), os.dup(sys.stdout.fileno())
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, sys.stdin.fileno())
    os.dup2(nowhere, sys.stdout.fileno())
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def read_message(stream: IO[bytes]) -> bytes:
    """The next message, empty at the end."""
    return stream.read(int.from_bytes(stream.read(HEADER_BYTES), "big"))


def write_message(stream: IO[bytes], message: bytes) -> None:
    """Raises OSError where nobody reads any more."""
    stream.write(framed(message))
    stream.flush()


def framed(message: bytes) -> bytes:
    """The message with its length before it."""
    return len(message).to_bytes(HEADER_BYTES, "big") + message
