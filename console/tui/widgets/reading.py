"""A pane of text that can be scrolled and zoomed, made anew only when its subject or its size changes."""

from collections.abc import Callable, Sequence

from console.present.text import Line
from console.tui.widgets.lines import Lines

Maker = Callable[[int, int], Sequence[Line]]
"""From columns and rows to lines."""


class Reading(Lines, can_focus=True):
    """One column is kept free for the scrollbar."""

    _subject: object = None
    _make: Maker | None = None
    _made_for: tuple[int, int] = (0, 0)

    def read(self, subject: object, make: Maker) -> None:
        """Show what `make` makes of a subject; when the subject is still the same one, nothing is made again."""
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
