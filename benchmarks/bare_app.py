"""A Textual application with as many widgets as Home, and nothing behind them: `python -m benchmarks.bare_app`."""

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

LINE = "what stands in one line of a pane, and about as long"


class BareApp(App[None]):
    """A header, tabs, framed panes and a footer: 22 widgets, as on Home."""

    CSS = """
    Static { height: 1; }
    Horizontal { height: 7; }
    .pane { border: solid green; }
    .pane Static { height: auto; }
    """

    _keys = 0

    def compose(self) -> ComposeResult:
        yield Static("bare header", id="header")
        yield Static("tabs")
        for panes in (3, 3):
            with Horizontal():
                for _ in range(panes):
                    with Vertical(classes="pane"):
                        yield Static("\n".join([LINE] * 5))
        for _ in range(2):
            with Vertical(classes="pane"):
                yield Static("\n".join([LINE] * 20))
        yield Static("a field")
        yield Static("footer")

    def on_key(self) -> None:
        self._keys += 1
        self.query_one("#header", Static).update(f"bare header  keys {self._keys}.")


if __name__ == "__main__":
    BareApp().run()
