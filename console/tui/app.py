"""The application: puts the screens of the registry on a terminal, over an engine or over its past."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from console.config import Shown, shown, shown_names
from console.findings import Result
from console.garbage import SETTLED_S, go_on, leave_alone_what_stays
from console.present.log_look import LogLook
from console.present.picture import Picture
from console.present.table import Table, View
from console.screens.base import ConsoleScreen, in_front, load_screens, screen_of
from console.screens.dialogs import ChoiceDialog
from console.screens.keymap import Keymap
from console.screens.registry import PLACES
from console.themes import ThemeError, ThemeFile
from console.tui.copies import Copies
from console.tui.driver import OperatorDriver
from console.tui.endings import Ending
from console.tui.paced import PacedApp
from console.tui.responses import Responses
from console.tui.screen_memory import ScreenMemory, keep, recall
from console.tui.stylesheet import USUAL, Sheet, Themes, usual_variables
from console.tui.travel import Travel
from console.tui.viewpoint import Viewpoint
from engine.commands import AnyCommand, in_words
from engine.doors import Engine, Log
from engine.settings import Configuration
from engine.values import WENT_WELL

if TYPE_CHECKING:
    from console.record.player import Player

log = logging.getLogger(__name__)

PULL_S = 0.25
"""Seconds between pictures for the screen in front."""

THEMES_S = 2.0
"""Seconds between checks of the theme files."""

PRELOAD_S, BETWEEN_S = 1.0, 0.25
"""After the first frame, and between two places that are made ahead, so that no key waits for that."""

TWICE_S = 2.0
"""Two ctrl+c within this time leave, and stop an engine that runs here."""


class ConsoleApp(PacedApp[Ending], inherit_bindings=False):
    """The screen of one engine, or of its `past`. It ends with the reason why.

    `begin` is called with the first frame on the terminal, so that what it loads does not hold that up.
    """

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    MODES: ClassVar[dict[str, Any]] = {place.name: partial(screen_of, place.name) for place in PLACES}
    DEFAULT_MODE = "home"
    TWICE: ClassVar[Ending] = Ending.STOP
    """What two ctrl+c do."""

    def __init__(
        self,
        engine: Engine,
        *,
        folder: Path,
        keymap: Keymap,
        terminal: int,
        begin: Callable[[], object] = lambda: None,
        configuration: Configuration | None = None,
        memory: Path | None = None,
        past: "Player | None" = None,
        only_looks: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.memory = recall(memory) if memory else ScreenMemory()
        super().__init__()
        self.engine = engine
        self.keymap = keymap
        self.terminal = terminal
        self.configuration = configuration
        self.viewpoint = Viewpoint(engine, clock, past, only_looks, lambda: self.painter.lag)
        self.travel = Travel(self, self.viewpoint)
        self.copies = Copies(self, folder)
        self.animation_level = "none"
        self._memory_file = memory
        self._begin = begin
        self.first_place = self._last_place = self.DEFAULT_MODE
        self._interrupted_at = float("-inf")
        self._asked_to_leave: Ending | None = None
        self.stylesheet = Sheet(self.get_css_variables())
        self._themes = Themes()
        self._wrong_themes = self._take_themes(self._themes.changed({self.memory.theme, USUAL}))
        self.theme = self.memory.theme if self.memory.theme in self.available_themes else USUAL

    # -- from the first frame on -----------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if self._asked_to_leave is not None:
            self.leave(self._asked_to_leave)
        self.set_keymap({action_id: ",".join(keys) for action_id, keys in self.keymap.changed.items()})
        self._tell_wrong(self._wrong_themes)
        self.set_interval(THEMES_S, self.theme_files)
        self.set_interval(PULL_S, self.pull)
        self.set_timer(SETTLED_S, leave_alone_what_stays)
        if self.memory.place in self.MODES:
            self.go(self.memory.place)

    def on_ready(self) -> None:
        self.call_after_refresh(self._go_on)
        self.run_worker(self._make_places())

    def _go_on(self) -> None:
        """With the first frame on the terminal."""
        go_on()
        self._begin()

    async def _make_places(self) -> None:
        """Make the other places while nobody waits for one, so that the first way there is as short as any."""
        await asyncio.sleep(PRELOAD_S)
        await asyncio.to_thread(load_screens)
        for place in self.MODES:
            await asyncio.sleep(BETWEEN_S)
            if not self.is_running:
                return
            await self._init_mode(place)
            made = in_front(self._screen_stacks[place])
            if made is not None:
                made.call_later(made.make_ready, self.size, self._css_update_count)

    # -- what is to be seen ----------------------------------------------------------------------------------------

    @property
    def picture(self) -> Picture:
        return self.viewpoint.picture

    @property
    def logs(self) -> Log:
        return self.viewpoint.engine.logs

    def pull(self) -> None:
        if self._exit or not self.is_running:
            return
        if self.engine.state == "failed":
            self.leave(Ending.DONE)
        for event in self.viewpoint.answers():
            outcome = f"{in_words(event.fields['command'])}: {event.fields['outcome']} {event.fields['reason']}"
            self.tell(outcome.strip(), failed=event.fields["outcome"] not in WENT_WELL)
        for text in self.viewpoint.notices():
            self.tell(text, failed=True)
        screen = self._in_front
        if screen is not None and screen.has_panes:
            screen.receive(self.picture)
        self.painter.go_on()

    @property
    def _in_front(self) -> ConsoleScreen | None:
        return in_front(self.screen_stack)

    def go_live(self) -> None:
        self.travel.do_time_live()

    def go_to_round(self, place: int) -> None:
        if self.viewpoint.past is not None:
            self.viewpoint.past.go_to_round(place)

    def travel_to(self, at: float) -> None:
        self.travel.to(at)

    def instant(self, text: str) -> float:
        return self.travel.instant(text)

    def do_view_pause(self) -> None:
        self.viewpoint.toggle_pause()

    def tell(self, text: str, *, failed: bool = False) -> None:
        self.notify(text, severity="warning" if failed else "information", markup=False)

    # -- places ----------------------------------------------------------------------------------------------------

    def go(self, place: str) -> None:
        """Go to a place. Before it is painted it has the picture of now in it and the size of the terminal."""
        if place == self.current_mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            return
        self._last_place = self.current_mode
        coming = in_front(self._screen_stacks.get(place, ()))
        if coming is not None and coming.has_panes:
            coming.fit(self.size)
            coming.receive(self.picture)
        self.switch_mode(place)

    def open(self, name: str, *subject: str) -> None:
        if name in self.MODES:
            self.go(name)
            if subject:
                self.screen.call_later(self._select, *subject)
        else:
            self.push_screen(screen_of(name, *subject))

    def back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.go(self.first_place)

    def _select(self, key: str) -> None:
        if isinstance(self.screen, ConsoleScreen):
            self.screen.select(key)

    def do_nav_last(self) -> None:
        self.go(self._last_place)

    # -- actions ---------------------------------------------------------------------------------------------------

    @cached_property
    def _responses(self) -> Responses:
        from console.tui.overlays import Overlays

        return Responses(self, self.viewpoint, (self.travel, self.copies, Overlays(self)))

    def why_not(self, action_id: str) -> str:
        return self._responses.why_not(action_id)

    def act(self, action_id: str) -> None:
        self._responses.act(action_id)

    def action_act(self, action_id: str) -> None:
        """What keys are bound to."""
        self.act(action_id)

    def submit(self, command: AnyCommand) -> None:
        if not self.viewpoint.submit(command):
            self.tell(f"{in_words(command.name)}: the engine takes no commands", failed=True)

    @property
    def settings_shown(self) -> Sequence[Shown]:
        found = self.configuration
        return () if found is None else (*shown(found), *shown_names(found))

    def examination(self) -> Callable[[], Sequence[Result]]:
        """The doctor checks this machine and its settings; without settings, the folder of the record."""
        from console.doctor.examination import examination_of

        return examination_of(self.configuration, self.engine.snapshot, self.size)

    # -- themes ----------------------------------------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return usual_variables()

    def theme_files(self) -> Mapping[str, ThemeFile]:
        self._tell_wrong(self._take_themes(self._themes.changed()))
        return dict(sorted(self._themes.files.items()))

    def _take_themes(self, themes: Iterable[Any]) -> list[ThemeError]:
        """Register them; returns what is wrong with the others."""
        wrong = []
        for theme in themes:
            if isinstance(theme, ThemeError):
                wrong.append(theme)
                continue
            self.register_theme(theme)
            if theme.name == self.theme:
                self._watch_theme(theme.name)
        return wrong

    def _tell_wrong(self, wrong: Iterable[ThemeError]) -> None:
        for error in wrong:
            self.tell(str(error), failed=True)

    def choose_theme(self, name: str) -> None:
        self.theme = name

    # -- what is taken along and remembered ------------------------------------------------------------------------

    def copy(self, text: str, what: str) -> None:
        self.copies.copy(text, what)

    def save(self, name: str, text: str, what: str) -> None:
        self.copies.save(name, text, what)

    def view_of(self, table: Table[Any]) -> View:
        return self.memory.view(table)

    def remember(self, table: Table[Any], view: View) -> None:
        self.memory = replace(self.memory, views={**self.memory.views, table.name: view})

    @property
    def log_look(self) -> LogLook:
        return self.memory.log

    def remember_log(self, look: LogLook) -> None:
        self.memory = replace(self.memory, log=replace(look, find=""))

    # -- the terminal ----------------------------------------------------------------------------------------------

    def do_app_mouse(self) -> None:
        if isinstance(self._driver, OperatorDriver):
            on = self._driver.toggle_mouse()
            self.tell("mouse captured again" if on else "mouse released: select text with it")

    def do_app_redraw(self) -> None:
        self.repaint()

    def do_app_quit(self) -> None:
        """Back by one screen; from Home, ask how to leave. Without a running engine there is no choice."""
        if self.current_mode != self.first_place or len(self.screen_stack) > 1:
            self.back()
        elif self.picture.mode == "ended" or self.viewpoint.is_replay or self.viewpoint.only_looks:
            self.leave(Ending.DONE)
        else:
            from console.tui.overlays import ENDINGS, WAYS_OUT

            self.push_screen(
                ChoiceDialog("Leave", WAYS_OUT), lambda way: self.leave(ENDINGS[way]) if way in ENDINGS else None
            )

    def do_app_interrupt(self) -> None:
        """The first time as `q`, the second time leave at once."""
        now = time.monotonic()
        if now - self._interrupted_at < TWICE_S:
            self.leave(self.TWICE)
            return
        self._interrupted_at = now
        if isinstance(self.screen, ConsoleScreen):
            self.do_app_quit()

    def leave(self, ending: Ending) -> None:
        """End the screen. The first reason counts."""
        if self._exit:
            return
        if self._memory_file is not None:
            keep(self._memory_file, replace(self.memory, place=self.current_mode, theme=self.theme))
        self.exit(ending)

    def leave_soon(self, ending: Ending) -> None:
        """End the screen, from a signal handler or another thread, even before it has begun."""
        self._asked_to_leave = ending
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.leave, ending)

    @property
    def crash(self) -> Exception | None:
        """The error that broke the screen."""
        return self._exception

    def _handle_exception(self, error: Exception) -> None:
        """Leave with the error, which is reported without the values of variables.

        Once the screen is being left, Textual mounts nothing on it any more, so missing panes are not an error then.
        """
        if self._exit:
            log.info("a screen was closed before it was shown", exc_info=error)
            return
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()
