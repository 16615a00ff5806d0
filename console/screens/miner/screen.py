"""One miner: its standing, and its last rounds with each one's reward and reason."""

from textual import on
from textual.app import ComposeResult

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.miner import content as miner
from console.screens.miner.content import APPEARANCES
from console.screens.miner.widgets import MinerFacts
from console.widgets.lines import Reading
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel


class MinerScreen(ConsoleScreen):
    """Opened with a hotkey: its facts, its rounds, and the reason for the one under the cursor."""

    NAME = "miner"

    DEFAULT_CSS = """
    MinerScreen {
        & #facts { height: 10; max-height: 50%; }
        & #rounds { height: 1fr; }
        & #why { height: 9; max-height: 25%; padding: 0 1; }
        &.-short #why { height: 4; }
        &.-low #facts, &.-low #rounds { min-height: 6; }
        &.-low #why { min-height: 3; }
        &.-narrow .wide-only { display: none; }
    }
    """

    def __init__(self, hotkey: str) -> None:
        super().__init__()
        self._hotkey = hotkey

    def body(self) -> ComposeResult:
        yield MinerFacts(id="facts")
        with Panel("Rounds", id="rounds"):
            yield LiveTable(APPEARANCES)
        with Panel("Why", id="why"):
            yield Reading()

    @on(MinerFacts.Read)
    def _show_record(self) -> None:
        """Whatever is in front shows it: a record may come when this screen has gone already."""
        self.host.pull()

    def show(self, picture: Picture) -> None:
        facts, table = self.query_one(MinerFacts), self.query_one(LiveTable)
        facts.show(picture, self._hotkey, self.host.engine.record)
        table.show(facts.record.appearances, picture.now)
        self.query_one("#rounds", Panel).caption(f"Rounds  {table.caption}")
        self._show_why()

    @on(LiveTable.Moved)
    def _show_why(self) -> None:
        one = self.query_one(LiveTable).current
        self.query_one("#why", Panel).caption(miner.round_title(one) if one else "Why")
        why = self.query_one("#why Reading", Reading)
        why.read(one, lambda width, _height: miner.why(one, width) if one else [])

    @on(LiveTable.Opened)
    def _open_round(self) -> None:
        one = self.query_one(LiveTable).current
        if one is not None:
            self.host.open("challenge", one.round_id, self._hotkey)
