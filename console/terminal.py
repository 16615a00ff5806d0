"""The terminal, before, while and after a screen has it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from console.errors import ConsoleError

STDIN, STDOUT, STDERR = 0, 1, 2
POOR = ("", "dumb", "unknown")
WITHOUT = "add --no-ui to run without the screen"

WAKE = "for wait in 0.2 0.5 1 3; do sleep $wait; kill -CONT -$0; done"
"""Lets a process group go on; more than once, for a machine on which it stops late."""


def check_terminal(environ: Mapping[str, str], *, otherwise: str = WITHOUT) -> None:
    """Raises ConsoleError where no screen can be shown; `otherwise` says what to do then."""
    for descriptor, name in ((STDOUT, "stdout"), (STDIN, "stdin")):
        if not os.isatty(descriptor):
            raise ConsoleError(f"{name} is no terminal: {otherwise}")
    term = environ.get("TERM", "")
    if term in POOR:
        raise ConsoleError(f"TERM={term} is no terminal that can show a screen: set TERM, or {otherwise}")
    if os.tcgetpgrp(STDIN) != os.getpgrp():
        raise ConsoleError(f"the terminal is not ours while we run in the background: use fg, or {otherwise}")


@contextmanager
def own_terminal(output: Path) -> Iterator[int]:
    """Have stdout and stderr, the descriptors themselves, lead to the file `output`; yields one for the terminal.

    What native code and old log handlers print lands there, that of processes that are started meanwhile too. Raises
    OSError.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    terminal, stderr = os.dup(STDOUT), os.dup(STDERR)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
    os.dup2(file, STDOUT)
    os.dup2(file, STDERR)
    os.close(file)
    try:
        yield terminal
    finally:
        os.dup2(terminal, STDOUT)
        os.dup2(stderr, STDERR)
        os.close(terminal)
        os.close(stderr)


def let_go_of_terminal() -> None:
    """Have stdin, stdout and stderr lead nowhere, for a process that goes on without a terminal."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (STDIN, STDOUT, STDERR):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def give_back_the_shell() -> None:
    """Have the shell take its terminal back while we go on in the background.

    A shell waits for its job to end or to stop; so the whole group stops, and is woken a moment later by a process
    outside of it.
    """
    group = os.getpgrp()
    subprocess.Popen(["/bin/sh", "-c", WAKE, str(group)], start_new_session=True)  # noqa: S603 all of it is ours
    os.killpg(group, signal.SIGSTOP)
