"""Who carries out an action, and why nobody can now."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from textual.app import App
from textual.dom import DOMNode

from console.actions.action import Action, Level, confirmation
from console.screens.base import ConsoleScreen, in_front
from console.screens.dialogs import ConfirmDialog
from console.screens.host import Host
from console.screens.registry import ACTIONS, IN_DIALOGS
from console.tui.viewpoint import Viewpoint
from engine.commands import AnyCommand, unlocked
from engine.snapshot import Snapshot

Response = Callable[..., object]
"""Takes the name of the row that an action is about, or what was typed, if there is either."""


class Responses:
    """The actions of an app. `parts` of it respond where no widget and no screen does."""

    def __init__(self, app: App[Any], viewpoint: Viewpoint, parts: Sequence[object]) -> None:
        self._app = app
        self._host = cast(Host, app)
        self._viewpoint = viewpoint
        self._parts = parts

    def why_not(self, action_id: str) -> str:
        """Why an action cannot be taken now; "" when it can."""
        action = ACTIONS[action_id]
        if action.is_for_the_engine and self._viewpoint.why_nothing_is_sent:
            return self._viewpoint.why_nothing_is_sent
        reason = action.why_not(self._viewpoint.known) or self._why_not_row(action)
        return reason or ("" if self._response(action) else "not available here")

    def act(self, action_id: str) -> None:
        """Take an action, after its question if it has one, or say why not."""
        action = ACTIONS[action_id]
        respond, reason = self._response(action), self.why_not(action_id)
        if reason or respond is None:
            self._host.tell(f"{action.label}: {self._all_reasons(action, reason)}", failed=True)
            return
        row = self._row(action)
        if action.level < Level.ASKED:
            respond(*filter(None, [row]))
        else:
            asked = confirmation(action, self._host.engine.snapshot, row)
            self._app.push_screen(ConfirmDialog(asked), partial(_go_on, respond, row))
        self._host.pull()

    def _all_reasons(self, action: Action, first: str) -> str:
        """Every reason against an action, if the first is one of its own."""
        known = tuple(action.obstacles(self._viewpoint.known, "")) if action.obstacles else ()
        return "; ".join(known) if first in known else first

    @property
    def _screen(self) -> ConsoleScreen | None:
        return in_front(self._app.screen_stack)

    def _row(self, action: Action) -> str:
        """The name of the row under the cursor, for an action that is about one."""
        return self._screen.row_name(action.id) if self._screen is not None and action.why_not_row else ""

    def _why_not_row(self, action: Action) -> str:
        if action.why_not_row is None:
            return ""
        row, snapshot = self._row(action), self._host.engine.snapshot
        if row:
            return action.why_not_row(snapshot, row)
        return self._screen.no_row(action.id) if self._screen is not None else "there is no screen to apply it to"

    def _response(self, action: Action) -> Response | None:
        """What an action does here, None when nothing responds to it."""
        if action.command is not None:
            return partial(self._host.submit, action.command)
        if action.order is not None:
            return partial(self._order, action.order, self._host.engine.snapshot)
        if action.opens:
            return partial(self._host.open, action.opens)
        method = "do_" + action.id.replace(".", "_")
        return next((getattr(one, method) for one in self._responders(action) if hasattr(one, method)), None)

    def _responders(self, action: Action) -> Iterable[object]:
        """The focused widget, those around it, the screen, the app, and its parts."""
        screen = self._app.screen if action.id in IN_DIALOGS else self._screen or self._app.screen
        nodes: Iterable[DOMNode] = (screen, self._app)
        if screen.focused is not None:
            nodes = screen.focused.ancestors_with_self
        return (*nodes, *self._parts)

    def _order(
        self, order: Callable[[Snapshot, str], AnyCommand], asked_of: Snapshot, answer: str = "", password: str = ""
    ) -> None:
        """Have the engine do what `order` makes of the snapshot that the question was asked of, and of the answer."""
        self._host.submit(unlocked(order(asked_of, answer), password))


def _go_on(respond: Response, row: str, answer: tuple[str, str] | None) -> None:
    """With the answer to a question, None for no."""
    if answer is not None:
        typed, password = answer
        respond(*filter(None, [row or typed]), **({"password": password} if password else {}))
