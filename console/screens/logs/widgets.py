"""The log under a cursor: records as they come, painted together a few times a second."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from msgspec.structs import replace
from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console.present.log_look import LogLook
from console.present.text import Line, cut
from console.screens.host import Host
from console.screens.logs import content as logs
from console.screens.logs.content import KeptLine
from console.widgets.option_list import PopUpField
from console.widgets.paint import Rows
from console.widgets.panel import Panel
from engine.doors import Log
from engine.snapshot import LogTail

PULL_S = 0.25
"""As often as the screens get a picture."""

NOTHING = LogTail(0, (), 0)


class Row(NamedTuple):
    """One line of one record."""

    record: KeptLine
    line: Line


class LogView(Rows, can_focus=True):
    """Shows what `look` lets through. While it follows, the cursor stays on the newest record."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--cursor", "grid--cursor-blurred"}

    class Changed(Message):
        """The cursor is on another record, or the log is looked at another way."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = LogLook()
        self.follow = True
        self.records: list[KeptLine] = []
        self.tail = NOTHING
        self._log: Log | None = None
        self._rows: list[Row] = []
        self._open: set[int] = set()

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def taken(self) -> int:
        """How many records there ever were when it was last looked."""
        return self.tail.first + len(self.tail.lines)

    def read(self, log: Log) -> None:
        """Take what is new in a log. Another one than before is read from its beginning."""
        if log is not self._log:
            self._log, self.tail = log, NOTHING
            self.look_with()
        if self.taken != log.added:
            self._take(log.tail())

    def _take(self, tail: LogTail) -> None:
        """Take what is there now: what is new comes behind, what is gone goes in front."""
        fresh = logs.records(tail, self.look, after=self.taken - 1)
        self.tail = tail
        gone = sum(1 for record in self.records if record.number < tail.first)
        gone_rows = sum(1 for row in self._rows if row.record.number < tail.first)
        del self.records[:gone], self._rows[:gone_rows]
        self.records += fresh
        self._rows += [row for record in fresh for row in self._laid(record)]
        self.at = max(0, self.at - gone)
        self.virtual_size = Size(self.size.width, len(self._rows))
        if self.follow:
            self._go(len(self.records) - 1)
        elif gone_rows:
            self._scroll(max(0, self.scroll_offset.y - gone_rows))
        if fresh or gone:
            self.refresh()

    def look_with(self, **changes: Any) -> None:
        """Look at the log another way; the cursor stays on its record where that is still shown."""
        number = self.current.number if self.current else -1
        self.look = replace(self.look, **changes)
        self.records = logs.records(self.tail, self.look)
        self.at = max(0, sum(1 for record in self.records if record.number <= number) - 1)
        self._lay()

    def _lay(self) -> None:
        """Lay everything out anew, the cursor where it was."""
        self._rows = [row for record in self.records for row in self._laid(record)]
        self.virtual_size = Size(self.size.width, len(self._rows))
        self._go(len(self.records) - 1 if self.follow else self.at)
        self.refresh()
        self.post_message(self.Changed())

    def _laid(self, record: KeptLine) -> Sequence[Row]:
        lines = logs.rows(record, self.look, self.size.width, is_open=record.number in self._open)
        return [Row(record, content) for content in lines]

    # -- the cursor ------------------------------------------------------------------------------------------------

    @property
    def current(self) -> KeptLine | None:
        """The record under the cursor."""
        return self.records[self.at] if self.at < len(self.records) else None

    @property
    def count(self) -> int:
        return len(self.records)

    def _go(self, index: int) -> None:
        before = self.current
        self.at = max(0, min(index, len(self.records) - 1))
        self._scroll_to_cursor()
        if self.current is not before:
            self.refresh()
            self.post_message(self.Changed())

    def move_to(self, index: int) -> None:
        """Go somewhere by the operator's will: to the newest record is to follow, anywhere else is to stand still."""
        self.follow = index >= len(self.records) - 1
        self._go(index)

    def _scroll_to_cursor(self) -> None:
        current = self.current
        if current is None:
            return
        places = [at for at, row in enumerate(self._rows) if row.record.number == current.number]
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.follow or places[-1] >= top + height:
            self._scroll(min(places[0], places[-1] - height + 1) if not self.follow else len(self._rows) - height)
        elif places[0] < top:
            self._scroll(places[0])

    def _scroll(self, y: int) -> None:
        self.scroll_to(y=max(0, y), animate=False, immediate=True, force=True)

    # -- painting --------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, index = self.size.width, y + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, self.plain)
        record, content = self._rows[index]
        content = cut(content, width)
        if record is not self.current:
            return self.painted(logs.marked(content, self.look.find), width)
        style = self.get_component_rich_style("grid--cursor" if self.has_focus else "grid--cursor-blurred")
        return Strip([Segment(span.text, style) for span in content]).adjust_cell_length(width, style)

    def on_resize(self) -> None:
        self._lay()

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self._rows):
            again = self._rows[index].record is self.current
            self.move_to(self.records.index(self._rows[index].record))
            if again:
                self.do_nav_open()

    # -- what the operator can do ----------------------------------------------------------------------------------

    def find(self, step: int) -> bool:
        """Go to the next record found, around the end. False when there is none."""
        count = len(self.records)
        for distance in range(1, count + 1):
            index = (self.at + step * distance) % count
            if logs.holds(self.records[index].line, self.look.find):
                self.follow = False
                self._go(index)
                return True
        return False

    def fold_all(self) -> None:
        """Fold every record of several lines, or open them when all are folded."""
        self._open = set() if self._open else {one.number for one in self.records if "\n" in one.line.text}
        self._lay()

    def do_log_follow(self) -> None:
        self.follow = not self.follow
        self._go(len(self.records) - 1 if self.follow else self.at)
        self.post_message(self.Changed())

    def do_nav_open(self) -> None:
        if self.current is not None:
            self._open ^= {self.current.number}
            self._lay()


class LogDrawer(Panel, inherit_bindings=False):
    """The log under any screen. It takes the records itself, so that the screen knows nothing of it."""

    DEFAULT_CSS = "LogDrawer { height: 8; }"

    def __init__(self, host: Host) -> None:
        super().__init__("Logs")
        self._host = host
        self._view = LogView()

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self.set_interval(PULL_S, self._pull)
        self.call_after_refresh(self._pull)

    def _pull(self) -> None:
        view = self._view
        if not view.is_attached or not self.screen.is_current:
            return
        view.read(self._host.logs)
        self.caption(logs.title(view.look, follow=view.follow, shown=view.records), "tab goes there  L closes")


class FindField(PopUpField):
    """Where a word to search for is typed."""
