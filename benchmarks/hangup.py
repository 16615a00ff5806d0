"""Terminals that disappear from a running demo: how fast the console releases them, and whether its engine runs on."""

import json
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from tests.stories.terminal import Terminal, terminal

HANG_UPS = 20
TARGET_S = 1.0
RELEASE_S, ROUNDS_S = 15.0, 90.0
"""For the terminal to be let go of, and for two more rounds, on a machine that is very busy."""

DEMO = ("--miners", "4", "--seed", "7", "--interval", "0.5", "--encoder", "bow")


def measure() -> list[Figure]:
    released, ran_on = zip(*(_hung_up() for _ in range(HANG_UPS)), strict=True)
    late = [seconds for seconds in released if seconds > TARGET_S]
    return [
        Figure(f"of {HANG_UPS} hang-ups, terminals not released within {TARGET_S:g} s", len(late), "", 0),
        Figure(f"of {HANG_UPS} hang-ups, engines that did not run on", ran_on.count(False), "", 0),
        Figure("slowest release", max(released), "s"),
    ]


def _hung_up() -> tuple[float, bool]:
    """Seconds until the terminal is fully released, and whether the engine has done two more rounds after that."""
    with tempfile.TemporaryDirectory() as home:
        data = Path(home) / "demo"
        with terminal(*DEMO, "--data-dir", str(data), home=Path(home)) as opened:
            opened.wait_for("miners after")
            began = time.monotonic()
            opened.hang_up()
            while _holds_terminal(opened) and time.monotonic() < began + RELEASE_S:
                time.sleep(0.002)
            took, done, until = time.monotonic() - began, _rounds(data), time.monotonic() + ROUNDS_S
            while _rounds(data) <= done + 1 and time.monotonic() < until:
                time.sleep(0.05)
            return took, _rounds(data) > done + 1


def _holds_terminal(opened: Terminal) -> bool:
    descriptors = Path(f"/proc/{opened.engine}/fd")
    return any(_leads_to(one).startswith(opened.worker_name) for one in descriptors.iterdir())


def _leads_to(descriptor: Path) -> str:
    """What is open there, "" if it was closed just now."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def _rounds(data: Path) -> int:
    return int(json.loads((data / "status.json").read_text())["rounds_done"])
