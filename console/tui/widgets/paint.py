"""From tones to styles: how a widget turns spans into what Textual puts on the terminal."""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.present.text import TONES, Span, Tone

TONE_CLASSES = frozenset(f"tone--{tone}" for tone in TONES)


class Painted(ScrollView, inherit_bindings=False):
    """A widget that paints lines of spans, with a style for each tone from the theme."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONE_CLASSES}
    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Painted { background: transparent; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    _plain: Style | None = None

    @property
    def plain(self) -> Style:
        """The style of text without a tone. Textual would work it out anew for each piece of it."""
        if self._plain is None:
            self._plain = self.rich_style
        return self._plain

    def notify_style_update(self) -> None:
        self._plain = None
        super().notify_style_update()

    def tone(self, tone: Tone) -> Style:
        """The style of a tone; the theme decides it."""
        return self.get_component_rich_style(f"tone--{tone}") if tone else self.plain

    def painted(self, content: Iterable[Span], width: int) -> Strip:
        """A line in exactly `width` cells."""
        segments = [Segment(span.text, self.tone(span.tone)) for span in content]
        return Strip(segments).adjust_cell_length(width, self.plain).simplify()
