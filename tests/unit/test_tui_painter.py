"""Frames on their way from an application to its terminal: what waits, what is gathered, what is written."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from textual._compositor import LayoutUpdate
from textual.geometry import Offset, Region, Size
from textual.strip import Strip

from console.tui import painter
from console.tui.pace import AGAIN_S, MUTE_S
from console.tui.painter import KEY_FRAME_S, SETTLING_S, Painter
from tests.stories.terminal import SEQUENCE, Display

BLANK = " " * 20


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


class Loop:
    """Calls when it is told that time has passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, Any]] = []

    def call_later(self, wait: float, callback: Any) -> Any:
        entry = (self._clock.now + wait, callback)
        self._due.append(entry)
        return SimpleNamespace(cancel=lambda: self._due.remove(entry) if entry in self._due else None)

    def run_until(self, at: float) -> None:
        while due := [entry for entry in self._due if entry[0] <= at]:
            entry = min(due, key=lambda one: one[0])
            self._due.remove(entry)
            self._clock.now = max(self._clock.now, entry[0])
            entry[1]()
        self._clock.now = at


class Shown:
    """An application of some lines, a terminal that shows them, and what has to be answered."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.loop = clock, Loop(clock)
        self.display = Display(20, 3)
        self.lines = ["one", "two", "three"]
        self.written: list[str] = []
        compositor = SimpleNamespace(render_update=lambda **_options: self.update())
        self.app = cast(
            Any,
            SimpleNamespace(
                console=SimpleNamespace(_color_system=ColorSystem.TRUECOLOR),
                size=Size(20, 3),
                is_running=True,
                _loop=self.loop,
                _batch_count=0,
                _screen_stack=["screen"],
                _background_screens=(),
                _context=contextlib.nullcontext,
                _sync_available=True,
                _driver=SimpleNamespace(write=self.write),
                cursor_position=Offset(0, 0),
                screen=SimpleNamespace(_compositor=compositor, outer_size=Size(20, 3)),
            ),
        )
        self.painter = Painter(self.app)

    def write(self, data: str) -> None:
        self.written.append(data)
        self.display.feed(data)

    def update(self) -> LayoutUpdate:
        strips = [Strip([Segment((text + BLANK)[: self.app.size.width])]) for text in self.lines]
        return LayoutUpdate([[strip] for strip in strips], Region(0, 0, *self.app.size))

    def changes(self, *lines: str) -> None:
        """The application has something new to show."""
        self.lines = list(lines)
        self.painter.paint(self.update())

    def answers(self) -> None:
        """The terminal answers all that it was asked."""
        for answer in SEQUENCE.finditer(self.display.answer):
            if answer[0].endswith("R"):
                self.painter.answered(int(answer[2].split(";")[1]))
        self.display.answer = ""

    def passes(self, seconds: float) -> None:
        self.loop.run_until(self.clock.now + seconds)

    @property
    def text(self) -> list[str]:
        return self.display.text.splitlines()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """One whose first frame was answered at once."""
    clock = Clock()
    monkeypatch.setattr(painter, "time", clock)
    made = Shown(clock)
    made.changes("one", "two", "three")
    made.answers()
    assert made.text == ["one", "two", "three"]
    made.written.clear()
    yield made


def test_all_that_a_key_sets_off_is_one_frame(shown: Shown) -> None:
    shown.painter.key()
    for number in range(4):
        shown.changes("another", f"screen {number}", "three")
        shown.passes(KEY_FRAME_S / 10)
    assert not shown.written
    shown.painter.key_done()
    shown.changes("another", "screen", "ready")
    assert not shown.written
    shown.passes(SETTLING_S)
    assert len(shown.written) == 1
    assert shown.text == ["another", "screen", "ready"]


def test_a_key_that_takes_long_is_not_waited_for(shown: Shown) -> None:
    shown.painter.key()
    shown.changes("begun", "two", "three")
    shown.passes(KEY_FRAME_S * 0.9)
    assert not shown.written
    shown.passes(KEY_FRAME_S * 0.2)
    assert shown.text == ["begun", "two", "three"]


def test_many_keys_one_after_another_hold_no_frame_back_for_ever(shown: Shown) -> None:
    for number in range(20):
        shown.painter.key()
        shown.changes(f"key {number}", "two", "three")
        shown.passes(KEY_FRAME_S / 4)
        shown.answers()
    assert 3 <= len(shown.written) < 20


def test_what_happens_before_the_answer_is_one_frame_of_the_newest(shown: Shown) -> None:
    shown.changes("first", "two", "three")
    for number in range(10):
        shown.changes("first", f"tick {number}", "three")
        shown.passes(0.25)
    assert len(shown.written) == 1
    shown.answers()
    shown.passes(1.0)
    assert shown.text == ["first", "tick 9", "three"]
    assert len(shown.written) == 2
    assert "first" not in shown.written[1]


def test_what_waited_for_the_terminal_goes_with_what_a_key_changes(shown: Shown) -> None:
    shown.changes("asked", "two", "three")
    shown.changes("asked", "late", "three")
    shown.painter.key()
    shown.passes(KEY_FRAME_S / 2)
    shown.changes("asked", "late", "key")
    assert len(shown.written) == 1
    shown.painter.key_done()
    shown.passes(SETTLING_S)
    assert len(shown.written) == 2
    assert shown.text == ["asked", "late", "key"]


def test_a_storm_of_resizes_is_one_frame_of_the_last_size(shown: Shown) -> None:
    shown.changes("asked", "two", "three")
    for width in (*range(8, 20), 18):
        shown.app.size = Size(width, 3)
        shown.changes("w" * width, "two", "three")
        shown.passes(0.05)
    assert len(shown.written) == 1
    shown.display = Display(18, 3)
    shown.painter.answered(2)
    shown.passes(1.0)
    assert len(shown.written) == 2
    assert shown.text == ["w" * 18, "two", "three"]


def test_a_terminal_that_never_answers_gets_its_frames_after_a_while_and_keys_at_once(shown: Shown) -> None:
    mute = Shown(shown.clock)
    mute.changes("one", "two", "three")
    mute.changes("more", "two", "three")
    assert len(mute.written) == 1
    mute.painter.key()
    mute.painter.key_done()
    mute.passes(KEY_FRAME_S)
    assert mute.text[0] == "more"
    mute.passes(MUTE_S)
    for number in range(5):
        mute.changes(f"tick {number}", "two", "three")
        assert mute.text[0] == f"tick {number}"
        mute.passes(0.25)


def test_a_lost_answer_is_asked_for_again(shown: Shown) -> None:
    shown.changes("lost", "two", "three")
    shown.display.answer = ""
    shown.changes("later", "two", "three")
    shown.passes(AGAIN_S + 0.1)
    shown.painter.go_on()  # four times a second, with each picture
    shown.answers()
    shown.passes(1.0)
    assert shown.text[0] == "later"


def test_nothing_new_is_nothing_written(shown: Shown) -> None:
    shown.changes("one", "two", "three")
    shown.painter.go_on()
    assert not shown.written


def test_what_somebody_else_wrote_is_painted_over(shown: Shown) -> None:
    shown.display.feed("\x1b[2J")
    shown.painter.forget()
    shown.changes("one", "two", "three")
    assert shown.text == ["one", "two", "three"]


def test_a_widget_that_breaks_while_a_frame_is_made_ends_the_screen_as_anywhere(shown: Shown) -> None:
    seen: list[Exception] = []

    def broken(**_options: Any) -> LayoutUpdate:
        raise ValueError("a widget's")

    shown.app._handle_exception = seen.append
    shown.app.screen._compositor.render_update = broken
    shown.painter.forget()
    shown.painter.go_on()
    assert [str(error) for error in seen] == ["a widget's"]
