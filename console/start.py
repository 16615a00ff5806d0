"""The first of our code that runs: from here on a signal ends the program with its documented exit code, and no more.

Loading the rest takes a while, and an interrupted import prints where it was. Nothing is imported before `main` has
said what a signal does.
"""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

INTERRUPTED, DONE = 130, 0
RUNS = ("launch", "attach", "replay")
"""What SIGTERM ends as it should be ended. Any other command did not do what it was asked for."""


def main() -> int:
    """Run the command line. Returns its exit code."""
    is_run = sys.argv[1:2] in [[run] for run in RUNS]
    heeds_interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds_interrupts:
        signal.signal(signal.SIGINT, _end)
    if is_run:
        signal.signal(signal.SIGTERM, _end)
    from console import cli

    if is_run or not heeds_interrupts:
        return cli.main()
    return _interruptible(cli.main)


def _interruptible(command: "Callable[[], int]") -> int:
    """The command's exit code; that of an interrupted one also where a library made another error of the interrupt."""
    interrupted = False

    def interrupt(_number: int, _frame: "FrameType | None") -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGINT, interrupt)
        code = command()
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, _end)
    return INTERRUPTED if interrupted else code


def _end(number: int, _frame: "FrameType | None") -> None:
    """There is nothing yet, or nothing any more, to be put in order."""
    os._exit(INTERRUPTED if number == signal.SIGINT else DONE)
