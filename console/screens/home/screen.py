"""Home: how everything stands, what needs attention, what was asked last."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.present.picture import Picture
from console.present.text import Span, line
from console.screens.base import ConsoleScreen
from console.screens.challenges.content import ROUNDS
from console.screens.home import content as home
from console.screens.server.traffic import REQUESTS, asked
from console.widgets.lines import Facts, Lines
from console.widgets.live_table import LiveTable
from console.widgets.option_list import Option, Options
from console.widgets.panel import Panel, TablePanel
from engine.commands import Acknowledge

QUIET = Option("", line(Span("✓ nothing needs attention", "ok")))

UNKNOWN = Option("", line(Span("○ not recorded: the log has what was said then", "muted")))


class HomeScreen(ConsoleScreen):
    """Facts above, attention below them, and the last rounds; a miner sees its last requests instead."""

    NAME = "home"

    DEFAULT_CSS = """
    HomeScreen {
        & #facts { height: 9; }
        & #facts Lines { padding: 0 1; }
        & #facts Panel { width: 1fr; }
        & #attention { height: 5; }
        & #pulse { height: 9; }
        & #pulse Panel { width: 1fr; }
        & #pulse Lines { scrollbar-size-vertical: 0; padding: 0 1; }
        & TablePanel { height: 1fr; }
        &.-narrow .wide-only { display: none; }
        &.-narrow #pulse { display: none; }
        &.-short #pulse { display: none; }
        &.-short #attention { height: 4; }
        &.-low #facts { height: 5; }
        &.-low #attention { height: 3; }
        &.-low TablePanel { min-height: 5; }
    }
    """

    def body(self) -> ComposeResult:
        serving = self.host.picture.snapshot.role == "miner"
        with Horizontal(id="facts"):
            with Panel("Engine"):
                yield Facts(id="engine")
            with Panel("Chain"):
                yield Facts(id="chain")
            if not serving:
                with Panel("Scores", classes="wide-only"):
                    yield Facts(id="scores")
        if not serving:
            with Horizontal(id="pulse"):
                with Panel("Response times"):
                    yield Lines(id="latency")
                with Panel("Agreement"):
                    yield Lines(id="agreement")
        with Panel("Attention", id="attention"):
            yield Options(id="waiting")
        if serving:
            yield TablePanel("Last requests", REQUESTS, id="requests")
        else:
            yield TablePanel("Last challenges", ROUNDS, id="rounds")

    def show(self, picture: Picture) -> None:
        snapshot = picture.snapshot
        self.query_one("#engine", Facts).show(home.engine(picture))
        self.query_one("#chain", Facts).show(home.chain(picture))
        self._show_attention(picture)
        rows = asked(snapshot) if snapshot.role == "miner" else snapshot.rounds
        self.query_one(TablePanel).show(rows, picture.now, home.counted(snapshot))
        if snapshot.role != "miner":
            self._show_scores(picture)

    def _show_scores(self, picture: Picture) -> None:
        self.query_one("#scores", Facts).show(home.scoring(picture))
        latency, agreement = self.query_one("#latency", Lines), self.query_one("#agreement", Lines)
        rounds = sorted(picture.snapshot.rounds, key=lambda judged: judged.at)
        latency.show(home.latency(rounds, *latency.size))
        agreement.show(home.agreement(rounds, *agreement.size))

    def _show_attention(self, picture: Picture) -> None:
        waiting = home.waiting(picture.snapshot)
        options = self.query_one("#waiting", Options)
        lines = home.attention(waiting, self.size.width - 6)
        shown = [Option(str(one.id), content) for one, content in zip(waiting, lines, strict=True)]
        shown = shown or [QUIET if picture.snapshot.replay is None else UNKNOWN]
        if tuple(shown) != options.options:
            options.show(shown)
        self.query_one("#attention", Panel).caption(f"Attention ({len(waiting)})")

    def do_attention_ack(self) -> None:
        current = self.query_one("#waiting", Options).current
        if current is not None and current.id:
            self.host.submit(Acknowledge(int(current.id)))

    @on(Options.Chosen, "#waiting")
    def _open_attention(self, message: Options.Chosen) -> None:
        """Go to where what needs attention can be looked into."""
        found = next((one for one in self.host.picture.snapshot.attention if str(one.id) == message.option_id), None)
        if found is not None:
            self.host.open(home.place_of(found))

    @on(LiveTable.Opened, "#requests LiveTable")
    def _open_server(self) -> None:
        self.host.open("server")
