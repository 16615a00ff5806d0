"""Home: attention, the challenge in flight, consensus, leaderboard and weights."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from console.present.picture import Picture
from console.present.spots import Drawing
from console.present.text import Span, line, phrases
from console.screens.base import ConsoleScreen
from console.screens.home import consensus, flight, health, leaderboard, pay
from console.screens.home import content as home
from console.screens.server.traffic import REQUESTS, asked
from console.widgets.lines import Facts
from console.widgets.live_table import LiveTable
from console.widgets.option_list import Option, Options
from console.widgets.panel import OpenPanel, Panel, TablePanel
from console.widgets.walk import Walk
from engine.commands import Acknowledge

QUIET = Option("", line(Span("✓ nothing needs attention", "ok")))

UNKNOWN = Option("", line(Span("○ not recorded: the log has what was said then", "muted")))


class HomeScreen(ConsoleScreen):
    """Four panels for a validator; if there is no room for all, two at a time. A miner sees its server's state and its
    last requests instead.
    """

    NAME = "home"

    DEFAULT_CSS = """
    HomeScreen {
        & #attention { height: auto; max-height: 5; }
        & #attention Options { height: auto; max-height: 4; }
        & #asked { height: 5; }
        & #others { height: 1fr; }
        & #left { width: 8fr; height: 1fr; }
        & #right { width: 5fr; height: 1fr; margin-left: 2; }
        & #agreed { height: 2fr; }
        & #leaders { height: 3fr; }
        & #paid { height: 3fr; }
        & #health { height: 10; }
        &.-short #attention { max-height: 3; }
        &.-short #attention Options { max-height: 2; }
        &.-short #health { display: none; }
        &.-short #leaders, &.-short #agreed, &.-short #paid { height: 1fr; }
        &.-short.-turned #asked, &.-short.-turned #leaders { display: none; }
        &.-short.-unturned #agreed, &.-short.-unturned #right { display: none; }
        &.-narrow #right { margin-left: 1; }
        &.-narrow #left { width: 1fr; }
        &.-narrow #right { width: 1fr; }
        &.-low #asked { height: 3; }
        &.-low #attention { max-height: 2; }
        &.-low #others { min-height: 6; }
        &.-low #attention Options { max-height: 1; }
        & #facts { height: 9; }
        & #facts Lines { padding: 0 1; }
        & #facts Panel { width: 1fr; }
        & TablePanel { height: 1fr; }
        &.-low #facts { height: 5; }
        &.-low TablePanel { min-height: 5; }
    }
    """

    def body(self) -> ComposeResult:
        self.add_class("-unturned")
        with OpenPanel("Attention", id="attention"):
            yield Options(id="waiting")
        if self.host.picture.snapshot.role == "miner":
            yield from self._of_a_miner()
            return
        with OpenPanel("Challenge in flight", id="asked"):
            yield Walk(id="flight")
        with Horizontal(id="others"):
            with Vertical(id="left"):
                with OpenPanel("Consensus", id="agreed"):
                    yield Walk(id="consensus", feed=True)
                with OpenPanel("Leaderboard", id="leaders"):
                    yield LiveTable(leaderboard.LEADERS)
            with Vertical(id="right"):
                with OpenPanel("Weights", id="paid"):
                    yield Walk(id="weights")
                with OpenPanel("Chain and engine", id="health"):
                    yield Facts(id="engine")

    def _of_a_miner(self) -> ComposeResult:
        with Horizontal(id="facts"):
            with Panel("Engine"):
                yield Facts(id="engine")
            with Panel("Chain"):
                yield Facts(id="chain")
        yield TablePanel("Last requests", REQUESTS, id="requests")

    def show(self, picture: Picture) -> None:
        self._show_attention(picture)
        if picture.snapshot.role == "miner":
            self.query_one("#engine", Facts).show(home.engine(picture))
            self.query_one("#chain", Facts).show(home.chain(picture))
            self.query_one(TablePanel).show(asked(picture.snapshot), picture.now)
            return
        self._show_flight(picture)
        self._show_consensus(picture)
        self._show_leaders(picture)
        self._show_weights(picture)
        self.query_one("#engine", Facts).show(health.health(picture))
        self.query_one("#health", OpenPanel).caption("Chain and engine", health.figures(picture))

    def _show_flight(self, picture: Picture) -> None:
        names = {one.hotkey: one.name for one in picture.snapshot.miners}

        def draw(width: int, height: int, at: str) -> Drawing:
            return flight.flight(picture, names, width, height, at)

        self.query_one("#flight", Walk).draw(draw)
        self.query_one("#asked", OpenPanel).caption(flight.title(picture.snapshot), flight.figures(picture.snapshot))

    def _show_consensus(self, picture: Picture) -> None:
        rounds = consensus.ordered(picture.snapshot.rounds)

        def draw(width: int, height: int, at: str) -> Drawing:
            return consensus.chart(rounds, width, height, at)

        walk = self.query_one("#consensus", Walk)
        walk.draw(draw)
        said = consensus.title(rounds, walk.key), consensus.figures(rounds, walk.key)
        self.query_one("#agreed", OpenPanel).caption(*said)

    def _show_leaders(self, picture: Picture) -> None:
        rows = leaderboard.leaders(picture.snapshot)
        table = self.query_one("#leaders LiveTable", LiveTable)
        table.show(rows, picture.now)
        changed = table.view != table.table.usual() or table.marked
        title = f"Leaderboard  {table.caption}" if changed else leaderboard.title(picture.snapshot)
        figures = leaderboard.figures(picture.snapshot)
        if self.has_class("-short") and not self.has_class("-turned"):  # its own panel is turned away
            figures = phrases(figures, "t turns", pay.figures(picture)[-1:])
        self.query_one("#leaders", OpenPanel).caption(title, figures)

    def _show_weights(self, picture: Picture) -> None:
        def draw(width: int, height: int, at: str) -> Drawing:
            return pay.paired(picture, width, height, at)

        self.query_one("#weights", Walk).draw(draw)
        back = "t back" if self.has_class("-short") else ""
        self.query_one("#paid", OpenPanel).caption("Weights", phrases(pay.figures(picture), back))

    def _show_attention(self, picture: Picture) -> None:
        waiting = home.waiting(picture.snapshot)
        options = self.query_one("#waiting", Options)
        lines = home.attention(waiting, self.size.width - 6)
        shown = [Option(str(one.id), content) for one, content in zip(waiting, lines, strict=True)]
        shown = shown or [QUIET if picture.snapshot.replay is None else UNKNOWN]
        if tuple(shown) != options.options:
            many = len(shown) != options.count
            options.show(shown)
            options.refresh(layout=many)
        hints = phrases("enter shows it", "a done", "A all done") if waiting else ()
        self.query_one("#attention", OpenPanel).caption(f"Attention {len(waiting)}", hints)

    def do_attention_ack(self) -> None:
        current = self.query_one("#waiting", Options).current
        if current is not None and current.id:
            self.host.submit(Acknowledge(int(current.id)))

    def do_home_turn(self) -> None:
        """The other two panels, where there is room for two."""
        if not self.has_class("-short"):
            self.host.tell("all panels are on this screen")
            return
        turned = not self.has_class("-turned")
        self.set_class(turned, "-turned")
        self.set_class(not turned, "-unturned")
        shown = self.query_one("#consensus" if turned else "#leaders LiveTable")
        self.call_after_refresh(shown.focus)  # a panel that is not drawn yet takes no focus
        self.call_after_refresh(self.host.pull)

    @on(Options.Chosen, "#waiting")
    def _open_attention(self, message: Options.Chosen) -> None:
        """Go to what needs attention, with the cursor on it."""
        found = next((one for one in self.host.picture.snapshot.attention if str(one.id) == message.option_id), None)
        if found is not None:
            self.host.open(*home.place_of(found))

    @on(Walk.Opened, "#flight, #weights")
    def _open_miner(self, message: Walk.Opened) -> None:
        self.host.open("miner", message.key)

    @on(Walk.Opened, "#consensus")
    def _open_round(self, message: Walk.Opened) -> None:
        self.host.open("challenge", message.key)

    @on(Walk.Moved, "#consensus")
    def _say_which_round(self) -> None:
        self._show_consensus(self.host.picture)

    @on(LiveTable.Opened, "#requests LiveTable")
    def _open_server(self) -> None:
        self.host.open("server")
