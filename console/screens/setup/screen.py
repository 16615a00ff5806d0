"""Setup: what the doctor finds, and every setting with its source."""

import asyncio
from collections.abc import Callable, Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console import findings
from console.findings import Result
from console.present.picture import Picture
from console.present.text import Span, line, text_of
from console.screens.base import ConsoleScreen
from console.screens.dialogs import ChoiceDialog
from console.screens.setup.content import SETTINGS
from console.widgets.lines import Lines
from console.widgets.option_list import Option, Options
from console.widgets.panel import Panel, TablePanel

LOOKING = Option("", line(Span("◌ checking everything…", "info")))
CLOSE = Option("close", line("Close"))
WIDEST = 76
"""The columns of a value: more are hard to read in one line."""


class SetupScreen(ConsoleScreen):
    """The doctor's results with the explanation of one, and the settings below."""

    NAME = "setup"

    DEFAULT_CSS = """
    SetupScreen {
        & #examination { height: 1fr; }
        & #checks { width: 1fr; }
        & #why { width: 1fr; padding: 0 1; }
        & #settings { height: 1fr; }
        &.-short #settings { height: 38%; }
        &.-low #examination, &.-low #settings { height: 10; max-height: 100%; }
        &.-narrow .wide-only { display: none; }
    }
    """

    AUTO_FOCUS = "#results"

    results: Sequence[Result] = ()
    _was_looked_at = False

    def body(self) -> ComposeResult:
        with Horizontal(id="examination"):
            with Panel("Doctor", id="checks"):
                yield Options([LOOKING], id="results")
            with Panel("Explanation", id="why", classes="wide-only"):
                yield Lines(id="explanation")
        yield TablePanel("Settings", SETTINGS, id="settings")

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Look at everything when somebody first comes here; the screen is made before that."""
        if self.has_panes and self.is_current and not self._was_looked_at:
            self._was_looked_at = True
            self.do_doctor_run()

    def show(self, picture: Picture) -> None:
        if settings := self.host.settings_shown:
            self.query_one("#settings", TablePanel).show(settings, picture.now)

    # -- the doctor ------------------------------------------------------------------------------------------------

    def do_doctor_run(self) -> None:
        self.query_one("#results", Options).show([LOOKING])
        self.run_worker(self._examine(self.host.examination()), exclusive=True, group="doctor")

    async def _examine(self, examination: Callable[[], Sequence[Result]]) -> None:
        results = await asyncio.to_thread(examination)
        self.results = findings.by_urgency(results)
        options = [Option(str(at), findings.found(result)) for at, result in enumerate(self.results)]
        self.query_one("#results", Options).show(options)
        self.query_one("#checks", Panel).caption(f"Doctor  {text_of(findings.summary(self.results)).strip()}")
        self._explain_current()

    @property
    def current(self) -> Result | None:
        """The result under the cursor."""
        option = self.query_one("#results", Options).current
        return self.results[int(option.id)] if option is not None and option.id else None

    @on(Options.Highlighted, "#results")
    def _explain_current(self) -> None:
        pane = self.query_one("#explanation", Lines)
        if self.current is not None:
            pane.show(findings.explanation(self.current, max(20, pane.size.width)))

    @on(Options.Chosen, "#results")
    def _explain(self) -> None:
        if self.current is not None:
            text = findings.explanation(self.current, min(WIDEST, self.app.size.width - 10))
            self.app.push_screen(ChoiceDialog("Doctor", [CLOSE], text))

    # -- taking along ----------------------------------------------------------------------------------------------

    @property
    def _sees_results(self) -> bool:
        return isinstance(self.focused, Options) and bool(self.results)

    def do_copy_cell(self) -> None:
        if self._sees_results and self.current is not None:
            self.host.copy(text_of(findings.found(self.current)), "the line")
        else:
            super().do_copy_cell()

    def do_copy_row(self) -> None:
        if self._sees_results:
            self.host.copy(findings.text(self.results), "the doctor's report")
        else:
            super().do_copy_row()

    def do_export_view(self) -> None:
        if self._sees_results:
            self.host.save("doctor.txt", findings.text(self.results), "the doctor's report")
        else:
            super().do_export_view()
