"""Backends: what answers behind a miner's server, how fast, and on which GPUs."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.present.picture import Picture
from console.screens.backends import content
from console.screens.backends.content import BACKENDS, GPUS, BackendRow
from console.screens.base import ConsoleScreen
from console.widgets.lines import Facts
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel, TablePanel


class BackendsScreen(ConsoleScreen):
    """The backends above; below, all that is known of the one under the cursor, and the GPUs."""

    NAME = "backends"

    DEFAULT_CSS = """
    BackendsScreen {
        & #answering { height: 1fr; min-height: 5; }
        & #below { height: 19; }
        & #one { width: 1fr; padding: 0 1; }
        & #gpus { width: 1fr; }
        &.-short #below { height: 15; }
        &.-short #answering { min-height: 4; }
        &.-narrow #gpus { width: 30; }
        &.-low #below { height: 6; }
    }
    """

    AUTO_FOCUS = "#answering LiveTable"

    def body(self) -> ComposeResult:
        yield TablePanel("Backends", BACKENDS, id="answering", hint="0 reset peaks  esc back")
        with Horizontal(id="below"):
            with Panel("Backend", id="one"):
                yield Facts()
            yield TablePanel("GPUs", GPUS, id="gpus")

    def show(self, picture: Picture) -> None:
        snapshot = picture.snapshot
        self.query_one("#answering", TablePanel).show(content.backends(snapshot), picture.now, content.cost(snapshot))
        self.query_one("#gpus", TablePanel).show(content.gpus(snapshot), picture.now)
        self._show_one()

    @on(LiveTable.Moved, "#answering LiveTable")
    def _show_one(self) -> None:
        table: LiveTable[BackendRow] = self.query_one("#answering", TablePanel).table
        pane = self.query_one("#one Facts", Facts)
        pane.show(content.details(table.current, self.host.picture.now, pane.size.width))
