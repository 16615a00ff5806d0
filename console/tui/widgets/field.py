"""A field to type into. What is pasted is cleaned like everything else that comes from outside."""

from textual import events
from textual.widgets import Input

from engine.text import safe

MAX_TYPED = 200


class Field(Input):
    """One line of text, bounded."""

    DEFAULT_CSS = """
    Field, Field:focus { border: none; height: 1; padding: 0; background: transparent; }
    Field > .input--placeholder { color: $tone-muted; }
    """

    def __init__(self, *, value: str = "", hint: str = "", id: str | None = None) -> None:
        super().__init__(
            value=value, placeholder=hint, id=id, max_length=MAX_TYPED, compact=True, select_on_focus=False
        )

    def _on_paste(self, event: events.Paste) -> None:
        """Textual has the handlers of the base classes take the event after this one."""
        event.text = safe(event.text[:MAX_TYPED], MAX_TYPED)
