"""All miners, how they do, and what they would be paid; below them, where there is room, the one under the cursor."""

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.miner import content as miner
from console.screens.miner.widgets import MinerFacts
from console.screens.miners.content import MINERS
from console.screens.subnet.content import NEURONS
from console.screens.suspects import content as suspects
from console.widgets.lines import Reading
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel, TablePanel

PREVIEW = 11
"""Lines of the preview at least; what the table does not need is added."""
ROOMY = 20
"""From how many lines on the course of a score stands below who it is, and not beside."""
TABLE_ITSELF = 3
"""Lines of the table beside its rows: frame and header."""
AROUND = 3
"""Lines of a screen outside its body: header, tabs and footer."""


class MinersScreen(ConsoleScreen):
    """The miners, and below them, where there is room, the one under the cursor."""

    NAME = "miners"

    DEFAULT_CSS = """
    MinersScreen {
        & #miners { height: 1fr; }
        & #neurons { height: 1fr; }
        & #preview { display: none; }
        & #facts { width: 2fr; }
        & #about { width: 2fr; }
        & #lately { width: 1fr; padding: 0 1; }
        & .-roomy {
            & #facts { width: 1fr; layout: vertical; }
            & #about { width: 100%; height: 10; }
        }
        &.-wide.-tall #preview { display: block; }
    }
    """

    def body(self) -> ComposeResult:
        if self._whole:
            yield TablePanel("Neurons", NEURONS, id="neurons")
            return
        with Panel("Miners", id="miners"):
            yield LiveTable(MINERS)
        with Horizontal(id="preview"):
            yield MinerFacts(id="facts")
            with Panel("Its last rounds", id="lately"):
                yield Reading()

    @property
    def _whole(self) -> bool:
        """Whether there are no miners of ours to show, but those of the whole subnet."""
        return self.host.picture.snapshot.role in ("miner", "watch")

    def show(self, picture: Picture) -> None:
        if self._whole:
            subnet = picture.snapshot.subnet
            self.query_one("#neurons", TablePanel).show(subnet.neurons if subnet else (), picture.now)
            return
        table = self.query_one(LiveTable)
        table.show(picture.snapshot.miners, picture.now)
        self.query_one("#miners", Panel).caption(f"Miners  {table.caption}", suspects.notice(picture.snapshot))
        preview = self.query_one("#preview")
        if preview.display:
            room = self.query_one("#body").size.height or self.app.size.height - AROUND
            lines = max(PREVIEW, room - len(picture.snapshot.miners) - TABLE_ITSELF)
            preview.styles.height = lines
            preview.set_class(lines >= ROOMY, "-roomy")
            if table.current is not None:
                self._preview(picture, table.current.hotkey)

    def _preview(self, picture: Picture, hotkey: str) -> None:
        facts = self.query_one(MinerFacts)
        facts.show(picture, hotkey, self.host.engine.record)
        lately = facts.record.appearances
        self.query_one("#lately Reading", Reading).read((hotkey, lately), partial(miner.brief, lately))

    @on(MinerFacts.Read)
    def _show_record(self) -> None:
        """Whatever is in front shows it: a record may come when this screen has gone already."""
        self.host.pull()
