"""A terminal that stops reading for a while: what that costs the engine, and what it shows afterwards.

All 256 rows change four times a second, so that the terminal's buffer and the writer's backlog soon fill up. Every
row's name holds the tick in which it was made: a frame is whole if all its rows are from one tick.
"""

import re
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks import beat
from benchmarks.figures import Figure
from benchmarks.live_rows import BEATS, TICK_S
from benchmarks.rows import live_rows
from tests.stories.terminal import Terminal

STALL_S = 15.0
HEARTBEAT_S = 0.25
SETTLED_S = 1.0
PATIENCE_S = 10.0
REDRAW = "\x0c"
TICK = re.compile(r"tick-(\d{6})")


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, live_rows(256, 1.0, Path(folder)) as opened:
        time.sleep(SETTLED_S)
        began, before = time.monotonic(), max(_ticks(opened))
        opened.stall()
        time.sleep(STALL_S)
        opened.go_on()
        current_after = _current_after(opened, before + round(STALL_S / TICK_S) - 1)
        opened.press("p")
        time.sleep(SETTLED_S)
        shown = _lines(opened)
        opened.press(REDRAW)
        time.sleep(SETTLED_S)
        wrong = [line for line, right in zip(shown, _lines(opened), strict=True) if line != right]
        opened.press("qqG\r")
        opened.process.wait(PATIENCE_S)
        beats = msgspec.json.decode((Path(folder) / BEATS).read_bytes(), type=beat.Beats)
    lost = lost_heartbeats(beats, began, STALL_S)
    return [
        Figure(f"stalled for {STALL_S:.0f} s: heartbeats that the engine lost", lost, "", 0),
        Figure("until the terminal shows a whole, current frame again", current_after, "s", 1),
        Figure("lines below its clock that a full repaint changes", len(wrong), "", 0),
    ]


def lost_heartbeats(beats: beat.Beats, began: float, seconds: float) -> int:
    """In how many quarters of a second from then on an engine's loop never woke."""
    return len(set(range(int(seconds / HEARTBEAT_S))) - {int((due - began) // HEARTBEAT_S) for due, _ in beats})


def _lines(opened: Terminal) -> list[str]:
    """The terminal's lines below the header, which shows a running clock."""
    return opened.text.splitlines()[1:]


def _ticks(opened: Terminal) -> set[int]:
    return {int(tick) for tick in TICK.findall(opened.text)}


def _current_after(opened: Terminal, tick: int) -> float:
    """Seconds until all rows are from one tick that is no older than this one."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        shown = _ticks(opened)
        if len(shown) == 1 and shown.pop() >= tick:
            return time.monotonic() - began
        time.sleep(0.005)
    return float("nan")
