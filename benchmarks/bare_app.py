"""A Textual application with as much on it as our Home, and nothing behind it: `python -m benchmarks.bare_app`."""

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

LINE = "what stands in one line of a pane, and about as long"


class BareApp(App[None]):
    """A header, tabs, panes in frames and a footer."""

    CSS = """
    Static { height: 1; }
    Horizontal { height: 9; }
    .pane { border: solid green; }
    .pane Static { height: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Static("bare header")
        yield Static("tabs")
        with Horizontal():
            for _ in range(3):
                with Vertical(classes="pane"):
                    yield Static("\n".join([LINE] * 7))
        for _ in range(2):
            with Vertical(classes="pane"):
                yield Static("\n".join([LINE] * 20))
        yield Static("footer")


if __name__ == "__main__":
    BareApp().run()
