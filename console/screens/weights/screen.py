"""Weights: those on chain, the plan, past submissions, and the actions that write to the chain."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.actions import changes
from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.commands.content import COMMANDS
from console.screens.dialogs import READER_WIDTH, Reader
from console.screens.help.content import lettered
from console.screens.subnet.content import VALIDATORS, out_of_line, subnet_facts
from console.screens.weights import content as weights
from console.screens.weights.actions import lettered_now
from console.screens.weights.content import CHANGES, SUBMISSIONS, submission
from console.widgets.lines import Facts
from console.widgets.live_table import LiveTable
from console.widgets.panel import Panel, TablePanel
from engine.snapshot import PlanView

HINT = "weight: the share of all EMA  d only changes"
ONLY_CHANGES = "  only changes"


class WeightsScreen(ConsoleScreen):
    """Status and actions above, plan vs chain beside the submissions, the command log below."""

    NAME = "weights"

    DEFAULT_CSS = """
    WeightsScreen {
        & #facts { height: 11; max-height: 40%; }
        & #facts Panel { width: 1fr; padding: 0 1; }
        & #plans { height: 1fr; }
        & #subnet { height: auto; max-height: 13; padding: 0 1; }
        &.-short #subnet { max-height: 9; }
        & #standing { height: auto; max-height: 11; }
        &.-short #standing { max-height: 7; }
        & #validators { height: 1fr; }
        &.-short #validators { min-height: 5; }
        & #changes { width: 3fr; }
        & #submissions { width: 2fr; }
        & #commands.below { height: 10; }
        &.-short #commands.below { height: 5; }
        &.-short #facts { height: 8; }
        &.-narrow #plans { layout: vertical; }
        &.-narrow #changes { width: 1fr; height: 1fr; }
        &.-narrow #submissions { width: 1fr; height: 5; max-height: 40%; }
        &.-narrow.-short #commands.below { display: none; }
        &.-low #facts { max-height: 100%; }
        &.-low #plans { height: 13; max-height: 100%; }
        &.-low #commands { min-height: 6; }
    }
    """

    _only_changes = False

    def body(self) -> ComposeResult:
        if self.host.picture.snapshot.role == "watch":
            with Panel("Subnet", id="subnet"):
                yield Facts(id="standing")
            yield TablePanel("Validators", VALIDATORS, id="validators")
            return
        plans = self.host.picture.snapshot.role != "miner"
        with Horizontal(id="facts"):
            with Panel("Status"):
                yield Facts(id="status")
            with Panel("Actions: x, then a letter"):
                yield Facts(id="letters")
        if plans:
            with Horizontal(id="plans"):
                yield TablePanel("Plan vs chain", CHANGES, id="changes", hint=HINT)
                yield TablePanel("Submissions", SUBMISSIONS, id="submissions")
        else:
            yield TablePanel("Validators", VALIDATORS, id="validators")
        yield TablePanel("Command log", COMMANDS, id="commands", classes="below" if plans else None)

    def show(self, picture: Picture) -> None:
        subnet = picture.snapshot.subnet
        if picture.snapshot.role in ("miner", "watch"):
            rows = subnet.validators if subnet else ()
            self.query_one("#validators", TablePanel).show(rows, picture.now, out_of_line(rows))
        if picture.snapshot.role == "watch":
            self.query_one("#standing", Facts).show(subnet_facts(picture.snapshot))
            return
        self.query_one("#status", Facts).show(weights.status(picture))
        letters = lettered_now(picture.snapshot)
        self.query_one("#letters", Facts).show([lettered(one, self.host.why_not(one.id)) for one in letters])
        self.query_one("#commands", TablePanel).show(picture.snapshot.commands, picture.now)
        if picture.snapshot.role != "miner":
            self._show_plans(picture)

    def _show_plans(self, picture: Picture) -> None:
        rows = changes.changes(picture.snapshot)
        note = changes.change_caption(rows) + (ONLY_CHANGES if self._only_changes else "")
        shown = [row for row in rows if row.differs] if self._only_changes else rows
        self.query_one("#changes", TablePanel).show(shown, picture.now, note)
        self.query_one("#submissions", TablePanel).show(picture.snapshot.plans, picture.now)

    def do_weights_diff(self) -> None:
        self._only_changes = not self._only_changes

    @on(LiveTable.Opened, "#submissions LiveTable")
    def _open_submission(self, message: LiveTable.Opened) -> None:
        current: PlanView | None = message.table.current
        if current is not None:
            self.app.push_screen(Reader("Submission", submission(current, READER_WIDTH)))
