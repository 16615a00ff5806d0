"""Suspects: sybil groups and pairs, the members of the selected one, and the evidence."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.suspects import content as suspects
from console.screens.suspects.content import MEMBERS, SUSPECTS, MemberRow, SuspectRow
from console.widgets.lines import Bar, Reading
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel, TablePanel


class SuspectsScreen(ConsoleScreen):
    """What was found above; below, the members and the evidence of the row under the cursor."""

    NAME = "suspects"

    DEFAULT_CSS = """
    SuspectsScreen {
        & #rule { padding: 0 1; }
        & #found { height: 1fr; }
        & #closer { height: 40%; }
        & #members { width: 1fr; }
        & #evidence { width: 1fr; padding: 0 1; }
        &.-short #closer { height: 10; }
        &.-narrow #evidence { width: 30; max-width: 50%; }
        &.-low #found { min-height: 6; }
        &.-low #closer { height: 7; }
    }
    """

    def __init__(self, hotkey: str = "") -> None:
        super().__init__()
        self._at_first = hotkey

    def body(self) -> ComposeResult:
        yield Bar(id="rule")
        yield TablePanel("Sybil groups", SUSPECTS, id="found", hint="esc back")
        with Horizontal(id="closer"):
            yield TablePanel("Members", MEMBERS, id="members", hint="b waive  u reinstate")
            with Panel("Evidence", id="evidence"):
                yield Reading()

    def show(self, picture: Picture) -> None:
        self.query_one("#rule", Bar).show([suspects.about(picture.snapshot, self.size.width - 2)])
        rows, note = suspects.rows(picture.snapshot), suspects.compared(picture.snapshot)
        self.query_one("#found", TablePanel).show(rows, picture.now, note)
        accused = next((row.key for row in rows if self._at_first in row.suspects.hotkeys), "")
        if accused and self.query_one("#found LiveTable", LiveTable).reveal(accused):
            self._at_first = ""
        self._look_closer()

    def row_name(self, _action_id: str) -> str:
        """The member under the cursor, wherever the focus is."""
        current: MemberRow | None = self._members.current
        return current.hotkey if current else ""

    @property
    def _members(self) -> LiveTable[MemberRow]:
        return self.query_one("#members LiveTable", LiveTable)

    @property
    def _found(self) -> SuspectRow | None:
        current: SuspectRow | None = self.query_one("#found LiveTable", LiveTable).current
        return current

    @on(LiveTable.Moved, "#found LiveTable")
    def _look_closer(self) -> None:
        found, picture = self._found, self.host.picture
        shown = suspects.members(picture.snapshot, found.suspects if found else None)
        self.query_one("#members", TablePanel).show(shown, picture.now)
        subject = (found, suspects.is_known(picture.snapshot))
        self.query_one("#evidence Reading", Reading).read(
            subject, lambda width, _height: suspects.evidence(picture.snapshot, found, width)
        )

    @on(LiveTable.Opened, "#found LiveTable")
    def _go_to_members(self) -> None:
        self._members.focus()
