"""What is written to a terminal for what changes: one frame at a time, of what changed alone, once it has the last."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from console.remote.server import listening
from engine.feed import Feed
from tests.stories.terminal import KNOWS_FRAMES, Display, Terminal, terminal
from tests.unit.engine_helpers import idle_engine
from tests.unit.tui_helpers import miner, snapshot

pytestmark = pytest.mark.slow

SIZE = (120, 40)
BETWEEN = re.compile(rb"(?=\x1b\[\?2026h)|(?<=\x1b\[\?2026l)")
CURSOR_AT = re.compile(r"\x1b\[\d+;\d+R")

Kind = TypeVar("Kind", bound=Terminal)


class Withholding(Terminal):
    """A terminal that says where its cursor is only when it is allowed to."""

    withheld: str | None = None

    def _received(self, data: bytes) -> None:
        super()._received(data)
        with self._changed:
            self._changed.notify_all()  # of what is withheld, too

    def _answer(self, answer: str) -> None:
        if self.withheld is not None:
            self.withheld += "".join(CURSOR_AT.findall(answer))
            answer = CURSOR_AT.sub("", answer)
        super()._answer(answer)

    def withhold(self) -> None:
        self.withheld = ""

    def allow(self) -> None:
        answer, self.withheld = self.withheld or "", None
        self.press(answer)


class Mute(Terminal):
    """A terminal that does not know the question for its cursor."""

    def _answer(self, answer: str) -> None:
        super()._answer(KNOWS_FRAMES if KNOWS_FRAMES in answer else "")


class Engine:
    """One whose picture changes when a test says so."""

    def __init__(self) -> None:
        self.feed = Feed(replace(snapshot(miners=tuple(map(miner, range(10)))), services=()))

    def publish(self, **fields: Any) -> None:
        self.feed.publish(replace(self.feed.snapshot, **fields))

    def names(self, uid: int, name: str) -> None:
        """A miner gets another name, which every screen of miners shows."""
        self.publish(
            miners=tuple(replace(one, name=name) if one.uid == uid else one for one in self.feed.snapshot.miners)
        )


@contextmanager
def attached(folder: Path, kind: type[Kind]) -> Iterator[tuple[Engine, Kind]]:
    engine = Engine()
    data = folder / "data"
    data.mkdir()
    with ExitStack() as open_:
        open_.enter_context(listening(idle_engine(engine.feed, data), data, tell=print))
        there = ("--data-dir", str(data))
        opened = open_.enter_context(terminal(*there, home=folder, command="attach", size=SIZE, kind=kind))
        assert isinstance(opened, kind)
        opened.wait_for("[1 Home]", "miner-9", "? help")
        yield engine, opened


def frames(received: bytes, size: tuple[int, int] = SIZE) -> list[str]:
    """What was to be seen after each frame, below the header, which has a clock."""
    display, seen = Display(*size), []
    for frame in BETWEEN.split(received):
        display.feed(frame.decode(errors="replace"))
        seen.append(display.text.partition("\n")[2])
    return seen


def written_for(opened: Terminal, change: Callable[[], object], shown: str) -> str:
    """All that is written from a change on until it is to be seen."""
    before = len(opened.received)
    change()
    opened.wait_for(shown)
    return bytes(opened.received[before:]).decode(errors="replace")


def test_another_screen_is_one_frame(tmp_path: Path) -> None:
    with attached(tmp_path, Terminal) as (_, opened):
        for digit, title in (("3", "[3 Miners]"), ("4", "[4 Weights]"), ("2", "[2 Challenges]"), ("1", "[1 Home]")):
            opened.press(digit)
            opened.wait_for(title)
            opened.press("\x0c")  # paint all of it anew
            opened.wait_for(title)
            seen = frames(bytes(opened.received))
            begun = max(at for at, text in enumerate(seen) if title not in text) + 1
            assert len({*seen[begun:]}) == 1, "\n".join(seen[begun:])


def test_under_an_open_dialog_what_changes_costs_what_it_costs_without_one(tmp_path: Path) -> None:
    with attached(tmp_path, Terminal) as (engine, opened):
        bare = written_for(opened, lambda: engine.names(0, "first"), "first")
        opened.press(":")
        opened.wait_for("a few letters")
        covered = written_for(opened, lambda: engine.names(0, "other"), "other")
        clock = 60
        assert len(covered) <= 1.2 * len(bare) + clock
        assert len(bare) < 300
        rows = {int(row) for row in re.findall(r"\x1b\[(\d+);\d+H", covered)}
        assert len(rows) <= 4, "the header's, the miner's in two panes, the cursor's"


def test_frames_wait_for_the_terminal_and_then_show_the_newest_and_its_age(tmp_path: Path) -> None:
    with attached(tmp_path, Withholding) as (engine, opened):
        opened.withhold()
        engine.names(0, "asked")
        opened.wait_until(lambda _: opened.withheld, "a question")
        for number in range(12):
            engine.names(0, f"change-{number}")
            time.sleep(0.3)
        opened.allow()
        opened.wait_for("change-11", "LIVE -")
        assert not [text for text in frames(bytes(opened.received)) if re.search(r"change-\d\b", text)]
        opened.wait_until(lambda shown: "LIVE" in shown and "LIVE -" not in shown, "a picture of now")


def test_a_storm_of_resizes_is_one_frame_of_the_last_size(tmp_path: Path) -> None:
    with attached(tmp_path, Withholding) as (engine, opened):
        opened.withhold()
        engine.names(0, "asked")
        opened.wait_until(lambda _: opened.withheld, "a question")
        before = len(opened.received)
        for number in range(20):
            opened.resize(80 + number, 24 + number)
        opened.resize(100, 30)
        engine.names(1, "newest")
        opened.allow()
        opened.wait_for("newest", "[1 Home]", "? help")
        sizes = [len(frame) for frame in BETWEEN.split(bytes(opened.received[before:]))]
        assert sum(sizes) < 3 * max(sizes), "one for the storm, and one for what came late of it"


def test_a_terminal_that_never_answers_shows_what_changes_and_takes_keys(tmp_path: Path) -> None:
    with attached(tmp_path, Mute) as (engine, opened):
        for number in range(4):
            engine.names(0, f"change-{number}")
            opened.wait_for(f"change-{number}")
        opened.press("3")
        opened.wait_for("[3 Miners]", "change-3")
        assert "LIVE -" not in opened.text
