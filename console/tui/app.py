"""The application: puts the screens of the registry on a terminal, over an engine or over its past."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace
from textual import events
from textual.app import App
from textual.dom import DOMNode

from console.findings import Result
from console.garbage import SETTLED_S, go_on, leave_alone_what_stays
from console.present.picture import Picture
from console.present.table import Table, View
from console.present.text import line
from console.screens.action import Action, Level, question
from console.screens.base import ConsoleScreen, in_front, load_screens, screen_of
from console.screens.dialogs import ChoiceDialog, ConfirmDialog
from console.screens.help.content import menu_line
from console.screens.keymap import Keymap
from console.screens.logs.content import LogLook
from console.screens.registry import ACTIONS, IN_DIALOGS, PLACES, actions_of
from console.themes import ThemeError, ThemeFile
from console.tui.driver import OperatorDriver
from console.tui.endings import Ending
from console.tui.exports import CLIPBOARD_MOST, FOLDER, written
from console.tui.memory import Memory, keep, recall
from console.tui.themes import USUAL, Sheet, Themes, usual_variables
from console.tui.travel import Travel
from console.tui.typeahead import Mark, TypeAhead
from console.tui.viewpoint import Viewpoint
from console.widgets.options import Option
from engine.commands import AnyCommand
from engine.doors import Engine
from engine.folders import FolderError
from engine.logs import Log
from engine.settings import Configuration

if TYPE_CHECKING:
    from console.record.player import Player

log = logging.getLogger(__name__)

PULL_S = 0.25
"""How often the screen in front gets a picture."""

THEMES_S = 2.0
"""How often theme files are looked at."""

PRELOAD_S, BETWEEN_S = 1.0, 0.25
"""After the first frame, and between two places that are made ahead, so that no key waits for that."""

TWICE_S = 2.0
"""Two ctrl+c within this time stop the engine."""

WENT_WELL = ("ok", "committed", "applied")
"""Outcomes that need no warning."""

WAYS_OUT = (
    Option("stay", line("Stay")),
    Option("detach", line("Detach: close the screen, the engine keeps running")),
    Option("stop", line("Stop the engine and quit")),
)
ENDINGS = {"detach": Ending.DETACH, "stop": Ending.STOP}


class ConsoleApp(App[Ending], inherit_bindings=False):
    """The screen of one engine, or of its `past`. It ends with the reason why.

    `begin` is called with the first frame on the terminal, so that what it loads does not hold that up.
    """

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    MODES: ClassVar[dict[str, Any]] = {place.name: partial(screen_of, place.name) for place in PLACES}
    DEFAULT_MODE = "home"

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
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.memory = recall(memory) if memory else Memory()
        super().__init__(driver_class=OperatorDriver)
        self.engine = engine
        self.keymap = keymap
        self.terminal = terminal
        self.configuration = configuration
        self.viewpoint = Viewpoint(engine, clock, past)
        self.travel = Travel(self, self.viewpoint)
        self.typeahead = TypeAhead(self)
        self.animation_level = "none"
        self._memory_file = memory
        self._folder = folder / FOLDER
        self._begin = begin
        self._last_place = self.DEFAULT_MODE
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
        for place in PLACES:
            await asyncio.sleep(BETWEEN_S)
            if not self.is_running:
                return
            await self._init_mode(place.name)
            made = in_front(self._screen_stacks[place.name])
            if made is not None:
                made.call_later(made.make_ready, self.size, self._css_update_count)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self.typeahead.add(event)
        else:
            await super().on_event(event)

    async def on_mark(self, mark: Mark) -> None:
        await self.typeahead.came_back(mark)

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
            outcome = f"{event.fields['command']}: {event.fields['outcome']} {event.fields['reason']}"
            self.tell(outcome.strip(), failed=event.fields["outcome"] not in WENT_WELL)
        for text in self.viewpoint.notices():
            self.tell(text, failed=True)
        screen = self._in_front
        if screen is not None and screen.has_panes:
            screen.receive(self.picture)

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

    def repaint(self) -> None:
        """Paint everything anew."""
        self.refresh(layout=True)

    def delay_update(self, delay: float = 0.0) -> None:
        """Nothing: `switch_mode` asks for 50 ms without a paint, lest one see a screen that is not ready."""

    # -- places ----------------------------------------------------------------------------------------------------

    def go(self, place: str) -> None:
        """Go to a place. Before it is painted it has the picture of now in it and the size of the terminal."""
        if place == self.current_mode:
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
        else:
            self.push_screen(screen_of(name, *subject))

    def back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.go("home")

    def show_miner(self, hotkey: str) -> None:
        self.go("miners")
        self.screen.call_later(self._select_miner, hotkey)

    def _select_miner(self, hotkey: str) -> None:
        from console.screens.miners.screen import MinersScreen

        if isinstance(self.screen, MinersScreen):
            self.screen.select(hotkey)

    def do_nav_last(self) -> None:
        self.go(self._last_place)

    # -- actions ---------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str:
        action = ACTIONS[action_id]
        if action.is_for_the_engine and self.viewpoint.why_nothing_is_sent:
            return self.viewpoint.why_nothing_is_sent
        reason = action.why_not(self.viewpoint.known) or self._why_not_row(action)
        return reason or ("" if self._response(action) else "there is nothing here for it")

    def _why_not_row(self, action: Action) -> str:
        if action.why_not_row is None:
            return ""
        name = self._row_name(action)
        return action.why_not_row(self.engine.snapshot, name) if name else "nothing under the cursor to apply it to"

    def _row_name(self, action: Action) -> str:
        screen = self._in_front
        return screen.row_name(action.id) if screen is not None and action.why_not_row else ""

    def _response(self, action: Action) -> Callable[..., object] | None:
        """What an action does here, None when nothing responds to it.

        One that is neither data nor an order is a method of its name, `do_view_sort` for `view.sort`: of the focused
        widget, those around it, the screen, the app, or its travel through time.
        """
        if action.command is not None:
            return partial(self.submit, action.command)
        if action.order is not None:
            asked_of, order = self.engine.snapshot, action.order
            return lambda typed="": self.submit(order(asked_of, typed))
        if action.opens:
            return partial(self.open, action.opens)
        screen = self.screen if action.id in IN_DIALOGS else self._in_front or self.screen
        nodes: Iterable[DOMNode] = screen.focused.ancestors_with_self if screen.focused is not None else (screen, self)
        method = "do_" + action.id.replace(".", "_")
        return next((getattr(one, method) for one in (*nodes, self.travel) if hasattr(one, method)), None)

    def act(self, action_id: str) -> None:
        action = ACTIONS[action_id]
        respond, reason = self._response(action), self.why_not(action_id)
        if reason or respond is None:
            self.tell(f"{action.label}: {reason}", failed=True)
            return
        row = self._row_name(action)
        if action.level < Level.ASKED:
            _respond(respond, row)
        else:
            self.push_screen(
                ConfirmDialog(question(action, self.engine.snapshot, row)),
                lambda typed: None if typed is None else _respond(respond, row or typed),
            )
        self.pull()

    def action_act(self, action_id: str) -> None:
        """What keys are bound to."""
        self.act(action_id)

    def submit(self, command: AnyCommand) -> None:
        if not self.viewpoint.submit(command):
            self.tell(f"{command.name}: no engine listens", failed=True)

    def examination(self) -> Callable[[], Sequence[Result]]:
        """The doctor checks this machine and its settings; without settings, the folder of the record."""
        from console.doctor.examination import examine, examine_recording

        configuration, snapshot = self.configuration, self.engine.snapshot
        around: dict[str, Any] = {"environ": dict(os.environ), "size": self.size}
        if configuration is not None:
            return partial(examine, lambda: configuration, snapshot=snapshot, **around)
        if snapshot.replay is not None:
            return partial(examine_recording, snapshot, snapshot.replay, **around)
        return list

    # -- what opens over any screen --------------------------------------------------------------------------------

    def do_help(self) -> None:
        from console.screens.help.screen import HelpDialog

        if self._in_front is not None:
            self.push_screen(HelpDialog(self._in_front.NAME))

    def do_palette(self) -> None:
        self._open_palette()

    def do_time_at(self) -> None:
        self._open_palette("at ")

    def _open_palette(self, typed: str = "") -> None:
        from console.screens.palette.screen import PaletteDialog, take

        if self._in_front is not None:
            dialog = PaletteDialog(self._in_front.NAME, typed)
            self.push_screen(dialog, lambda chosen: None if chosen is None else take(chosen, self))

    def do_actions(self) -> None:
        """The actions of this screen that do something, each with the reason when it cannot be done."""
        if self._in_front is not None:
            found = [one for one in actions_of(self._in_front.NAME) if one.group in ("act", "take")]
            options = [Option(one.id, menu_line(one, self.keymap, self.why_not(one.id)), one.letter) for one in found]
            self.push_screen(ChoiceDialog("Actions", options), self._take)

    def _take(self, action_id: str | None) -> None:
        if action_id is not None:
            self.act(action_id)

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

    def do_theme_pick(self) -> None:
        from console.screens.theme_picker.screen import ThemeDialog

        self.push_screen(ThemeDialog())

    # -- what is taken along and remembered ------------------------------------------------------------------------

    def copy(self, text: str, what: str) -> None:
        if len(text.encode()) > CLIPBOARD_MOST:
            self.save("copied.txt", text, f"{what}, too long for the clipboard,")
        else:
            self.copy_to_clipboard(text)
            self.tell(f"{what} is in the clipboard, if the terminal allows it")

    def save(self, name: str, text: str, what: str) -> None:
        path = self._written(name, text)
        if path is not None:
            self.tell(f"{what} is in {path}")

    def do_export_screen(self) -> None:
        """The screen as a picture, and as text."""
        strips = self.screen._compositor.render_strips()
        text = self._written("screen.txt", "\n".join(strip.text.rstrip() for strip in strips) + "\n")
        svg = self._written("screen.svg", self.export_screenshot(title="subnet-console"))
        if text and svg:
            self.tell(f"the screen is in {svg} and {text.name}")

    def _written(self, name: str, text: str) -> Path | None:
        try:
            return written(self._folder, name, text)
        except (FolderError, OSError) as error:
            self.tell(f"cannot write {name}: {error}", failed=True)
            return None

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
            self.tell("the mouse is ours again" if on else "the mouse is the terminal's: select text with it")

    def do_app_redraw(self) -> None:
        self.repaint()

    def do_app_quit(self) -> None:
        """Back by one screen; from Home, ask how to leave. Without a running engine there is no choice."""
        if self.current_mode != "home" or len(self.screen_stack) > 1:
            self.back()
        elif self.picture.mode == "ended" or self.viewpoint.is_replay:
            self.leave(Ending.DONE)
        else:
            self.push_screen(
                ChoiceDialog("Leave", WAYS_OUT), lambda way: self.leave(ENDINGS[way]) if way in ENDINGS else None
            )

    def do_app_interrupt(self) -> None:
        """The first time as `q`, the second time stop all."""
        now = time.monotonic()
        if now - self._interrupted_at < TWICE_S:
            self.leave(Ending.STOP)
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
        """What broke the screen."""
        return self._exception

    def _handle_exception(self, error: Exception) -> None:
        """Leave with the error, which is reported without the values of variables.

        Once the screen is being left, Textual puts nothing on it any more: what then misses its panes is no fault.
        """
        if self._exit:
            log.info("a screen was left before it was there", exc_info=error)
            return
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()


def _respond(respond: Callable[..., object], about: str) -> None:
    """Take an action, about a row or what was typed where there is either."""
    respond(*filter(None, [about]))
