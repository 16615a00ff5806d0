"""An app that looks as the theme files say, from its first frame on, and as they are changed while it runs."""

from collections.abc import Iterable
from typing import Any

from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.theme import Theme

from console.themes import ThemeError
from console.tui.ending import Ending
from console.tui.themes import USUAL, Themes, usual_variables

LOOK_EVERY_S = 2.0


class Sheet(Stylesheet):
    """Textual has the whole sheet read again for every new screen; this one reads again only for other colours."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._read_with = variables

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._read_with:
            self._read_with = variables
            super().set_variables(variables)

    def reparse(self) -> None:
        """Read what was not read yet with these variables."""
        self.parse()


class ThemedApp(App[Ending], inherit_bindings=False):
    """`wanted` is the theme to begin with, where there is one of that name."""

    def __init__(self, wanted: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.stylesheet = Sheet(self.get_css_variables())
        self.themes = Themes()
        self._wrong_themes = self._take_themes(self.themes.changed({wanted, USUAL}))
        self.theme = wanted if wanted in self.available_themes else USUAL

    def on_mount(self) -> None:
        self._tell_wrong(self._wrong_themes)
        self.set_interval(LOOK_EVERY_S, self.load_themes)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return usual_variables()

    def load_themes(self) -> None:
        """Take the theme files that are new or were changed."""
        self._tell_wrong(self._take_themes(self.themes.changed()))

    def _take_themes(self, themes: Iterable[Theme | ThemeError]) -> list[ThemeError]:
        """Returns what is wrong with those that cannot be taken."""
        wrong = []
        for theme in themes:
            if isinstance(theme, ThemeError):
                wrong.append(theme)
                continue
            self.register_theme(theme)
            if theme.name == self.theme:
                self._watch_theme(theme.name)
        return wrong

    def _tell_wrong(self, wrong: list[ThemeError]) -> None:
        for error in wrong:
            self.notify(str(error), severity="warning", markup=False)
