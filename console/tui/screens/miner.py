"""One miner: how it stands, and its last rounds with what each was worth and why."""

import asyncio
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.errors import ConsoleError
from console.present import appearances, miner
from console.present.appearances import APPEARANCES
from console.present.picture import Picture
from console.present.recorded import MinerRecord
from console.records import read_miner
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.live_table import LiveTable
from console.tui.widgets.panel import Panel
from console.tui.widgets.reading import Reading


class MinerScreen(ConsoleScreen):
    """Reads the miner's rounds by itself, in a thread, whenever another round was judged."""

    NAME = "miner"
    TAB = "miners"

    def __init__(self, hotkey: str) -> None:
        super().__init__()
        self._hotkey = hotkey
        self._record = MinerRecord()
        self._read_after = -1

    def body(self) -> ComposeResult:
        with Horizontal(id="facts"):
            with Panel("Miner", id="about"):
                yield Reading()
            with Panel("EMA after each of the last rounds", id="course", classes="wide-only"):
                yield Reading()
        with Panel("Rounds", id="rounds"):
            yield LiveTable(APPEARANCES)
        with Panel("Why", id="why"):
            yield Reading()

    @work(exclusive=True, group="record")
    async def _load(self, folder: Path, netuid: int) -> None:
        try:
            self._record = await asyncio.to_thread(read_miner, folder, netuid, self._hotkey)
        except ConsoleError as error:
            self.host.tell(str(error), failed=True)
        else:
            self.receive(self.host.picture)

    def show(self, picture: Picture) -> None:
        snapshot, record, table = picture.snapshot, self._record, self.query_one(LiveTable)
        if snapshot.rounds_done != self._read_after:
            self._read_after = snapshot.rounds_done
            self._load(Path(snapshot.data_dir), snapshot.chain.netuid)
        self.query_one("#about", Panel).caption(miner.title(snapshot, self._hotkey))
        lines = miner.about(picture, self._hotkey, record, max(1, self._pane("about").size.width - 1))
        self._pane("about").show(lines)
        self._pane("course").read(record, lambda width, height: miner.course(record, width, height))
        table.show(record.appearances, picture.now)
        self.query_one("#rounds", Panel).caption(f"Rounds  {table.caption}")
        self._show_why()

    @on(LiveTable.Moved)
    def _show_why(self) -> None:
        one = self.query_one(LiveTable).current
        self.query_one("#why", Panel).caption(appearances.title(one) if one else "Why")
        self._pane("why").read(one, lambda width, _height: appearances.why(one, width) if one else [])

    def _pane(self, name: str) -> Reading:
        return self.query_one(f"#{name} Reading", Reading)

    @on(LiveTable.Opened)
    def _open_round(self) -> None:
        from console.tui.screens.challenge import ChallengeScreen

        one = self.query_one(LiveTable).current
        if one is not None:
            self.host.push_screen(ChallengeScreen(one.round_id, self._hotkey))
