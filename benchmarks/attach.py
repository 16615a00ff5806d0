"""Terminals attached to an engine in another process: how soon the first frame is there, what a second one costs the
engine, what a stopped one does, and how soon a key is seen.

But for the keys, the engine is one of 256 made-up miners, which change four times a second.
"""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Thread

import msgspec

from benchmarks import beat, keys
from benchmarks.figures import Figure
from benchmarks.live_rows import BEATS, THREAD
from benchmarks.processes import clean_environment, cpu_seconds_of, cpu_seconds_of_thread, python, running
from benchmarks.stall import lost_heartbeats
from console import __version__
from console.remote.address import FILE
from console.remote.client import connected
from console.remote.wire import PROTOCOL, Hello, frame
from tests.stories.terminal import Terminal

ROWS, TENTH, ALL = 256, 0.1, 1.0
SIZE, OTHER_SIZE = (160, 48), (80, 24)
FRAMES = 9
SETTLED_S, MEASURED_S, STOPPED_S = 3.0, 15.0, 15.0
PATIENCE_S = 60.0
FRAME_S, KEY_MS = 0.25, 120
WHOLE = ("[1 Home]", "● RUN", "tick-")


def measure() -> list[Figure]:
    return [*_first_frame(), *_second_terminal(), *_stopped_terminal(), *_keys()]


@contextmanager
def _engine(share: float) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """The process of an engine and its folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(python("benchmarks.live_engine", str(ROWS), str(share), str(folder))) as engine:
            _wait_for(folder / FILE)
            _wait_for(folder / THREAD)
            yield engine, folder


@contextmanager
def _attached(
    folder: Path, size: tuple[int, int] = SIZE, *, digit: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """A terminal with its own home, on the place of this digit."""
    with tempfile.TemporaryDirectory() as home:
        command = python("console", "attach", "--data-dir", str(folder))
        with closing(
            Terminal(command, width=size[0], height=size[1], home=Path(home), environment=environment)
        ) as opened:
            opened.wait_for(*WHOLE)
            if digit:
                opened.press(digit)
                opened.wait_for(f"[{digit} ")
            yield opened


# -- the first frame ---------------------------------------------------------------------------------------------------


def _first_frame() -> list[Figure]:
    """Both in turns, with compiled bytecode as after an installation; the first turn compiles, and does not count."""
    with _engine(TENTH) as (_, folder), tempfile.TemporaryDirectory() as bytecode:
        environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        turns = [(_until_bare(environment), _until_attached(folder, environment)) for _ in range(FRAMES + 1)][1:]
    bare, ours = (statistics.median(column) for column in zip(*turns, strict=True))
    return [
        Figure("attach: first whole frame, over a bare application's", ours - bare, "s", FRAME_S),
        Figure("attach: first whole frame, from the command", ours, "s"),
        Figure("a bare application's first frame", bare, "s"),
    ]


def _until_attached(folder: Path, environment: Mapping[str, str]) -> float:
    began = time.monotonic()
    with _attached(folder, environment=environment):
        return time.monotonic() - began


def _until_bare(environment: Mapping[str, str]) -> float:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, closing(keys.bare_terminal(Path(home), environment)) as opened:
        opened.wait_for("bare header")
        return time.monotonic() - began


# -- a second terminal -------------------------------------------------------------------------------------------------


def _second_terminal() -> list[Figure]:
    all_change, sent, shown = _cost(ALL)
    tenth_changes, tenth_sent, tenth_shown = _cost(TENTH)
    what = f"{ROWS} rows at 4 Hz, a second terminal"
    return [
        Figure(f"{what}, all change: its share of the engine's core", all_change, "%", 2),
        Figure(f"{what}, a tenth changes: its share of the engine's core", tenth_changes, "%", 2),
        Figure(f"{what}, a tenth changes: through the socket", tenth_sent, "KB/s", 30),
        Figure(f"{what}, a tenth changes: to the terminal", tenth_shown, "KB/s", 30),
        Figure(f"{what}, all change: through the socket", sent, "KB/s"),
        Figure(f"{what}, all change: to the terminal", shown, "KB/s"),
    ]


def _cost(share: float) -> tuple[float, float, float]:
    """What a second terminal adds: per cent of a core, and 10³ bytes a second that it is sent, and that it shows."""
    with _engine(share) as (engine, folder), _attached(folder, digit="3"):
        thread = int((folder / THREAD).read_text())
        one = _share_of_core(engine.pid, thread)
        with _attached(folder, OTHER_SIZE, digit="3") as second:
            received = len(second.received)
            began = time.monotonic()
            both = _share_of_core(engine.pid, thread)
            shown = (len(second.received) - received) / (time.monotonic() - began) / 1000
        return both - one, _sent(folder), shown


def _share_of_core(pid: int, thread: int) -> float:
    """Per cent of a core that the engine's process takes, without the thread that makes up the rows."""
    time.sleep(SETTLED_S)
    began, used = time.monotonic(), cpu_seconds_of(pid) - cpu_seconds_of_thread(pid, thread)
    time.sleep(MEASURED_S)
    used = cpu_seconds_of(pid) - cpu_seconds_of_thread(pid, thread) - used
    return 100 * used / (time.monotonic() - began)


def _sent(folder: Path) -> float:
    """10³ bytes a second that an attached terminal is sent once it has its first picture."""
    with connected(folder) as connection:
        connection.sendall(frame(Hello(PROTOCOL, __version__)))
        began, count = time.monotonic(), 0
        while (now := time.monotonic()) < began + SETTLED_S + MEASURED_S:
            received = len(connection.recv(1 << 20))
            count += received if now > began + SETTLED_S else 0
    return count / MEASURED_S / 1000


# -- a stopped terminal ------------------------------------------------------------------------------------------------


def _stopped_terminal() -> list[Figure]:
    with _engine(ALL) as (engine, folder), ExitStack() as open_:
        for size in (SIZE, OTHER_SIZE):
            open_.enter_context(_attached(folder, size, digit="3"))
        stopped = open_.enter_context(_attached(folder, digit="3"))
        stopped.process.send_signal(SIGSTOP)
        began = time.monotonic()
        time.sleep(STOPPED_S)
        stopped.process.send_signal(SIGCONT)
        assert engine.stdin is not None
        engine.stdin.close()
        engine.wait(PATIENCE_S)
        beats = msgspec.json.decode((folder / BEATS).read_bytes(), type=beat.Beats)
    lost = lost_heartbeats(beats, began, STOPPED_S)
    return [Figure(f"three terminals, one stopped for {STOPPED_S:.0f} s: heartbeats that the engine lost", lost, "", 0)]


# -- keys --------------------------------------------------------------------------------------------------------------


def _keys() -> list[Figure]:
    with keys.judging() as (home, arguments):
        launch = python("console", "launch", "--no-ui", "--role", "validator", *arguments)
        with running(launch, env=clean_environment(home)) as engine:
            assert engine.stdout is not None
            Thread(target=engine.stdout.read, daemon=True).start()
            _wait_for(home / "data" / FILE)
            command = python("console", "attach", "--data-dir", str(home / "data"))
            with closing(Terminal(command, width=SIZE[0], height=SIZE[1], home=home)) as opened:
                pressed = keys.press(opened, home)
            engine.terminate()
    bare = keys.p95(pressed.bare)
    what = f"key to paint p95 through attach while {keys.REPLIES} replies are judged"
    return [
        Figure(f"{what}, over a bare app's: a letter typed", keys.p95(pressed.typed) - bare, "ms", KEY_MS),
        Figure(f"{what}, over a bare app's: another screen", keys.p95(pressed.went) - bare, "ms", KEY_MS),
        Figure("a bare app's p95 in that time", bare, "ms"),
        Figure("a letter typed through attach, median", statistics.median(pressed.typed), "ms"),
        Figure("another screen through attach, median", statistics.median(pressed.went), "ms"),
    ]


def _wait_for(file: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} is not there"
        time.sleep(0.05)
