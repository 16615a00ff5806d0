"""A list to choose from (menus, pickers, the palette), and an input field."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from console.present.text import Line, cut, width_of
from console.widgets.paint import Rows
from engine.text import safe

MAX_TYPED = 200
"""Characters of a field: more than any name, filter or address."""


class Field(Input):
    """One line of text, bounded."""

    DEFAULT_CSS = """
    Field, Field:focus { border: none; height: 1; padding: 0; background: transparent; }
    Field > .input--placeholder { color: $tone-muted; }
    """

    def __init__(self, *, value: str = "", hint: str = "", id: str | None = None, hidden: bool = False) -> None:
        super().__init__(
            value=value,
            placeholder=hint,
            id=id,
            max_length=MAX_TYPED,
            compact=True,
            select_on_focus=False,
            password=hidden,
        )

    def _on_paste(self, event: events.Paste) -> None:
        """Textual calls the handlers of the base classes for the event after this one."""
        event.text = safe(event.text[:MAX_TYPED], MAX_TYPED)


class PopUpField(Field):
    """A field that is shown only while the operator types into it."""

    DEFAULT_CSS = """
    PopUpField { display: none; padding: 0 1; background: $panel; }
    PopUpField.-open { display: block; }
    """

    def open(self, typed: str) -> None:
        """Show it with an initial text, which does not count as typed."""
        with self.prevent(Field.Changed):
            self.value = typed
        self.cursor_position = len(typed)
        self.add_class("-open")
        self.focus()

    def on_blur(self) -> None:
        self.remove_class("-open")


class Option(Struct, frozen=True):
    """One line to choose, with the cursor or by its key."""

    id: str
    line: Line
    letter: str = ""


class Options(Rows, can_focus=True):
    """A list of options with a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--cursor", "grid--cursor-blurred"}

    class Highlighted(Message):
        """The cursor is on another option."""

        def __init__(self, options: "Options", option_id: str) -> None:
            super().__init__()
            self.options = options
            self.option_id = option_id

        @property
        def control(self) -> "Options":
            return self.options

    class Chosen(Highlighted):
        """The operator chose this option."""

    def __init__(self, options: Sequence[Option] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options: tuple[Option, ...] = tuple(options)

    @property
    def count(self) -> int:
        return len(self.options)

    @property
    def current(self) -> Option | None:
        return self.options[self.at] if self.at < len(self.options) else None

    def show(self, options: Sequence[Option], current: str = "") -> None:
        """Replace the options; the cursor goes to `current`, or stays on its option, or goes to the first."""
        wanted = current or (self.current.id if self.current else "")
        self.options = tuple(options)
        self.virtual_size = Size(self.size.width, len(self.options))
        self.at = next((at for at, option in enumerate(self.options) if option.id == wanted), 0)
        self._scroll_to_cursor()
        self.refresh()

    def get_content_height(self, _container: Size, _viewport: Size, _width: int) -> int:
        return len(self.options)

    def get_content_width(self, _container: Size, _viewport: Size) -> int:
        return max((width_of(option.line) for option in self.options), default=0) + 2

    def render_line(self, y: int) -> Strip:
        width, index = self.size.width, y + self.scroll_offset.y
        if index >= len(self.options):
            return Strip.blank(width, self.plain)
        content = cut(self.options[index].line, self.scrollable_content_region.width - 2)
        if index != self.at:
            return Strip([Segment("  ", self.plain), *self.painted(content, width - 2)])
        style = self.get_component_rich_style("grid--cursor" if self.has_focus else "grid--cursor-blurred")
        text = "".join(span.text for span in content)
        return Strip([Segment("▌ " + text, style)]).adjust_cell_length(width, style)

    def on_key(self, event: events.Key) -> None:
        option = next((one for one in self.options if one.letter and one.letter == event.character), None)
        if option is not None:
            event.stop()
            self.post_message(self.Chosen(self, option.id))

    def move_to(self, index: int) -> None:
        index = max(0, min(index, len(self.options) - 1))
        if index != self.at and self.options:
            self.at = index
            self._scroll_to_cursor()
            self.refresh()
            self.post_message(self.Highlighted(self, self.options[index].id))

    def _scroll_to_cursor(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.at < top:
            self.scroll_to(y=self.at, animate=False, immediate=True, force=True)
        elif self.at >= top + height:
            self.scroll_to(y=self.at - height + 1, animate=False, immediate=True, force=True)

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self.options):
            self.move_to(index)
            self.do_nav_open()

    def do_nav_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Chosen(self, self.current.id))
