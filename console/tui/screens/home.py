"""Home: how everything stands, what needs attention, what was asked last."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.present import home
from console.present.picture import Picture
from console.present.rounds import ROUNDS
from console.present.text import Span, line
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.challenge import ChallengeScreen
from console.tui.widgets.lines import Lines
from console.tui.widgets.live_table import LiveTable
from console.tui.widgets.options import Option, Options
from console.tui.widgets.panel import Panel
from engine.commands import Acknowledge

QUIET = Option("", line(Span("✓ nothing needs attention", "ok")))


class HomeScreen(ConsoleScreen):
    NAME = "home"

    def body(self) -> ComposeResult:
        with Horizontal(id="facts"):
            with Panel("Engine"):
                yield Lines(id="engine")
            with Panel("Chain"):
                yield Lines(id="chain")
            with Panel("Scores", classes="wide-only"):
                yield Lines(id="scores")
        with Panel("Attention", id="attention"):
            yield Options(id="waiting")
        with Panel("Last challenges", id="rounds"):
            yield LiveTable(ROUNDS)

    def show(self, picture: Picture) -> None:
        self.query_one("#engine", Lines).show(home.engine(picture))
        self.query_one("#chain", Lines).show(home.chain(picture))
        self.query_one("#scores", Lines).show(home.scoring(picture))
        self._show_attention(picture)
        table = self.query_one(LiveTable)
        table.show(picture.snapshot.rounds, picture.now)
        self.query_one("#rounds", Panel).caption(f"Last challenges  {table.caption}")

    def _show_attention(self, picture: Picture) -> None:
        waiting = home.waiting(picture.snapshot)
        options = self.query_one("#waiting", Options)
        lines = home.attention(waiting, self.size.width - 6)
        shown = [Option(str(one.id), content) for one, content in zip(waiting, lines, strict=True)] or [QUIET]
        if tuple(shown) != options.options:
            options.show(shown)
        self.query_one("#attention", Panel).caption(f"Attention ({len(waiting)})")

    def do_attention_ack(self) -> None:
        current = self.query_one("#waiting", Options).current
        if current is not None and current.id:
            self.host.submit(Acknowledge(int(current.id)))

    @on(LiveTable.Opened)
    def _open_round(self) -> None:
        current = self.query_one(LiveTable).current
        if current is not None:
            self.host.push_screen(ChallengeScreen(current.id))
