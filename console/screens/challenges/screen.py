"""All rounds of late, and beside them, where there is room, the one under the cursor."""

import asyncio
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from console.present.picture import Picture
from console.screens.base import ConsoleScreen, while_shown
from console.screens.challenge import content as challenge
from console.screens.challenge.content import reply_rows
from console.screens.challenges.content import ROUNDS
from console.widgets.lines import Reading
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel
from engine.doors import RecordedRound
from engine.errors import StoreError


class ChallengesScreen(ConsoleScreen):
    """The rounds, and beside them, where there is room, the one under the cursor."""

    NAME = "challenges"

    DEFAULT_CSS = """
    ChallengesScreen {
        & #rounds { width: 1fr; }
        & #preview { display: none; width: 70; }
        & #preview Panel { padding: 0 1; }
        & #about { height: 12; }
        & #clusters { height: 10; }
        & #replies { height: 1fr; }
        &.-short #about { height: 8; }
        &.-short #clusters { height: 6; }
        &.-wide #preview { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._wanted = ""
        self._preview: RecordedRound | str = ""

    def body(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Panel("Challenges", id="rounds"):
                yield LiveTable(ROUNDS)
            with Vertical(id="preview"):
                with Panel("Round", id="about"):
                    yield Reading()
                with Panel("Consensus", id="clusters"):
                    yield Reading()
                with Panel("Replies", id="replies"):
                    yield Reading()

    def show(self, picture: Picture) -> None:
        snapshot, table = picture.snapshot, self.query_one(LiveTable)
        table.show(snapshot.rounds, picture.now)
        older = f"  of {snapshot.rounds_recorded} in all" if snapshot.rounds_recorded > len(snapshot.rounds) else ""
        self.query_one("#rounds", Panel).caption(f"Challenges  {table.caption}{older}")
        if self.query_one("#preview").display:
            self._follow_cursor()
            self._show_preview(picture)

    @on(LiveTable.Moved)
    def _follow_cursor(self) -> None:
        """Read the round under the cursor, unless it is there already."""
        current = self.query_one(LiveTable).current
        wanted = current.id if current else ""
        if wanted != self._wanted and self.query_one("#preview").display:
            self._wanted = wanted
            self._load(wanted)

    @work(exclusive=True, group="preview")
    async def _load(self, round_id: str) -> None:
        try:
            self._preview = await asyncio.to_thread(self.host.engine.record.round, round_id) if round_id else ""
        except StoreError as error:
            self._preview = str(error)
        with while_shown():
            self._show_preview(self.host.picture)

    def _show_preview(self, picture: Picture) -> None:
        about, clusters, answers = (
            self.query_one(f"#{name} Reading", Reading) for name in ("about", "clusters", "replies")
        )
        preview = self._preview
        if isinstance(preview, str):
            about.read(preview, partial(challenge.nothing, preview or "no round yet"))
            for pane in (clusters, answers):
                pane.read(preview, lambda _width, _height: [])
            return
        rows = reply_rows(preview, {miner.hotkey: miner.name for miner in picture.snapshot.miners})
        self.query_one("#about", Panel).caption(challenge.round_title(preview, picture.snapshot.rounds_recorded))
        about.read(preview, lambda width, _height: challenge.about(preview, width))
        clusters.read(preview, lambda width, height: challenge.clusters(rows, width, height))
        answers.read(preview, lambda width, _height: challenge.brief(rows, width))
