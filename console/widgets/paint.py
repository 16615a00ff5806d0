"""How widgets turn spans with tones into Textual's strips and styles, with or without a cursor."""

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.present.text import Span, Tone


class Painted(ScrollView, inherit_bindings=False):
    """A widget that paints lines of spans, with a style for each tone from the theme.

    Tones are not component classes: Textual would compute all their styles for every widget each time that a screen is
    shown.
    """

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    Painted { background: transparent; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    _styles_of_tones: dict[Tone, Style] | None = None

    def tone(self, tone: Tone) -> Style:
        """The style of a tone in the current theme."""
        if self._styles_of_tones is None:
            self._styles_of_tones = {"": self.rich_style}
        style = self._styles_of_tones.get(tone)
        if style is None:
            variables = self.app.theme_variables
            colour = Style.from_color(Color.parse(variables[f"tone-{tone}"]).rich_color)
            style = self.plain + colour + Style.parse(variables.get(f"tone-{tone}-style", "none"))
            self._styles_of_tones[tone] = style
        return style

    @property
    def plain(self) -> Style:
        """The style of text without a tone."""
        return self.tone("")

    def notify_style_update(self) -> None:
        self._styles_of_tones = None
        super().notify_style_update()

    def painted(self, content: Iterable[Span], width: int) -> Strip:
        """A line in exactly `width` cells."""
        segments = [Segment(span.text, self.tone(span.tone)) for span in content]
        return Strip(segments).adjust_cell_length(width, self.plain).simplify()


class Rows(Painted):
    """Rows with a cursor, which is `at` one of them. A subclass says how many there are and how the cursor moves."""

    at = 0

    @property
    def count(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    @property
    def page(self) -> int:
        """The number of rows visible at once."""
        return max(1, self.size.height)

    def move_to(self, index: int) -> None:
        """Move the cursor to a row, at the operator's wish; to the nearest one if there is none with that number."""
        raise NotImplementedError

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def do_nav_down(self) -> None:
        self.move_to(self.at + 1)

    def do_nav_up(self) -> None:
        self.move_to(self.at - 1)

    def do_nav_top(self) -> None:
        self.move_to(0)

    def do_nav_bottom(self) -> None:
        self.move_to(self.count - 1)

    def do_nav_page_down(self) -> None:
        self.move_to(self.at + self.page)

    def do_nav_page_up(self) -> None:
        self.move_to(self.at - self.page)

    def do_nav_half_down(self) -> None:
        self.move_to(self.at + max(1, self.page // 2))

    def do_nav_half_up(self) -> None:
        self.move_to(self.at - max(1, self.page // 2))
