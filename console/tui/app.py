"""The application: wires an engine, the screens and the registry of actions together, and nothing else."""

import logging
import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from console.garbage import SETTLED_S, go_on, leave_alone_what_stays
from console.present.picture import Picture
from console.present.table import Table, View
from console.screens.action import Action
from console.screens.keymap import Keymap
from console.screens.logs.content import LogLook
from console.screens.registry import ACTIONS, IN_DIALOGS
from console.tui.driver import OperatorDriver
from console.tui.ending import Ending
from console.tui.leaving import Leaving
from console.tui.memory import Memory, keep, recall
from console.tui.responders import responder
from console.tui.screens.base import ConsoleScreen, in_front
from console.tui.takeaway import Takeaway
from console.tui.travel import TimeTravel
from console.tui.viewing import Viewing
from engine.commands import AnyCommand
from engine.doors import Engine
from engine.settings import Configuration
from engine.snapshot import Snapshot

if TYPE_CHECKING:
    from console.record.player import Player
    from console.tui.overlays import Overlays

log = logging.getLogger(__name__)

PULL_S = 0.25
WENT_WELL = ("ok", "committed", "applied")
"""Outcomes that need no warning."""


class ConsoleApp(TimeTravel, inherit_bindings=False):
    """The screen of one engine, or of its `past`. It ends with the reason why.

    `begin` is called with the first frame on the terminal, so that what it loads does not hold that up.
    """

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False

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
        self._memory_file = memory
        super().__init__(self.memory.theme, driver_class=OperatorDriver)
        self.engine = engine
        self.keymap = keymap
        self.terminal = terminal
        self.configuration = configuration
        self.takeaway = Takeaway(self, folder)
        self.animation_level = "none"
        self.viewing = Viewing(engine, clock, past)
        self._begin = begin
        self._leaving = Leaving(self)
        self._asked_to_leave: Ending | None = None

    # -- pictures --------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if self._asked_to_leave is not None:
            self.leave(self._asked_to_leave)
        self.set_keymap({action_id: ",".join(keys) for action_id, keys in self.keymap.changed.items()})
        self.set_interval(PULL_S, self.pull)
        self.set_timer(SETTLED_S, leave_alone_what_stays)
        if self.memory.place in self.MODES:
            self.go(self.memory.place)

    def on_ready(self) -> None:
        self.call_after_refresh(self._go_on)

    def _go_on(self) -> None:
        """With the first frame on the terminal."""
        go_on()
        self._begin()

    @property
    def picture(self) -> Picture:
        """What is to be seen now."""
        return self.viewing.picture

    def pull(self) -> None:
        """Show the present to the screen in front."""
        if self._exit or not self.is_running:
            return
        if self.engine.state == "failed":
            self.leave(Ending.DONE)
        for event in self.viewing.answers():
            outcome = f"{event.fields['command']}: {event.fields['outcome']} {event.fields['reason']}"
            self.tell(outcome.strip(), failed=event.fields["outcome"] not in WENT_WELL)
        for text in self.viewing.notices():
            self.tell(text, failed=True)
        screen = self._console_screen
        if screen is not None and screen.has_panes:
            screen.receive(self.picture)

    @property
    def _console_screen(self) -> ConsoleScreen | None:
        """The screen in front, dialogs left aside."""
        return in_front(self.screen_stack)

    def tell(self, text: str, *, failed: bool = False) -> None:
        """A message that goes away by itself."""
        self.notify(text, severity="warning" if failed else "information", markup=False)

    def repaint(self) -> None:
        """Paint everything anew."""
        self.refresh(layout=True)

    @cached_property
    def _overlays(self) -> "Overlays":
        from console.tui.overlays import Overlays

        return Overlays(self)

    # -- actions ---------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str:
        """Why an action cannot be taken now; "" when it can."""
        action = ACTIONS[action_id]
        if action.is_for_the_engine and self.viewing.why_nothing_is_sent:
            return self.viewing.why_nothing_is_sent
        reason = action.why_not(self.viewing.known) or self._why_not_row(action)
        return reason or ("" if self._response(action) else "there is nothing here for it")

    def _why_not_row(self, action: Action) -> str:
        """Why an action on a row cannot be taken on the one under the cursor."""
        if action.why_not_row is None:
            return ""
        name = self._row_name(action)
        return action.why_not_row(self.engine.snapshot, name) if name else "nothing under the cursor to apply it to"

    def _row_name(self, action: Action) -> str:
        screen = self._console_screen
        return screen.row_name(action.id) if screen is not None and action.why_not_row else ""

    def _response(self, action: Action) -> Callable[..., object] | None:
        """What an action does here, None when nothing responds to it."""
        if action.command is not None:
            return partial(self.submit, action.command)
        if action.order is not None:
            return partial(self._order, action.order, self.engine.snapshot)
        if action.opens:
            return partial(self.open, action.opens)
        behind = None if action.id in IN_DIALOGS else self._console_screen
        return responder(behind or self.screen, action.id)

    def act(self, action_id: str) -> None:
        """Take an action of the registry, after a question when it is one that matters, or say why not."""
        action = ACTIONS[action_id]
        respond, reason = self._response(action), self.why_not(action_id)
        if reason or respond is None:
            self.tell(f"{action.label}: {reason}", failed=True)
        else:
            self._overlays.confirm(action, respond, self._row_name(action))
            self.pull()

    def action_act(self, action_id: str) -> None:
        """What keys are bound to."""
        self.act(action_id)

    def submit(self, command: AnyCommand) -> None:
        """Hand a command to the engine; its outcome is told when it comes."""
        if not self.viewing.submit(command):
            self.tell(f"{command.name}: no engine listens", failed=True)

    def _order(self, order: Callable[[Snapshot, str], AnyCommand], asked_of: Snapshot, typed: str = "") -> None:
        self.submit(order(asked_of, typed))

    # -- places ----------------------------------------------------------------------------------------------------

    def go_to_miner(self, hotkey: str) -> None:
        """Put the cursor of Miners on one of them."""
        self.go("miners")
        self.screen.call_later(self._select_miner, hotkey)

    def _select_miner(self, hotkey: str) -> None:
        from console.tui.screens.miners import MinersScreen

        if isinstance(self.screen, MinersScreen):
            self.screen.select(hotkey)

    # -- what every screen can do ----------------------------------------------------------------------------------

    def do_help(self) -> None:
        if self._console_screen is not None:
            self._overlays.help(self._console_screen)

    def do_actions(self) -> None:
        if self._console_screen is not None:
            self._overlays.actions(self._console_screen)

    def open_palette(self, typed: str = "") -> None:
        if self._console_screen is not None:
            self._overlays.palette(self._console_screen, typed)

    def do_palette(self) -> None:
        self.open_palette()

    def do_theme_pick(self) -> None:
        self._overlays.themes()

    def do_view_pause(self) -> None:
        self.viewing.toggle_pause()

    def do_export_screen(self) -> None:
        self.takeaway.picture()

    def do_app_mouse(self) -> None:
        if isinstance(self._driver, OperatorDriver):
            on = self._driver.toggle_mouse()
            self.tell("the mouse is ours again" if on else "the mouse is the terminal's: select text with it")

    def do_app_redraw(self) -> None:
        self.repaint()

    # -- leaving ---------------------------------------------------------------------------------------------------

    def do_app_quit(self) -> None:
        self._leaving.quit()

    def do_app_interrupt(self) -> None:
        self._leaving.interrupt()

    def leave(self, ending: Ending) -> None:
        """End the screen. The first reason counts."""
        if self._exit:
            return
        if self._memory_file is not None:
            keep(self._memory_file, replace(self.memory, place=self.current_mode, theme=self.theme))
        self.exit(ending)

    def remember(self, table: Table[Any], view: View) -> None:
        """Look at this table the same way in the next run."""
        self.memory = replace(self.memory, views={**self.memory.views, table.name: view})

    def remember_log(self, look: LogLook) -> None:
        """Look at the log the same way in the next run; what was searched for is not kept."""
        self.memory = replace(self.memory, log=replace(look, find=""))

    def leave_soon(self, ending: Ending) -> None:
        """End the screen, from a signal handler or another thread, even before it has begun."""
        self._asked_to_leave = ending
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.leave, ending)

    # -- the app's own affairs -------------------------------------------------------------------------------------

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
