"""Panes of text: scrollable lines, repainted only where they changed."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from textual.geometry import Region, Size
from textual.strip import Strip

from console.present.text import BLANK, Line, cut, text_of, width_of
from console.widgets.paint import Painted


class Lines(Painted):
    """Shows lines; `content` holds those shown now."""

    DEFAULT_CSS = """
    Lines.fitted { width: auto; height: auto; }
    """

    def __init__(self, content: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.content: tuple[Line, ...] = tuple(content)

    def get_content_height(self, _container: Size, _viewport: Size, _width: int) -> int:
        return len(self.content)

    def get_content_width(self, _container: Size, _viewport: Size) -> int:
        return max(map(width_of, self.content), default=0)

    def show(self, content: Sequence[Line]) -> None:
        """Replace the lines; only those that differ are repainted."""
        before, self.content = self.content, tuple(content)
        if len(before) != len(self.content):
            self.virtual_size = Size(self.size.width, len(self.content))
        top = self.scroll_offset.y
        changed = [
            Region(0, y - top, self.size.width, 1)
            for y, (old, new) in enumerate(zip_longest(before, self.content))
            if old != new and 0 <= y - top < self.size.height
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        content = self.content[row] if row < len(self.content) else BLANK
        return self.painted(cut(content, self.scrollable_content_region.width), self.size.width)

    @property
    def text(self) -> str:
        """The text shown, without styles."""
        return "\n".join(text_of(line) for line in self.content)

    def do_nav_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def do_nav_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def do_nav_top(self) -> None:
        self.scroll_home(animate=False)

    def do_nav_bottom(self) -> None:
        self.scroll_end(animate=False)

    def do_nav_page_down(self) -> None:
        self.scroll_page_down(animate=False)

    def do_nav_page_up(self) -> None:
        self.scroll_page_up(animate=False)

    def do_nav_half_down(self) -> None:
        self.scroll_relative(y=self.size.height // 2, animate=False)

    def do_nav_half_up(self) -> None:
        self.scroll_relative(y=-self.size.height // 2, animate=False)


class Facts(Lines, can_focus=True):
    """Lines that usually all fit; the pane can take the focus only if they do not."""

    def allow_focus(self) -> bool:
        return super().allow_focus() and len(self.content) > self.size.height


class Bar(Lines, can_focus=False):
    """Text that is always shown, such as the header and footer; it never takes the focus."""

    DEFAULT_CSS = """
    Bar { height: 1; scrollbar-size-vertical: 0; }
    """


Maker = Callable[[int, int], Sequence[Line]]
"""Makes the lines for a size in columns and rows."""


class Reading(Lines, can_focus=True):
    """Text that scrolls and zooms, rebuilt only when its subject or its size changes.

    One column is kept free for the scrollbar.
    """

    _subject: object = None
    _make: Maker | None = None
    _made_for: tuple[int, int] = (0, 0)

    def read(self, subject: object, make: Maker) -> None:
        """Show the lines that `make` returns for a subject; while the subject stays the same, they are not made
        again."""
        if self._make is None or subject != self._subject:
            self._subject, self._make, self._made_for = subject, make, (0, 0)
            self.scroll_home(animate=False)
        self._remake()

    def _remake(self) -> None:
        width, height = self.size.width - 1, self.size.height
        if self._make is not None and width > 0 and height > 0 and self._made_for != (width, height):
            self._made_for = width, height
            self.show(self._make(width, height))

    def on_resize(self) -> None:
        self._remake()
