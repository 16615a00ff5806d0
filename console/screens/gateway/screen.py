"""Gateway: users' requests as they come, and the keys that they bear."""

from textual import on
from textual.app import ComposeResult

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.gateway import content
from console.screens.gateway.content import KEYS, REQUESTS
from console.widgets.lines import Bar
from console.widgets.live_table import LiveTable
from console.widgets.panel import TablePanel
from engine.snapshot import UserKeyView, UserRequestView


class GatewayScreen(ConsoleScreen):
    """The requests above, the keys below; enter opens the round behind a request."""

    NAME = "gateway"

    DEFAULT_CSS = """
    GatewayScreen {
        & #status { padding: 0 1; }
        & #requests { height: 2fr; }
        & #keys { height: 1fr; min-height: 5; }
    }
    """

    AUTO_FOCUS = "#requests LiveTable"

    def body(self) -> ComposeResult:
        yield Bar(id="status")
        yield TablePanel("Requests", REQUESTS, id="requests", hint="enter its round")
        yield TablePanel("Keys", KEYS, id="keys", hint="n new  b revoke")

    def show(self, picture: Picture) -> None:
        snapshot = picture.snapshot
        self.query_one("#status", Bar).show([content.status(snapshot)])
        self.query_one("#requests", TablePanel).show(content.requests(snapshot), picture.now, content.load(snapshot))
        self.query_one("#keys", TablePanel).show(content.keys(snapshot), picture.now)

    def row_name(self, _action_id: str) -> str:
        """The key under the cursor of its table; "" while the focus is on the requests."""
        table: LiveTable[UserKeyView] = self.query_one("#keys LiveTable", LiveTable)
        return table.current.name if self.focused is table and table.current else ""

    @on(LiveTable.Opened, "#requests LiveTable")
    def _open_round(self, message: LiveTable.Opened) -> None:
        row: UserRequestView | None = message.table.current
        if row is not None and row.round:
            self.host.open("challenge", row.round)
