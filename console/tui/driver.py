"""Textual's driver for Linux, made to survive what happens to an operator's terminal.

A terminal that stops reading costs frames and no time. One that is gone ends the screen and not the process. Nothing
that is typed can stop the process: its engine would stop with it.
"""

import contextlib
import os
import selectors
import signal
import termios
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition, Paste
from textual.message import Message

from console.tui.endings import Ending
from console.tui.writer import Writer

POLL_S = 0.1
LAST_WORDS_S = 1.0
READ = 4096
"""How long the reading thread waits for a key, a leaving screen for its last bytes, and how many are read at once."""


START, END = "\x1b[200~", "\x1b[201~"
MOST = 10_000
"""Characters kept of one paste."""

BURST = 512
"""More than this at once, without one escape sequence, was not typed: the terminal does not bracket its pastes."""


class Input(NamedTuple):
    """A piece of what came from the terminal."""

    text: str
    pasted: bool


class PasteFilter:
    """Tells what was pasted from what was typed: a paste is one text, bounded, and never becomes keys.

    Takes input as it comes, in pieces of any size.
    """

    def __init__(self) -> None:
        self._in_paste = False
        self._held = ""
        self._kept: list[str] = []
        self._room = MOST

    def feed(self, text: str) -> Iterator[Input]:
        """The keys and whole pastes in `text`, in order. The beginning of a mark at its end waits for the rest."""
        if not self._in_paste and not self._held and len(text) > BURST and "\x1b" not in text:
            yield Input(text[:MOST], pasted=True)
            return
        text, self._held = self._held + text, ""
        while text:
            mark = END if self._in_paste else START
            before, found, rest = text.partition(mark)
            if not found:
                before, self._held = _split_mark(text, mark, hold=self._in_paste)
            if self._in_paste:
                self._keep(before)
            elif before:
                yield Input(before, pasted=False)
            if not found:
                return
            text = rest
            if self._in_paste:
                yield Input("".join(self._kept), pasted=True)
                self._kept, self._room = [], MOST
            self._in_paste = not self._in_paste

    def _keep(self, text: str) -> None:
        self._kept.append(text[: self._room])
        self._room -= len(self._kept[-1])


def _split_mark(text: str, mark: str, *, hold: bool) -> tuple[str, str]:
    """`text` without the beginning of `mark` that it ends in, and that. Outside of a paste a lone escape is a key."""
    shortest = 1 if hold else 3
    for length in range(min(len(mark) - 1, len(text)), shortest - 1, -1):
        if text.endswith(mark[:length]):
            return text[:-length], text[-length:]
    return text, ""


class Operated(Protocol):
    """The application, as far as its driver needs it."""

    terminal: int
    """The descriptor that frames are written to."""

    def repaint(self) -> None: ...

    def answered(self, column: int) -> None:
        """The terminal says where its cursor stands, which it was asked behind a frame."""

    def leave(self, ending: Ending) -> None: ...


class OperatorDriver(LinuxDriver):
    """Reads from stdin; writes to the terminal's own descriptor, `app.terminal`."""

    def __init__(self, app: Any, **arguments: Any) -> None:
        super().__init__(app, **arguments)
        self._console: Operated = app
        self._terminal: int = app.terminal
        self._file = Path(os.devnull).open("w")  # noqa: SIM115 for Textual's own writer, which gets nothing
        self._writer = Writer(self._terminal, self._on_drained)
        self._unfinished: list[str] = []
        self._attributes: list[Any] | None = None
        self._hung_up = self._is_leaving = False
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._hang_up())

    @property
    def can_suspend(self) -> bool:
        return False

    def write(self, data: str) -> None:
        """A frame goes on with the marks around it, as one: a terminal that got the first mark shows nothing until the
        last one comes.
        """
        self._unfinished.append(data)
        if self._unfinished[0] != SYNC_START or data == SYNC_END:
            whole, self._unfinished = "".join(self._unfinished), []
            if not self._hung_up or self._is_leaving:
                self._writer.write(whole)

    def start_application_mode(self) -> None:
        self._writer.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._attributes = termios.tcgetattr(self.fileno)

    def stop_application_mode(self) -> None:
        """Give the terminal back, also after a hang-up: if only the launched process is gone, a shell has it now."""
        self._is_leaving, self._unfinished = True, []
        self._writer.last_words()
        if self._hung_up:
            self._disable_mouse_support()  # Textual leaves it on once its reader of keys has ended
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        self._writer.stop(0 if self._hung_up else LAST_WORDS_S)

    def process_message(self, message: Message) -> None:
        if isinstance(message, CursorPosition):
            self._soon(self._console.answered, message.x + 1)
        else:
            super().process_message(message)

    def toggle_mouse(self) -> bool:
        """Leave the mouse to the terminal, or take it back. True when it is ours now."""
        if self._mouse:
            self._disable_mouse_support()
        self._mouse = not self._mouse
        if self._mouse:
            self._enable_mouse_support()
        return self._mouse

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            return os.get_terminal_size(self._terminal)
        except OSError:
            return 80, 24

    def _on_drained(self) -> None:
        """On the writer's thread: the terminal reads again after frames were dropped."""
        self._soon(self._console.repaint)

    def _soon(self, callback: Callable[..., None], *arguments: object) -> None:
        """Have the app do something, from any thread or signal handler; a loop that is closed needs nothing more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _hang_up(self) -> None:
        """The terminal is gone; on any thread. The kernel may send SIGCONT right after SIGHUP."""
        if not self._hung_up:
            self._hung_up = True
            self.exit_event.set()
            self._soon(self._console.leave, Ending.HUNG_UP)

    def _sigcont_application(self, *_arguments: int | FrameType | None) -> None:
        """Somebody had stopped the process from outside; the shell has changed the terminal's modes since."""
        if self._hung_up or self._attributes is None:
            return
        try:
            termios.tcsetattr(self.fileno, termios.TCSANOW, self._attributes)
        except termios.error:  # this SIGCONT came with a SIGHUP, and before it
            self._hang_up()
        else:
            self._soon(self._console.repaint)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._hang_up()

    def run_input_thread(self) -> None:
        """Textual's reader of keys, but the end of the input ends it, and a paste is one text."""
        parser = XTermParser(self._debug)
        pasting = PasteFilter()
        decoder = getincrementaldecoder("utf-8")("replace")
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_S):
                    received = os.read(self.fileno, READ)
                    if not received:
                        self._hang_up()
                        return
                    for text, is_pasted in pasting.feed(decoder.decode(received)):
                        for message in [Paste(text)] if is_pasted else parser.feed(text):
                            self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
