"""Who carries out an action: the first of the focused widget, those around it, the screen and the app that can.

A responder of the action `view.sort` is a method named `do_view_sort`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from textual.dom import DOMNode
from textual.screen import Screen


def responder(screen: Screen[Any], action_id: str) -> Callable[[], object] | None:
    """The method for an action, None when nothing on this screen takes it."""
    name = "do_" + action_id.replace(".", "_")
    return next((getattr(node, name) for node in _chain(screen) if hasattr(node, name)), None)


def _chain(screen: Screen[Any]) -> Iterable[DOMNode]:
    return screen.focused.ancestors_with_self if screen.focused is not None else (screen, screen.app)
