"""Terminals that disappear from a running demo: how fast the console releases them, and whether its engine runs on."""

import json
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from tests.stories.terminal import Terminal, terminal

HANG_UPS = 20
TARGET_S = 1.0
PATIENCE_S = 15.0
DEMO = ("--miners", "4", "--seed", "7", "--interval", "0.5", "--encoder", "bow")


def measure() -> list[Figure]:
    took = [_detached() for _ in range(HANG_UPS)]
    clean = [seconds for seconds in took if seconds <= TARGET_S]
    return [
        Figure(f"of {HANG_UPS} hang-ups, not released within 1 s, engine running on", HANG_UPS - len(clean), "", 0),
        Figure("slowest of them", max(clean, default=float("nan")), "s"),
    ]


def _detached() -> float:
    """Seconds until the terminal is fully released; NaN if the engine does not run on."""
    with tempfile.TemporaryDirectory() as home:
        data = Path(home) / "demo"
        with terminal(*DEMO, "--data-dir", str(data), home=Path(home)) as opened:
            opened.wait_for("miners after")
            began = time.monotonic()
            opened.hang_up()
            until = began + PATIENCE_S
            while _holds_terminal(opened) and time.monotonic() < until:
                time.sleep(0.002)
            took, done = time.monotonic() - began, _rounds(data)
            while _rounds(data) <= done + 1 and time.monotonic() < until:
                time.sleep(0.05)
            return took if _rounds(data) > done + 1 else float("nan")


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
