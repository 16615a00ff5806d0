"""A frame with a title around panes."""

from textual.containers import Vertical
from textual.content import Content


class Panel(Vertical, inherit_bindings=False):
    """A titled frame. Titles are plain text: nothing in them is markup."""

    DEFAULT_CSS = """
    Panel {
        border: solid $frame;
        border-title-color: $tone-accent;
        border-title-style: $tone-title-style;
        border-subtitle-color: $tone-muted;
        &:focus-within { border: heavy $frame-focus; }
    }
    """

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown = ("", "")
        self.caption(title)

    def caption(self, title: str, subtitle: str = "") -> None:
        """Change the title, and what stands at the lower right."""
        if (title, subtitle) != self._shown:
            self._shown = (title, subtitle)
            self.border_title = Content(title)
            self.border_subtitle = Content(subtitle) if subtitle else None
