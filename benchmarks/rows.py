"""What live rows cost: CPU of the screen and bytes to the terminal, in a real pseudo-terminal, at 160x48.

The CPU is that of the whole process, minus the engine's thread, which only makes up the rows.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.live_rows import THREAD
from benchmarks.processes import cpu_seconds_of, cpu_seconds_of_thread, python
from tests.stories.terminal import Terminal

SIZE = (160, 48)
WARM_S = 3.0
MEASURED_S = 15.0


def measure() -> list[Figure]:
    all_cpu, all_bytes = _cost(256, 1.0)
    tenth_cpu, tenth_bytes = _cost(256, 0.1)
    many_cpu, many_bytes = _cost(2500, 1.0)
    return [
        Figure("256 rows, all change at 4 Hz: the screen's share of a core", all_cpu, "%", 15),
        Figure("256 rows, a tenth changes at 4 Hz: to the terminal", tenth_bytes, "KB/s", 30),
        Figure("2500 rows sorted, all change at 4 Hz: the screen's share of a core", many_cpu, "%", 20),
        Figure("256 rows, all change at 4 Hz: to the terminal", all_bytes, "KB/s"),
        Figure("256 rows, a tenth changes at 4 Hz: the screen's share of a core", tenth_cpu, "%"),
        Figure("2500 rows sorted, all change at 4 Hz: to the terminal", many_bytes, "KB/s"),
    ]


def _cost(rows: int, share: float) -> tuple[float, float]:
    """The screen's share of a core in per cent, and 10³ bytes per second to the terminal."""
    with tempfile.TemporaryDirectory() as folder, live_rows(rows, share, Path(folder)) as opened:
        pid, thread = opened.process.pid, int((Path(folder) / THREAD).read_text())
        time.sleep(WARM_S)
        began, received = time.monotonic(), len(opened.received)
        used = cpu_seconds_of(pid) - cpu_seconds_of_thread(pid, thread)
        time.sleep(MEASURED_S)
        used = cpu_seconds_of(pid) - cpu_seconds_of_thread(pid, thread) - used
        took = time.monotonic() - began
        return 100 * used / took, (len(opened.received) - received) / 1000 / took


@contextmanager
def live_rows(rows: int, share: float, folder: Path) -> Iterator[Terminal]:
    """The made-up miners on the Miners screen."""
    command = python("benchmarks.live_rows", str(rows), str(share), str(folder))
    opened = Terminal(command, width=SIZE[0], height=SIZE[1], home=folder)
    try:
        opened.wait_for("[1 Home]")
        opened.press("3")
        opened.wait_for("[3 Miners]")
        yield opened
    finally:
        opened.close()
