"""All miners, how they do, and what they would be paid."""

from textual.app import ComposeResult

from console.present.miners import MINERS
from console.present.picture import Picture
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.live_table import LiveTable
from console.tui.widgets.panel import Panel


class MinersScreen(ConsoleScreen):
    NAME = "miners"

    def body(self) -> ComposeResult:
        with Panel("Miners"):
            yield LiveTable(MINERS)

    def show(self, picture: Picture) -> None:
        table = self.query_one(LiveTable)
        table.show(picture.snapshot.miners, picture.now)
        self.query_one(Panel).caption(f"Miners  {table.caption}")
