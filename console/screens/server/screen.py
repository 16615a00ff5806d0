"""Server: a miner's server, who asks it and how that goes; in the other roles, what runs instead."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.dialogs import READER_WIDTH, Reader
from console.screens.server import content as server
from console.screens.server.content import SERVERS, SERVICES, ServiceRow, parts
from console.screens.server.traffic import (
    CALLERS,
    KEYS,
    REFUSALS,
    REQUESTS,
    CallerRow,
    KeyRow,
    RefusalRow,
    RequestRow,
    asked,
    caller,
    callers,
    keys,
    refusal,
    refusals,
    request,
)
from console.widgets.lines import Bar, Facts
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel, TablePanel


class ServerScreen(ConsoleScreen):
    """For a miner status, callers, keys and requests; in the other roles the table of what runs."""

    NAME = "server"

    DEFAULT_CSS = """
    ServerScreen {
        & #explanation { height: 4; padding: 1 2; }
        & #facts { height: 11; max-height: 45%; }
        & #facts Panel { width: 1fr; padding: 0 1; }
        & #traffic { height: 1fr; }
        & #calls { width: 2fr; }
        & #detail { width: 1fr; padding: 0 1; }
        & #requests { height: 2fr; }
        & #refusals { height: 1fr; }
        &.-short #facts { height: 9; }
        &.-low #facts { height: 6; max-height: 100%; }
        &.-low #explanation { display: none; }
        &.-low #traffic, &.-low #services { min-height: 6; }
        &.-short #requests { height: 1fr; }
        &.-low #refusals { display: none; }
        &.-wide #facts Panel { width: 48; }
        &.-wide #facts #callers { width: 1fr; }
        &.-wide #facts #keys { width: 40; }
        &.-narrow .wide-only { display: none; }
    }
    """

    AUTO_FOCUS = "#requests LiveTable, #services LiveTable"

    def body(self) -> ComposeResult:
        role = self.host.picture.snapshot.role
        if role == "miner":
            yield from self._serving()
        else:
            yield Bar(id="explanation")
            title, table = ("Servers", SERVERS) if role == "demo" else ("Services", SERVICES)
            yield TablePanel(title, table, id="services", hint="R restart")

    def _serving(self) -> ComposeResult:
        with Horizontal(id="facts"):
            with Panel("Server"):
                yield Facts(id="status")
            yield TablePanel("Callers", CALLERS, id="callers", hint="b block  u let in")
            yield TablePanel("Keys", KEYS, id="keys", classes="wide-only")
        with Horizontal(id="traffic"):
            with Vertical(id="calls"):
                yield TablePanel("Requests", REQUESTS, id="requests")
                yield TablePanel("Refused and why", REFUSALS, id="refusals", hint="b block  u let in")
            with Panel("Request", id="detail", classes="wide-only"):
                yield Facts()

    def row_name(self, action_id: str) -> str:
        """A service by its name, a caller by the hotkey of its row among the callers or the requests."""
        serving = self.host.picture.snapshot.role == "miner"
        if action_id == "server.restart" and serving:
            return server.SERVICE
        row = self.table.current if self.table is not None else None
        match row:
            case RequestRow():
                return row.request.hotkey
            case CallerRow():
                return row.caller.hotkey
            case KeyRow():
                return row.session.hotkey
            case RefusalRow():
                return row.refusal.hotkey
            case ServiceRow():
                return row.service.name
            case _:
                return ""

    def no_row(self, action_id: str) -> str:
        """A request that named no hotkey is nobody's whom a list could name."""
        if self.table is not None and isinstance(self.table.current, RequestRow | RefusalRow):
            return "it named no hotkey: only hotkeys are blocked or let in"
        return super().no_row(action_id)

    def show(self, picture: Picture) -> None:
        snapshot = picture.snapshot
        if snapshot.role != "miner":
            self.query_one("#explanation", Bar).show(server.explanation(snapshot))
            self.query_one("#services", TablePanel).show(parts(snapshot), picture.now)
            return
        self.query_one("#status", Facts).show(server.status(picture))
        self.query_one("#callers", TablePanel).show(callers(snapshot), picture.now)
        self.query_one("#keys", TablePanel).show(keys(snapshot), picture.now)
        self.query_one("#requests", TablePanel).show(asked(snapshot), picture.now)
        self.query_one("#refusals", TablePanel).show(refusals(snapshot), picture.now)
        self._show_detail()

    @on(LiveTable.Moved, "#requests LiveTable")
    def _show_detail(self) -> None:
        pane = self.query_one("#detail Facts", Facts)
        pane.show(request(self._current, pane.size.width))

    @property
    def _current(self) -> RequestRow | None:
        """The request under the cursor."""
        table: LiveTable[RequestRow] = self.query_one("#requests", TablePanel).table
        return table.current

    @on(LiveTable.Opened, "#requests LiveTable")
    def _open(self) -> None:
        if self._current is not None:
            self.app.push_screen(Reader("Request", request(self._current, READER_WIDTH)))

    @on(LiveTable.Opened, "#refusals LiveTable, #callers LiveTable")
    def _open_beside(self) -> None:
        row = self.table.current if self.table is not None else None
        if isinstance(row, RefusalRow):
            self.app.push_screen(Reader("Refused", refusal(row, READER_WIDTH)))
        elif isinstance(row, CallerRow):
            self.app.push_screen(Reader("Caller", caller(row, READER_WIDTH)))
