"""What opens over any screen: help, palette, the menu of actions, the choice of a theme, the log at its foot."""

from typing import Any, cast

from textual.app import App

from console.present.text import line
from console.screens.base import ConsoleScreen, in_front
from console.screens.dialogs import ChoiceDialog
from console.screens.help.content import menu_line
from console.screens.help.screen import HelpDialog
from console.screens.host import Host
from console.screens.logs.widgets import LogDrawer
from console.screens.palette.content import Match
from console.screens.palette.screen import PaletteDialog
from console.screens.registry import actions_of
from console.screens.theme_picker.screen import ThemeDialog
from console.tui.endings import Ending
from console.widgets.option_list import Option

WAYS_OUT = (
    Option("stay", line("Stay")),
    Option("detach", line("Detach: close the screen, the engine keeps running")),
    Option("stop", line("Stop the engine and quit")),
)
ENDINGS = {"detach": Ending.DETACH, "stop": Ending.STOP}
"""How the screen of a running engine may be left."""


class Overlays:
    """Opens them over the screen in front of an app, and takes what was chosen."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._host = cast(Host, app)

    @property
    def _screen(self) -> ConsoleScreen | None:
        return in_front(self._app.screen_stack)

    def do_help(self) -> None:
        if self._screen is not None:
            self._app.push_screen(HelpDialog(self._screen.NAME))

    def do_actions(self) -> None:
        """The actions of this screen that do something, each with the reason when it cannot be done."""
        if self._screen is not None:
            host = self._host
            found = [one for one in actions_of(self._screen.NAME) if one.group in ("act", "take")]
            options = [Option(one.id, menu_line(one, host.keymap, host.why_not(one.id)), one.letter) for one in found]
            self._app.push_screen(ChoiceDialog("Actions", options), self._act)

    def _act(self, action_id: str | None) -> None:
        if action_id is not None:
            self._host.act(action_id)

    def do_palette(self) -> None:
        self._open_palette()

    def do_time_at(self) -> None:
        self._open_palette("at ")

    def _open_palette(self, typed: str = "") -> None:
        if self._screen is not None:
            self._app.push_screen(PaletteDialog(self._screen.NAME, typed), self._take)

    def _take(self, chosen: Match | None) -> None:
        if chosen is None:
            return
        match chosen.kind:
            case "action":
                self._host.act(chosen.name)
            case "theme":
                self._host.choose_theme(chosen.name)
            case "instant":
                self._host.travel_to(float(chosen.name))
            case "nothing":
                self._host.tell(chosen.name, failed=True)
            case "miner":
                self._host.open("miners", chosen.name)

    def do_log_drawer(self) -> None:
        if self._screen is None:
            return
        drawn = self._screen.query(LogDrawer)
        if drawn:
            drawn.remove()
        else:
            self._screen.mount(LogDrawer(self._host), before="#footer")

    def do_theme_pick(self) -> None:
        self._app.push_screen(ThemeDialog())
