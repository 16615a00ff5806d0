"""What opens over any screen: help, palette, the menu of actions, the theme picker, questions."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from console.present.text import Line
from console.screens.action import Action, Level, question
from console.screens.help.content import help_lines, menu_line
from console.screens.palette.content import Found, find
from console.screens.registry import ACTIONS, IN_DIALOGS, actions_of
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialog import ChoiceDialog, ConfirmDialog
from console.tui.screens.help import HelpOverlay
from console.tui.screens.palette import Palette
from console.tui.screens.theme_picker import ThemePicker
from console.tui.widgets.options import Option

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


class Overlays:
    """Opens them, and has the app take what was chosen."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    def help(self, screen: ConsoleScreen) -> None:
        actions, keymap = list(actions_of(screen.NAME)), self._app.keymap

        def lines(find: str, width: int) -> list[Line]:
            return help_lines(actions, keymap, width, find)

        self._app.push_screen(HelpOverlay(f"Keys of {screen.NAME}", lines))

    def actions(self, screen: ConsoleScreen) -> None:
        """The actions of this screen that do something, each with the reason when it cannot be done."""
        app = self._app
        found = [action for action in actions_of(screen.NAME) if action.group in ("act", "take")]
        options = [
            Option(action.id, menu_line(action, app.keymap, app.why_not(action.id)), action.letter) for action in found
        ]
        app.push_screen(ChoiceDialog("Actions", options), self._take)

    def palette(self, screen: ConsoleScreen, typed: str = "") -> None:
        app = self._app
        app.load_themes()
        names = {action.id: action for action in (*actions_of(screen.NAME), *ACTIONS.values())}
        near = [action for action in names.values() if action.group != "move" and action.id not in IN_DIALOGS]

        def found(typed: str) -> list[Found]:
            return find(
                typed,
                actions=near,
                themes=sorted(app.themes.files),
                miners=app.picture.snapshot.miners,
                keymap=app.keymap,
                why_not=app.why_not,
                instant=app.instant,
            )

        app.push_screen(Palette(found, typed), self._take_found)

    def themes(self) -> None:
        self._app.load_themes()
        self._app.push_screen(ThemePicker(dict(sorted(self._app.themes.files.items())), self._app.theme))

    def confirm(self, action: Action, then: Callable[..., object], row: str = "") -> None:
        """Ask before an action that matters; do it at once when it does not.

        `then` gets the name of the row that the action is about, or what was typed, if there is either.
        """
        if action.level < Level.ASKED:
            then(*filter(None, [row]))
            return

        asked = question(action, self._app.engine.snapshot, row)

        def answered(entry: str | None) -> None:
            if entry is not None:
                then(*filter(None, [row or entry]))

        self._app.push_screen(ConfirmDialog(asked), answered)

    def _take(self, action_id: str | None) -> None:
        if action_id is not None:
            self._app.act(action_id)

    def _take_found(self, found: Found | None) -> None:
        if found is None:
            return
        match found.kind:
            case "action":
                self._app.act(found.name)
            case "theme":
                self._app.theme = found.name
            case "instant":
                self._app.travel_to(float(found.name))
            case "nothing":
                self._app.tell(found.name, failed=True)
            case "miner":
                self._app.go_to_miner(found.name)
