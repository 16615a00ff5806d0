"""One recorded round: what was asked, what the consensus saw, and what each reply earned and why."""

import asyncio
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.worker import Worker

from console.drawing import page
from console.present.picture import Picture
from console.present.text import Span, line
from console.screens.base import ConsoleScreen, while_shown
from console.screens.challenge import content as challenge
from console.screens.challenge import difference, maps
from console.screens.challenge.content import REPLIES, JudgedReply, reply_rows
from console.screens.common import STRIDE
from console.screens.dialogs import Dialog
from console.widgets.lines import Reading
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel
from engine.doors import RecordedRound
from engine.errors import StoreError

VIEWS = ("reply", "about", "likeness", "map")


class ChallengeScreen(ConsoleScreen):
    """Reads its round by itself, in a thread, and steps through those that are stored."""

    NAME = "challenge"

    DEFAULT_CSS = """
    ChallengeScreen {
        & #panes { layout: vertical; }
        & .view { display: none; height: 1fr; padding: 0 1; }
        & #consensus { height: 6; max-height: 30%; padding: 0 1; }
        & #replies { height: 1fr; }
        &.-see-reply #reply, &.-see-about #about, &.-see-likeness #likeness, &.-see-map #map { display: block; }
        &.-see-likeness, &.-see-map {
            & #consensus { display: none; }
            & #replies { height: 6; }
        }
        &.-low {
            & #panes { overflow-y: auto; scrollbar-size-vertical: 1; }
            & #consensus { min-height: 3; }
            & #replies, & .view { min-height: 5; }
        }
        &.-wide.-tall {
            & #panes { layout: grid; grid-size: 2 3; grid-rows: 10 1fr 16; grid-columns: 1fr 1fr; }
            & .view { display: block; height: 100%; }
            & #consensus, & #replies { display: block; height: 100%; max-height: 100%; }
        }
    }
    """

    def __init__(self, round_id: str, hotkey: str = "") -> None:
        super().__init__()
        self._round_id = round_id
        self._hotkey = hotkey
        self._recorded: RecordedRound | None = None
        self._rows: Sequence[JudgedReply] = ()
        self._problem = ""
        self._steps = 0
        self._follows = False
        self._newest = ""
        self._reading: Worker[None] | None = None
        self._wraps = True
        self._view = VIEWS[0]

    def body(self) -> ComposeResult:
        with Container(id="panes"):
            with Panel("Consensus", id="consensus"):
                yield Reading()
            with Panel("Question", id="about", classes="view"):
                yield Reading()
            with Panel("Replies", id="replies"):
                yield LiveTable(REPLIES)
            with Panel("Reply", id="reply", classes="view"):
                yield Reading()
            with Panel(maps.MATRIX_TITLE, id="likeness", classes="view"):
                yield Reading()
            with Panel(maps.PLOT_TITLE, id="map", classes="view"):
                yield Reading()

    def on_mount(self) -> None:
        self._see(self._view)
        self._load(self._round_id)

    # -- what is read ----------------------------------------------------------------------------------------------

    @work(exclusive=True, group="round")
    async def _load(self, round_id: str, steps: int = 0) -> None:
        try:
            recorded = await asyncio.to_thread(self.host.engine.record.round, round_id, steps)
        except StoreError as error:
            self._problem = str(error)
            if self._recorded is not None:
                self.host.tell(str(error), failed=True)
        else:
            self._recorded, self._round_id = recorded, recorded.round.challenge.id
            if self._steps:
                self.host.go_to_round(recorded.place)
        self._steps = 0
        with while_shown():
            self.receive(self.host.picture)

    @property
    def _is_reading(self) -> bool:
        return self._reading is not None and not self._reading.is_finished

    def _step(self, steps: int) -> None:
        """Keys that come while a round is being read are added up."""
        self._follows = False
        self._steps += steps
        self._load(self._round_id, self._steps)

    def _newest_id(self, picture: Picture) -> str:
        return next((one.id for one in reversed(picture.snapshot.rounds) if one.recorded), "")

    # -- what is shown ---------------------------------------------------------------------------------------------

    def receive(self, picture: Picture) -> None:
        newest = self._newest_id(picture)
        is_past = bool(newest) and newest != self._round_id
        super().receive(replace(picture, mode="past") if is_past and picture.mode == "live" else picture)
        if newest != self._newest and picture.mode != "paused" and not self._is_reading:
            goes_along = self._follows or (bool(self._newest) and picture.snapshot.replay is not None)
            self._newest = newest
            if goes_along and newest != self._round_id:
                self._reading = self._load(newest)

    def show(self, picture: Picture) -> None:
        recorded, table = self._recorded, self.query_one(LiveTable)
        if recorded is None:
            self._pane("consensus").read(self._problem, partial(challenge.nothing, self._problem or "reading…"))
            return
        names = {miner.hotkey: miner.name for miner in picture.snapshot.miners}
        self._rows = rows = reply_rows(recorded, names)
        table.show(rows, picture.now)
        if self._hotkey and table.go_to(self._hotkey):
            self._hotkey = ""
        self.query_one("#replies", Panel).caption(f"Replies  {table.caption}")
        title = challenge.round_title(recorded, picture.snapshot.rounds_recorded)
        self.query_one("#consensus", Panel).caption(title, self._hint)
        self._pane("consensus").read(recorded, partial(challenge.clusters, rows))
        self._pane("about").read(recorded, lambda width, _height: challenge.about(recorded, width))
        self._show_reply(recorded, table.current)

    @property
    def _hint(self) -> str:
        keys = self.host.keymap.shown
        return "live" if self._follows else f"{keys('time.back')} older  {keys('time.forward')} newer"

    def _show_reply(self, recorded: RecordedRound, row: JudgedReply | None) -> None:
        hotkey = row.reply.hotkey if row else ""
        self.query_one("#map", Panel).caption(maps.PLOT_TITLE, maps.plot_legend(recorded))
        self.query_one("#likeness", Panel).caption(maps.MATRIX_TITLE, maps.matrix_legend(recorded))
        self._pane("likeness").read((recorded, hotkey), partial(maps.matrix, recorded, hotkey))
        self._pane("map").read((recorded, hotkey), partial(maps.plot, recorded, hotkey))
        if row is None:
            self.query_one("#reply", Panel).caption("Reply")
            self._pane("reply").read(None, lambda _width, _height: [line(Span("no reply to show", "muted"))])
            return
        self.query_one("#reply", Panel).caption(challenge.reply_title(row))
        self._pane("reply").read((row, self._wraps), partial(challenge.full, row, wrap=self._wraps))

    def _pane(self, name: str) -> Reading:
        return self.query_one(f"#{name} Reading", Reading)

    @on(LiveTable.Moved)
    def _follow_cursor(self) -> None:
        if self._recorded is not None:
            self._show_reply(self._recorded, self.query_one(LiveTable).current)

    def _see(self, view: str) -> None:
        """Choose the pane that is shown where there is only room for one of them."""
        self._view = view
        for name in VIEWS:
            self.set_class(name == view, f"-see-{name}")

    # -- what the operator can do ----------------------------------------------------------------------------------

    def do_time_back(self) -> None:
        self._step(-1)

    def do_time_forward(self) -> None:
        self._step(1)

    def do_time_back_ten(self) -> None:
        self._step(-STRIDE)

    def do_time_forward_ten(self) -> None:
        self._step(STRIDE)

    def do_time_live(self) -> None:
        """The newest round, and each new one as it comes."""
        self._follows = True
        self._newest = ""
        if self.host.picture.snapshot.replay is not None:
            self.host.go_live()

    def do_pane_next(self) -> None:
        self._see(VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)])

    def do_view_wrap(self) -> None:
        self._wraps = not self._wraps

    def do_reply_diff(self) -> None:
        table: LiveTable[JudgedReply] = self.query_one(LiveTable)
        hotkey = table.current.reply.hotkey if table.current is not None else ""
        found = difference.pair(self._rows, table.marked, hotkey)
        if isinstance(found, str):
            self.host.tell(f"compare: {found}", failed=True)
        else:
            self.app.push_screen(DifferenceDialog(*found))

    @work(exclusive=True, group="picture")
    async def do_export_round(self) -> None:
        if self._recorded is None:
            self.host.tell(self._problem or "the round is still loading", failed=True)
            return
        judged = self._recorded.round
        if judged.likeness is None:
            self.host.tell(
                "the answers of this round are not compared yet, or were never: try again, or choose a newer one",
                failed=True,
            )
            return
        names = {miner.hotkey: miner.name for miner in self.host.picture.snapshot.miners}
        drawn = await asyncio.to_thread(page.picture, judged, names)
        self.host.save(page.file_name(judged), drawn, "the picture of this round")

    def do_cluster_next(self) -> None:
        self._choose_cluster(1)

    def do_cluster_previous(self) -> None:
        self._choose_cluster(-1)

    def _choose_cluster(self, step: int) -> None:
        if self._recorded is not None:
            table = self.query_one(LiveTable)
            filters = challenge.cluster_filters(self._recorded.round.judgement)
            at = filters.index(table.view.filter) if table.view.filter in filters else 0
            table.look_with(filter=filters[(at + step) % len(filters)])


DIFFERENCE = "Two answers, word by word"


class DifferenceDialog(Dialog[None]):
    """Two answers of a round, word by word. Closed with escape."""

    DEFAULT_CSS = """
    DifferenceDialog > Panel { width: 96%; height: 90%; }
    """

    def __init__(self, one: JudgedReply, other: JudgedReply) -> None:
        super().__init__()
        self._rows = one, other

    def compose(self) -> ComposeResult:
        with Panel(DIFFERENCE) as panel:
            panel.caption(DIFFERENCE, "↑ ↓ pgup pgdn  esc")
            yield Reading([line(Span("comparing…", "muted"))])

    def on_mount(self) -> None:
        self.query_one(Reading).focus()
        self._compare()

    @work
    async def _compare(self) -> None:
        one, other = self._rows
        found = await asyncio.to_thread(difference.compare, challenge.answer_of(one), challenge.answer_of(other))
        titles = challenge.reply_title(one), challenge.reply_title(other)
        with while_shown():
            self.query_one(Reading).read(found, lambda width, _height: difference.view(found, titles, width))
