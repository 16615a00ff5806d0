"""A pane with a drawing whose parts can be walked through and opened."""

from collections.abc import Callable

from textual import events
from textual.message import Message

from console.present.spots import Drawing
from console.widgets.lines import Lines

Draw = Callable[[int, int, str], Drawing]
"""Draws for a size in columns and rows, with the cursor on the part with this key, "" for none."""


class Walk(Lines, can_focus=True):
    """Shows a drawing; left and right go from part to part, enter opens one. The cursor shows while it has the focus.

    In a `feed` the cursor begins at the last part, which is the newest.
    """

    DEFAULT_CSS = """
    Walk { scrollbar-size-vertical: 0; }
    """

    class Touched(Message):
        """The operator did something with a part."""

        def __init__(self, walk: "Walk", key: str) -> None:
            super().__init__()
            self.walk = walk
            self.key = key

        @property
        def control(self) -> "Walk":
            return self.walk

    class Opened(Touched):
        """The operator opened a part."""

    class Moved(Touched):
        """The cursor is on another part."""

    def __init__(self, *, id: str | None = None, feed: bool = False) -> None:
        super().__init__(id=id)
        self._feed = feed
        self._draw: Draw | None = None
        self._key = ""
        self.drawing = Drawing(())

    @property
    def key(self) -> str:
        """What the cursor is on, "" while the pane has not the focus."""
        return self._key if self.has_focus else ""

    def draw(self, draw: Draw) -> None:
        """Show another drawing; the cursor stays on its part."""
        self._draw = draw
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.size
        if self._draw is None or width <= 0 or height <= 0:
            return
        self.drawing = self._draw(width, height, self.key)
        keys = [spot.key for spot in self.drawing.spots]
        if self.has_focus and keys and self._key not in keys:
            self._key = keys[-1 if self._feed else 0]
            self.drawing = self._draw(width, height, self.key)
        self.show(self.drawing.lines)

    def on_resize(self) -> None:
        self._redraw()

    def on_focus(self) -> None:
        self._redraw()
        self.post_message(self.Moved(self, self.key))

    def on_blur(self) -> None:
        self._redraw()
        self.post_message(self.Moved(self, ""))

    def on_click(self, event: events.Click) -> None:
        if key := self.drawing.at(event.x, event.y):
            again = key == self._key and event.chain > 1
            self._go(key)
            if again:
                self.do_nav_open()

    def _go(self, key: str) -> None:
        self._key = key
        self._redraw()
        self.post_message(self.Moved(self, key))

    def _step(self, by: int) -> None:
        keys = [spot.key for spot in self.drawing.spots]
        if keys:
            at = keys.index(self._key) if self._key in keys else 0
            self._go(keys[max(0, min(len(keys) - 1, at + by))])

    def do_nav_right(self) -> None:
        self._step(1)

    def do_nav_left(self) -> None:
        self._step(-1)

    def do_nav_down(self) -> None:
        self._step(1)

    def do_nav_up(self) -> None:
        self._step(-1)

    def do_nav_top(self) -> None:
        self._step(-len(self.drawing.spots))

    def do_nav_bottom(self) -> None:
        self._step(len(self.drawing.spots))

    def do_nav_open(self) -> None:
        if self.key:
            self.post_message(self.Opened(self, self.key))
