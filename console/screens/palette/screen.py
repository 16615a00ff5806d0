"""The palette: type a few letters of anything, and take it."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from console.screens.dialogs import Dialog
from console.screens.palette.content import Match, find
from console.screens.registry import ACTIONS, IN_DIALOGS, actions_of
from console.widgets.option_list import Field, Option, Options
from console.widgets.panel import Panel


class PaletteDialog(Dialog[Match]):
    """Shows what matches the words that are typed; the actions of `screen`, the one in front, come first."""

    DEFAULT_CSS = """
    PaletteDialog { align: center top; }
    PaletteDialog > Panel { width: 90%; max-width: 110; margin-top: 2; }
    PaletteDialog Options { width: 1fr; max-height: 16; }
    """

    def __init__(self, screen: str, typed: str = "") -> None:
        super().__init__()
        actions = {action.id: action for action in (*actions_of(screen), *ACTIONS.values())}
        self._actions = [one for one in actions.values() if one.group != "move" and one.id not in IN_DIALOGS]
        self._typed_before = typed
        self._matches: Sequence[Match] = ()

    def compose(self) -> ComposeResult:
        with Panel("Command") as panel:
            panel.caption("Command", "↑ ↓ enter  esc")
            yield Field(hint="a few letters, uid 88, at 14:05, theme night, q")
            yield Options()

    def on_mount(self) -> None:
        self._themes = sorted(self.host.theme_files())
        field = self.query_one(Field)
        field.value = self._typed_before
        field.cursor_position = len(self._typed_before)
        self._show(self._typed_before)

    @on(Field.Changed)
    def _typed(self, message: Field.Changed) -> None:
        self._show(message.value)

    def _show(self, typed: str) -> None:
        host = self.host
        self._matches = find(
            typed,
            actions=self._actions,
            themes=self._themes,
            miners=host.picture.snapshot.miners,
            keymap=host.keymap,
            why_not=host.why_not,
            instant=host.instant,
        )
        options = self.query_one(Options)
        options.show([Option(str(index), one.line) for index, one in enumerate(self._matches)], "0")
        options.refresh(layout=True)

    def do_nav_down(self) -> None:
        self.query_one(Options).do_nav_down()

    def do_nav_up(self) -> None:
        self.query_one(Options).do_nav_up()

    @on(Field.Submitted)
    def do_nav_open(self) -> None:
        self.query_one(Options).do_nav_open()

    @on(Options.Chosen)
    def _choose(self, message: Options.Chosen) -> None:
        self.dismiss(self._matches[int(message.option_id)])
