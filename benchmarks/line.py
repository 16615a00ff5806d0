"""The screen at the far end of a slow line: how soon a key is seen, on each screen, under dialogs, after many resizes.

The line takes 75 ms each way, behind something that takes all that is written, as sshd does.
"""

import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from tests.stories.slow_line import SlowTerminal
from tests.stories.terminal import Terminal, terminal

DEMO = ("--miners", "16", "--seed", "7", "--interval", "0.5", "--encoder", "bow")
PLACES = {
    "2": "[2 Challenges]",
    "3": "[3 Miners]",
    "4": "[4 Weights]",
    "6": "[6 Logs]",
    "7": "[7 Setup]",
    "1": "[1 Home",
}
DIALOGS = {"?": "Keys of", ":": "a few letters", "T": "enter keep", "x": "Actions", "q": "Detach"}
TARGET_S, AFTER_RESIZES_S, DIALOG_COSTS = 1.5, 2.5, 1.2
RESIZES, SETTLED_S, WATCHED_S, OPEN_S = 20, 4.0, 10.0, 15.0


class Line(SlowTerminal):
    """64 kbit/s, and 150 ms there and back."""

    delay = 0.075


class WideLine(Line):
    """256 kbit/s, for a screen of four times the cells."""

    rate = 32_000.0


def measure() -> list[Figure]:
    small, large = _keys(Line, (80, 24)), _keys(WideLine, (160, 48))
    dialog = Figure("to the terminal with a dialog open, against without one", _bytes(), "x", DIALOG_COSTS)
    return [*small, *large, dialog]


def _keys(line: type[Line], size: tuple[int, int]) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as home,
        terminal(*DEMO, "--data-dir", f"{home}/demo", home=Path(home), kind=line, size=size) as opened,
    ):
        opened.wait_for("miners after")
        time.sleep(SETTLED_S)
        went = max(_took(opened, key, shown) for key, shown in PLACES.items())
        dialogs = max(_opened(opened, key, shown) for key, shown in DIALOGS.items())
        after_dialog = _after_dialog(opened)
        after_resizes = _after_resizes(opened, size)
    where = f"{size[0]}x{size[1]} at {line.rate / 125:.0f} kbit/s"
    return [
        Figure(f"{where}: slowest of the keys that lead to a screen", went, "s", TARGET_S),
        Figure(f"{where}: slowest of the keys that open a dialog", dialogs, "s", TARGET_S),
        Figure(f"{where}: a key after a dialog stood open for {OPEN_S:.0f} s", after_dialog, "s", TARGET_S),
        Figure(f"{where}: a key after {RESIZES} resizes", after_resizes, "s", AFTER_RESIZES_S),
    ]


def _took(opened: Terminal, key: str, shown: str) -> float:
    """Seconds from a key until its text is on the far screen."""
    time.sleep(1.0)
    began = time.monotonic()
    opened.press(key)
    opened.wait_for(shown)
    return time.monotonic() - began


def _opened(opened: Terminal, key: str, shown: str) -> float:
    took = _took(opened, key, shown)
    opened.press("\x1b")
    time.sleep(1.0)
    return took


def _after_dialog(opened: Terminal) -> float:
    opened.press("?")
    time.sleep(OPEN_S)
    opened.press("\x1b")
    return _took(opened, "3", PLACES["3"])


def _after_resizes(opened: Terminal, size: tuple[int, int]) -> float:
    width, height = size
    for number in range(RESIZES):
        opened.resize(width + 20 * (number % 2), height + 6 * (number % 2))
        time.sleep(0.1)
    opened.resize(width, height)
    began = time.monotonic()
    opened.press("1")
    opened.wait_for(PLACES["1"])
    return time.monotonic() - began


def _bytes() -> float:
    """What an open dialog costs, on a line without limits."""
    with (
        tempfile.TemporaryDirectory() as home,
        terminal(*DEMO, "--data-dir", f"{home}/demo", home=Path(home)) as opened,
    ):
        opened.wait_for("miners after")
        time.sleep(SETTLED_S)
        plain = _in_a_while(opened)
        opened.press("?")
        opened.wait_for(DIALOGS["?"])
        time.sleep(1.0)
        return _in_a_while(opened) / plain


def _in_a_while(opened: Terminal) -> int:
    before = len(opened.received)
    time.sleep(WATCHED_S)
    return len(opened.received) - before
