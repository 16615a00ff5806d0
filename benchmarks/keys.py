"""From a key press to its effect on the terminal, while a validator asks for and judges 64 replies, round after round.

The judging worker runs with the ONNX encoder beside the screen. A typed letter filters the miners; a digit switches to
another screen. A bare Textual application beside it gets keys too, to account for the load on the machine.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure
from benchmarks.processes import python
from benchmarks.stub_miners import stub_miners
from benchmarks.subnet import found
from tests.stories.terminal import Terminal, terminal

REPLIES = 64
TURNS = 25
TYPED = "uid:1234567890"
PLACES = {"2": "[2 Challenges]", "3": "[3 Miners]"}
SIZE = (160, 48)
THINKING_S = 0.05
SETTLED_S = 6.0
"""Rounds after which everything is loaded."""
TARGET_MS = 100


class Pressed(NamedTuple):
    """Milliseconds from each key press until its effect was on the terminal."""

    typed: list[float]
    went: list[float]
    bare: list[float]


def measure() -> list[Figure]:
    with (
        judging() as (home, arguments),
        terminal("--role", "validator", *arguments, home=home, size=SIZE) as opened,
    ):
        pressed = press(opened, home)
    control = p95(pressed.bare)
    what = f"key to paint p95 while {REPLIES} replies are judged"
    return [
        Figure(f"{what}, over a bare app's: a letter typed", p95(pressed.typed) - control, "ms", TARGET_MS),
        Figure(f"{what}, over a bare app's: another screen", p95(pressed.went) - control, "ms", TARGET_MS),
        Figure("a bare app's p95 in that time", control, "ms"),
        Figure("a letter typed, median", statistics.median(pressed.typed), "ms"),
        Figure("another screen, median", statistics.median(pressed.went), "ms"),
    ]


@contextmanager
def judging() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A home, and the arguments of a validator there that asks and judges all the time."""
    with tempfile.TemporaryDirectory() as folder, stub_miners(REPLIES) as miners:
        home = Path(folder)
        found(home / "data", miners)
        (home / "config.toml").write_text(f"sample = {REPLIES}\ninterval = 0.0\nallow_private = true\n")
        yield home, ("--config", str(home / "config.toml"), "--data-dir", str(home / "data"))


def press(opened: Terminal, home: Path) -> Pressed:
    """Type and go about in a terminal that shows such a validator, and press keys in a bare application's."""
    opened.wait_for(f"● {REPLIES} answered")
    time.sleep(SETTLED_S)
    pressed = Pressed([], [], [])
    with closing(bare_terminal(home)) as bare:
        bare.wait_for("bare header")
        for turn in range(TURNS):
            pressed.went.extend(_took(opened, digit, shown) for digit, shown in PLACES.items())
            pressed.typed.extend(_typed(opened))
            pressed.bare.extend(_took(bare, "x", f"keys {len(TYPED) * turn + at + 1}.") for at in range(len(TYPED)))
    return pressed


def bare_terminal(home: Path, environment: Mapping[str, str] | None = None) -> Terminal:
    command = python("benchmarks.bare_app")
    return Terminal(command, width=SIZE[0], height=SIZE[1], home=home, environment=environment)


def _typed(opened: Terminal) -> list[float]:
    """Type a filter, letter by letter, and clear it."""
    opened.press("/")
    opened.wait_for("state:stale")
    took = [_took(opened, letter, f"filter {TYPED[: at + 1]} ") for at, letter in enumerate(TYPED)]
    opened.press("\x1b")
    time.sleep(THINKING_S * 2)
    return took


def _took(opened: Terminal, key: str, shown: str) -> float:
    """Milliseconds from a key press until its text is on the terminal."""
    time.sleep(THINKING_S)
    began = time.monotonic()
    opened.press(key)
    opened.wait_for(shown)
    return (time.monotonic() - began) * 1000


def p95(took: list[float]) -> float:
    return sorted(took)[int(0.95 * (len(took) - 1))]
