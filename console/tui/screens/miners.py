"""All miners, how they do, and what they would be paid."""

from textual import on
from textual.app import ComposeResult

from console.present.miners import MINERS
from console.present.picture import Picture
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.miner import MinerScreen
from console.tui.widgets.live_table import LiveTable
from console.tui.widgets.panel import Panel


class MinersScreen(ConsoleScreen):
    NAME = "miners"

    def body(self) -> ComposeResult:
        with Panel("Miners", id="miners"):
            yield LiveTable(MINERS)

    def show(self, picture: Picture) -> None:
        table = self.query_one(LiveTable)
        table.show(picture.snapshot.miners, picture.now)
        self.query_one("#miners", Panel).caption(f"Miners  {table.caption}")

    def select(self, hotkey: str) -> None:
        """Put the cursor on a miner, and let it through the filter."""
        table = self.query_one(LiveTable)
        if not table.go_to(hotkey):
            table.look_with(filter="")
            table.go_to(hotkey)

    @on(LiveTable.Opened)
    def _open(self) -> None:
        current = self.query_one(LiveTable).current
        if current is not None:
            self.host.push_screen(MinerScreen(current.hotkey))
