"""What every screen is made of: header, tabs, its own panes, footer; keys from the registry; pictures as they come."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import Screen

from console.present.picture import Picture
from console.screens import chrome, past
from console.screens.home import content as home
from console.screens.registry import SCREENS, actions_of
from console.tui.screens.keys import bindings_of
from console.tui.screens.table_actions import FilterField, TableActions
from console.tui.widgets.lines import Bar
from console.tui.widgets.live_table import LiveTable

WIDE, TALL, LOW = 120, 36, 20
"""From how many columns on there is room for more beside, from how many lines on for more below, or for more at all."""


class ConsoleScreen(TableActions, inherit_bindings=False):
    """A screen of the registry. A subclass says `NAME`, and defines `body` and `show`."""

    NAME: ClassVar[str]
    """Its name in `console.screens.registry.SCREENS`, which decides its keys and its tab."""

    AUTO_FOCUS = "LiveTable"

    has_panes = False
    """Whether it was put together; pictures before that have nowhere to go."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "NAME" in cls.__dict__:
            cls.BINDINGS = [*bindings_of(cls.NAME)]
        super().__init_subclass__(**arguments)

    def compose(self) -> ComposeResult:
        self.fit(self.host.size)
        yield Bar(id="header")
        yield Bar(id="tabs")
        timeline = Bar(id="timeline")
        timeline.display = self.host.picture.snapshot.replay is not None
        yield timeline
        with Vertical(id="body"):
            yield from self.body()
        yield FilterField()
        yield Bar(id="footer")

    def body(self) -> ComposeResult:
        """The panes of this screen."""
        raise NotImplementedError

    def show(self, picture: Picture) -> None:
        """Put a picture into the panes. Called a few times a second, and only on the screen in front."""
        raise NotImplementedError

    def row_name(self, _action_id: str) -> str:
        """What the row under the cursor is called, for an action that is about one; "" when there is none."""
        return ""

    def receive(self, picture: Picture) -> None:
        """Show a picture, and what stands around it."""
        width = self.host.size.width
        self.query_one("#header", Bar).show([chrome.header(picture, width)])
        present = picture.snapshot if picture.snapshot.replay is None else self.host.engine.snapshot
        waiting = len(home.waiting(present))
        self.query_one("#tabs", Bar).show([chrome.tabs(SCREENS[self.NAME].under or self.NAME, waiting, width)])
        bar, replay = self.query_one("#timeline", Bar), picture.snapshot.replay
        bar.display = replay is not None
        if replay is not None:
            bar.show([past.timeline(replay, self.host.keymap.shown, width)])
        self.query_one("#footer", Bar).show([chrome.footer(self._hints(), width)])
        self.show(picture)

    def _hints(self) -> list[tuple[str, str]]:
        shown = sorted((action for action in actions_of(self.NAME) if action.footer), key=lambda one: one.footer)
        away = {} if self.NAME == "home" else {"app.quit": "back"}
        return [(self.host.keymap.shown(action.id), away.get(action.id, action.label)) for action in shown]

    def on_resize(self, event: events.Resize) -> None:
        self.fit(event.size)

    def fit(self, size: Size) -> None:
        """Say in classes how much room there is: before the panes are there, so that they are laid out once."""
        wide, tall, low = size.width >= WIDE, size.height >= TALL, size.height < LOW
        classes = {"-wide": wide, "-narrow": not wide, "-tall": tall, "-short": not tall, "-low": low}
        self.update_classes(classes, animate=False)

    def on_mount(self) -> None:
        if not self.host.is_running:
            return  # the app ends: there are no panes any more
        self.has_panes = True
        for table in self.query(LiveTable):
            table.look(self.host.memory.view(table.table))
        self.receive(self.host.picture)

    @on(LiveTable.Rearranged)
    def _remember(self, message: LiveTable.Rearranged) -> None:
        self.host.remember(message.table.table, message.table.view)
        self.host.pull()

    def make_ready(self, size: Size, css: int) -> None:
        """Lay the panes out and render them before anybody sees them; `css` counts the app's style sheets so far."""
        self._css_update_count = css
        self._screen_resized(size)
        self.call_later(self._compositor.render_strips)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False
        self.host.pull()

    def do_log_drawer(self) -> None:
        from console.tui.widgets.log_drawer import LogDrawer

        drawn = self.query(LogDrawer)
        if drawn:
            drawn.remove()
        else:
            self.mount(LogDrawer(lambda: self.host.viewing.engine.logs), before="#footer")

    def do_focus_next(self) -> None:
        self.focus_next()

    def do_focus_previous(self) -> None:
        self.focus_previous()

    def do_nav_back(self) -> None:
        """Out of what is innermost: a filter, marks, the zoom, this screen."""
        if isinstance(self.focused, FilterField) and self.table is not None:
            self.table.focus()
        if any(table.clear() for table in self.query(LiveTable)):
            return
        if self.maximized is not None:
            self.minimize()
        else:
            self.host.back()

    def do_view_zoom(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=True)


def in_front(stack: Sequence[Screen[Any]]) -> ConsoleScreen | None:
    """The screen in front, dialogs left aside."""
    return next((one for one in reversed(stack) if isinstance(one, ConsoleScreen)), None)
