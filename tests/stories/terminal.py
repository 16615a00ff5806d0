"""A terminal for tests: a pseudo-terminal with a process in it, and enough of an emulator to read its screen.

The emulator knows what Textual sends to place text: cursor moves, erasing, the modes that have to be given back, and
the marks around a frame: like a terminal that knows them, it shows a frame when it is whole.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from unicodedata import east_asian_width

from tests.stories.console import PATIENCE_S, ROOT, children_of

SEQUENCE = re.compile(
    r"\x1b(?:\[([?>=<]?)([0-9;$]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|[@-Z\\-_=>78])"
)
UNFINISHED = re.compile(r"\x1b(?:\[[?>=<]?[0-9;$]*|\][^\x07]*|[PX^_].*)?\Z")
FRAME = "2026"
"""The private mode in which a terminal takes a frame without showing it."""

KNOWS_FRAMES = f"\x1b[?{FRAME};2$y"
GIVEN_BACK = {"1049": False, "25": True, "1000": False, "1003": False, "2004": False, FRAME: False}
"""What private modes must be when a screen has left."""

Found = TypeVar("Found")


class Display:
    """The cells of a terminal, from what was written to it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells = [[" "] * width for _ in range(height)]
        self.modes: dict[str, bool] = {}
        self.answer = ""
        """What it has to say to the program."""
        self._shown = ""
        self._row = self._column = 0
        self._rest = ""

    @property
    def text(self) -> str:
        """What is to be seen; while a frame is being written, the one before it."""
        return self._shown if self.modes.get(FRAME) else "\n".join("".join(row).rstrip() for row in self.cells)

    def feed(self, text: str) -> None:
        text = self._rest + text
        unfinished = UNFINISHED.search(text)
        text, self._rest = (text[: unfinished.start()], unfinished[0]) if unfinished else (text, "")
        position = 0
        for sequence in SEQUENCE.finditer(text):
            self._print(text[position : sequence.start()])
            self._obey(sequence)
            position = sequence.end()
        self._print(text[position:])

    def _print(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._row, self._column = min(self._row + 1, self.height - 1), 0
            elif character == "\r":
                self._column = 0
            elif character >= " ":
                if self._column < self.width:
                    self.cells[self._row][self._column] = character
                if east_asian_width(character) in "WF":
                    self._column += 1
                    if self._column < self.width:
                        self.cells[self._row][self._column] = " "
                self._column += 1

    def _obey(self, sequence: re.Match[str]) -> None:
        private, numbers, final = sequence[1], sequence[2], sequence[3]
        if final is None:
            return
        values = [int(number) for number in numbers.split(";") if number.isdecimal()]
        match private, final:
            case "?", "p" if numbers == f"{FRAME}$":
                self.answer += KNOWS_FRAMES
            case "", "n" if numbers == "6":
                self.answer += f"\x1b[{self._row + 1};{self._column + 1}R"
            case "?", "h" | "l":
                self._shown = self.text
                self.modes |= dict.fromkeys(numbers.split(";"), final == "h")
            case "", "H":
                row, column = [*values, 1, 1][:2]
                self._row, self._column = min(row, self.height) - 1, min(column, self.width) - 1
            case "", "C":
                self._column += values[0] if values else 1
            case "", "J":
                self.cells = [[" "] * self.width for _ in range(self.height)]


class Terminal:
    """A console in a pseudo-terminal. Reading it can be paused, as a dead link does."""

    def __init__(
        self, command: list[str], *, width: int, height: int, home: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.display = Display(width, height)
        self.received = bytearray()
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._controller, worker = os.openpty()
        fcntl.ioctl(worker, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.modes_before = termios.tcgetattr(worker)
        self.worker_name = os.ttyname(worker)
        self.process = subprocess.Popen(
            command,
            stdin=worker,
            stdout=worker,
            stderr=worker,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", "HOME": str(home), "ESCDELAY": "25", **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(worker)
        self._reading = threading.Event()
        self._reading.set()
        self._changed = threading.Condition()
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._closed:
            self._reading.wait()
            if not select.select([self._controller], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self._controller, 65_536)
            except OSError:
                data = b""
            if not data:
                return
            self._received(data)

    def _received(self, data: bytes) -> None:
        """Show what was read, and answer."""
        with self._changed:
            self.received += data
            self.display.feed(self._decoder.decode(data))
            answer, self.display.answer = self.display.answer, ""
            self._changed.notify_all()
        if answer:
            self._answer(answer)

    def _answer(self, answer: str) -> None:
        with suppress(OSError):  # it was closed meanwhile
            self.press(answer)

    @property
    def text(self) -> str:
        with self._changed:
            return self.display.text

    def press(self, keys: str) -> None:
        os.write(self._controller, keys.encode())

    def wait_for(self, *texts: str) -> None:
        """Wait until the screen shows all these texts at once; fails with the screen."""
        self.wait_until(lambda shown: all(text in shown for text in texts), f"{texts}")

    def wait_until(self, look: Callable[[str], Found | None], what: str) -> Found:
        """Wait until a look at the screen's text finds something, and return that; fails with the screen."""
        with self._changed:
            found = self._changed.wait_for(lambda: look(self.display.text), PATIENCE_S)
        assert found, f"{what} is not on the screen:\n{self.text}"
        return found

    def ended(self) -> int:
        """The exit code, once the process has ended and what it wrote is on the display."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def stall(self) -> None:
        """Stop reading, as a terminal does whose link hangs."""
        self._reading.clear()

    def go_on(self) -> None:
        self._reading.set()

    def resize(self, width: int, height: int) -> None:
        with self._changed:
            self.display.__init__(width, height)  # type: ignore[misc]
        fcntl.ioctl(self._controller, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal, as a dropped connection does."""
        self._closed = True
        self._reading.set()
        self._reader.join(5)
        os.close(self._controller)
        self._controller = -1

    def modes(self) -> list[object]:
        """The line discipline as it is now."""
        with open(self.worker_name, "rb", buffering=0, opener=lambda path, _flags: os.open(path, os.O_NOCTTY)) as tty:
            return termios.tcgetattr(tty.fileno())

    @property
    def engine(self) -> int:
        """The process of the engine and its screen, which is a child of a launched one."""
        return children_of(self.process.pid)[0]

    def close(self) -> None:
        if self.process.poll() is None:
            for child in children_of(self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self.process.kill()
        self.process.wait(10)
        if self._controller >= 0:
            self.hang_up()


@contextmanager
def terminal(
    *arguments: str,
    home: Path,
    size: tuple[int, int] = (80, 24),
    before: str = "",
    command: str = "launch",
    environment: Mapping[str, str] | None = None,
    kind: type[Terminal] = Terminal,
) -> Iterator[Terminal]:
    """A command of ours with these arguments in a terminal of its own; `before` is Python that runs first."""
    program = f"{before}\nimport sys\nfrom console.cli import main\nsys.exit(main())"
    whole = [sys.executable, "-c", program, command, *arguments]
    opened = kind(whole, width=size[0], height=size[1], home=home, environment=environment)
    try:
        yield opened
    finally:
        opened.close()
