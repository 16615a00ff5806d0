"""The command log on a screen of its own: what was asked of the chain or the engine, and what became of it."""

from textual import on
from textual.app import ComposeResult

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.commands.content import COMMANDS, command
from console.screens.dialogs import READER_WIDTH, Reader
from console.widgets.live_table import LiveTable
from console.widgets.panel import TablePanel
from engine.snapshot import CommandView


class CommandsScreen(ConsoleScreen):
    """The command log alone."""

    NAME = "commands"

    def body(self) -> ComposeResult:
        yield TablePanel("Command log", COMMANDS, id="commands", hint="esc back")

    def show(self, picture: Picture) -> None:
        self.query_one(TablePanel).show(picture.snapshot.commands, picture.now)

    @on(LiveTable.Opened)
    def _open(self, message: LiveTable.Opened) -> None:
        current: CommandView | None = message.table.current
        if current is not None:
            self.app.push_screen(Reader("Command", command(current, READER_WIDTH)))
