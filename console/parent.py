"""The process that was launched, while a child of it runs the engine and its screen.

A shell gives its prompt back when the process that it started ends. So the launched process only waits: it ends at once
when the operator detaches, and otherwise with its child and the child's exit code.
"""

import os
import signal
import sys
import termios
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from console.errors import ConsoleError, ExitCode
from console.signals import on_interrupt
from console.terminal import STDIN, STDOUT, let_go_of_terminal

PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGCONT)
"""Signals sent to the launched process that are forwarded to its child; SIGINT too, unless it is ignored. A change of
the window's size reaches both anyway.
"""

HELD_BACK = (*PASSED_ON, signal.SIGINT)
IGNORED = (signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN)
"""Signals that suspend a process that has, or had, a terminal."""

USUAL_MODES = b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?2026l\x1b[<u\x1b[0m\r\n"
"""Restores the terminal after a screen: its buffer, cursor, mouse, paste mode, synchronised frames, keyboard and
colours.
"""

RELEASED = b"r"


class Leash:
    """The child's link to its parent. A parent that dies counts as a terminal that hangs up."""

    def __init__(self, tells: int, ends: int) -> None:
        self._tells = tells
        self._ends = ends
        self._released = False
        threading.Thread(target=self._watch, name="parent", daemon=True).start()

    def release(self) -> None:
        """Let the parent exit with 0, and continue without it and its terminal."""
        self._released = True
        os.setsid()
        with suppress(OSError):  # it is gone already
            os.write(self._tells, RELEASED)
        os.close(self._tells)

    def _watch(self) -> None:
        os.read(self._ends, 1)
        if not self._released:
            os.kill(os.getpid(), signal.SIGHUP)


def divide() -> Leash | int:
    """Fork. In the child this returns its leash; the parent waits and returns its exit code. Call it before any thread
    is started. Raises ConsoleError in the parent if the child is killed.
    """
    told, tells = os.pipe()
    ends, lives = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    modes = termios.tcgetattr(STDIN)
    held_before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.close(told)
        os.close(lives)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the screen and the engine say what it does
        signal.pthread_sigmask(signal.SIG_SETMASK, held_before)
        return Leash(tells, ends)
    os.close(tells)
    os.close(ends)
    return _wait(child, told, held_before, modes)


def _wait(child: int, told: int, held_before: set[Any], modes: list[Any]) -> int:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)
        if number == signal.SIGHUP:
            let_go_of_terminal()

    on_interrupt(pass_on)
    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, held_before)
    if os.read(told, 1) == RELEASED:
        return ExitCode.DONE
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    _give_back(modes)
    raise ConsoleError(
        f"the engine's process {child} was killed ({signal.Signals(os.WTERMSIG(status)).name}): launch it again, "
        "and it continues where its record ends",
        ExitCode.INTERNAL,
    )


def _give_back(modes: list[Any]) -> None:
    """Restore a terminal that a killed screen left in its own state."""
    with suppress(OSError, termios.error):
        os.write(STDOUT, USUAL_MODES)
        termios.tcsetattr(STDIN, termios.TCSANOW, modes)
