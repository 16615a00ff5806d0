"""What the first frame of the console costs, against a bare Textual application of the same size.

CPU of the whole process until the frame is on the terminal, with compiled bytecode as after an installation; both in
turns. The engine has started by then and begins loading, so the figure is, if anything, too high.
"""

import statistics
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.processes import cpu_seconds_of, python
from tests.stories.console import children_of
from tests.stories.terminal import Terminal

SIZE = (80, 24)
RUNS = 7
TARGET = 1.5


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        _bare(environment), _ours(environment)
        turns = [(_bare(environment), _ours(environment)) for _ in range(RUNS)]
    bare, ours = (statistics.median(column) for column in zip(*turns, strict=True))
    return [
        Figure("first frame: the console's CPU against a bare application's", ours / bare, "x", TARGET),
        Figure("first frame: the console's CPU, from the command", ours, "s"),
        Figure("first frame: a bare application's CPU", bare, "s"),
    ]


def _bare(environment: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as home:
        return _until(python("benchmarks.bare_app"), "bare header", Path(home), environment)


def _ours(environment: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as home:
        return _until(python("console", "launch", "--data-dir", f"{home}/demo"), "[1 Home]", Path(home), environment)


def _until(command: list[str], shown: str, home: Path, environment: dict[str, str]) -> float:
    """CPU seconds until a text is on the terminal."""
    opened = Terminal(command, width=SIZE[0], height=SIZE[1], home=home, environment=environment)
    try:
        opened.wait_for(shown)
        return sum(map(cpu_seconds_of, [opened.process.pid, *children_of(opened.process.pid)]))
    finally:
        opened.close()
