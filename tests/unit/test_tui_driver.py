"""The driver and the signals of a terminal."""

import asyncio
import os
import signal
import termios
from collections.abc import Iterator

import pytest

from console.tui.driver import OperatorDriver
from console.tui.endings import Ending


class Operated:
    """An application that remembers how it was left."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.endings: list[Ending] = []
        self.repainted = 0
        self.columns: list[int] = []

    def repaint(self) -> None:
        self.repainted += 1

    def answered(self, column: int) -> None:
        self.columns.append(column)

    def leave(self, ending: Ending) -> None:
        self.endings.append(ending)


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    """The driver takes these for the whole process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("gone", [False, True])
async def test_to_continue_without_a_terminal_is_a_hang_up(gone: bool) -> None:
    controller, worker = os.openpty()
    app = Operated(worker)
    driver = OperatorDriver(app, size=(80, 24))
    driver.fileno, driver._attributes = worker, termios.tcgetattr(worker)
    if gone:
        os.close(controller)
    signal.raise_signal(signal.SIGCONT)  # the kernel sends it with SIGHUP, and it may be handled first
    await asyncio.sleep(0)
    assert (app.endings, app.repainted) == (([Ending.HUNG_UP], 0) if gone else ([], 1))
    os.close(worker)
    if not gone:
        os.close(controller)
