"""Choose a theme while the whole screen shows it; esc brings the one before back."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from console.present.text import Span, fit, line
from console.screens.dialogs import Dialog
from console.screens.theme_picker.content import sample
from console.widgets.lines import Lines
from console.widgets.option_list import Option, Options
from console.widgets.panel import Panel


class ThemeDialog(Dialog[str]):
    """The answer is the name of a theme."""

    DEFAULT_CSS = """
    ThemeDialog Horizontal { width: auto; height: auto; }
    ThemeDialog Options { min-width: 20; max-height: 14; }
    ThemeDialog Lines { width: 48; height: 14; margin-left: 2; }
    """

    def compose(self) -> ComposeResult:
        self._themes, self._before = self.host.theme_files(), self.app.theme
        with Panel("Theme") as panel:
            panel.caption("Theme", "j k preview  enter keep  esc back")
            with Horizontal():
                yield Options([Option(name, line(name)) for name in self._themes])
                yield Lines()

    def on_mount(self) -> None:
        options = self.query_one(Options)
        options.show(options.options, self._before)
        self._preview(self._before)

    @on(Options.Highlighted)
    def _moved(self, message: Options.Highlighted) -> None:
        self.host.choose_theme(message.option_id)
        self._preview(message.option_id)

    def _preview(self, name: str) -> None:
        if name in self._themes:
            file = self._themes[name]
            about = [line(Span(fit(file.about, 46), "muted")), ()]
            self.query_one(Lines).show([*about, *sample(file)])

    @on(Options.Chosen)
    def _keep(self, message: Options.Chosen) -> None:
        self.dismiss(message.option_id)

    def do_dialog_cancel(self) -> None:
        self.host.choose_theme(self._before)
        self.dismiss(None)
