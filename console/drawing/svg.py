"""SVG elements as text. Untrusted text goes through `label` or `title`, which clean and escape it."""

from html import escape

from engine.text import cells, safe

FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
ADVANCE = 0.54
"""The width of an average character relative to its height, with some margin: fonts are not measured."""


def element(name: str, *content: str, **attributes: str | float) -> str:
    """An element. `content` is markup. In attribute names, `_` stands for a hyphen; a trailing one is dropped."""
    said = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{said}>{''.join(content)}</{name}>" if content else f"<{name}{said}/>"


def label(text: str, x: float, y: float, size: float, **attributes: str | float) -> str:
    """One line of text; `y` is its baseline."""
    return element("text", escape(safe(text)), x=x, y=y, font_size=size, **attributes)


def title(text: str) -> str:
    """A tooltip, shown at the pointer."""
    return element("title", escape(safe(text)))


def extent(text: str, size: float) -> float:
    """The approximate width of a text in pixels."""
    return cells(safe(text)) * size * ADVANCE


def fitting(text: str, width: float, size: float) -> str:
    """As much of a text as fits into `width` pixels, on one line."""
    return safe(text, max(1, int(width / (size * ADVANCE))))


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.6g}"
