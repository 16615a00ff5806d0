"""The terminal: whether it can show a screen, and how a screen takes it over and gives it back."""

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from console.errors import ConsoleError

STDIN, STDOUT, STDERR = 0, 1, 2
POOR = ("", "dumb", "unknown")
WITHOUT = "add --no-ui to run without the screen"

LOOK_S = 1.0
"""How often the file that takes what is printed meanwhile is cut."""

DROPPED = b"(what was printed before this was dropped)\n"


def check_terminal(environ: Mapping[str, str], *, otherwise: str = WITHOUT) -> None:
    """Raises ConsoleError if no screen can be shown; `otherwise` says what to do instead."""
    for descriptor, name in ((STDOUT, "stdout"), (STDIN, "stdin")):
        if not os.isatty(descriptor):
            raise ConsoleError(f"{name} is not a terminal: {otherwise}")
    term = environ.get("TERM", "")
    if term in POOR:
        raise ConsoleError(f"TERM={term} is not a terminal that can show a screen: set TERM, or {otherwise}")
    if os.tcgetpgrp(STDIN) != os.getpgrp():
        raise ConsoleError(f"this process runs in the background: use fg, or {otherwise}")


@contextmanager
def own_terminal(output: Path, *, max_bytes: int) -> Iterator[int]:
    """Have stdout and stderr, the descriptors themselves, lead to the file `output`; yields one for the terminal.

    What native code and old log handlers print lands there, that of processes that are started meanwhile too. Whenever
    the file has grown beyond `max_bytes`, its older half goes. Raises OSError.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    terminal, stderr = os.dup(STDOUT), os.dup(STDERR)
    file = os.open(output, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
    os.dup2(file, STDOUT)
    os.dup2(file, STDERR)
    ended = threading.Event()
    watch = threading.Thread(target=_keep_small, args=(file, max_bytes, ended), name="output", daemon=True)
    watch.start()
    try:
        yield terminal
    finally:
        ended.set()
        watch.join()
        os.close(file)
        os.dup2(terminal, STDOUT)
        os.dup2(stderr, STDERR)
        os.close(terminal)
        os.close(stderr)


def _keep_small(file: int, max_bytes: int, ended: threading.Event) -> None:
    while not ended.wait(LOOK_S):
        drop_beginning(file, max_bytes)


def drop_beginning(file: int, max_bytes: int) -> None:
    """Of a file opened to append that is larger, keep the last half of what it may be, from the next line on."""
    size, kept = os.fstat(file).st_size, max_bytes // 2
    if size <= max_bytes:
        return
    tail = os.pread(file, kept, size - kept)
    os.ftruncate(file, 0)
    os.write(file, DROPPED + tail[tail.find(b"\n") + 1 :])


def let_go_of_terminal() -> None:
    """Have stdin, stdout and stderr lead nowhere, for a process that goes on without a terminal."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (STDIN, STDOUT, STDERR):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
