"""The command log on a screen of its own: what was asked of the chain or the engine, and what became of it."""

from textual.app import ComposeResult

from console.present.picture import Picture
from console.present.weight_tables import COMMANDS
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.table_panel import TablePanel


class CommandLogScreen(ConsoleScreen):
    NAME = "commands"
    TAB = "weights"

    def body(self) -> ComposeResult:
        yield TablePanel("Command log", COMMANDS, id="commands", hint="esc back")

    def show(self, picture: Picture) -> None:
        self.query_one(TablePanel).show(picture.snapshot.commands, picture.now)
