"""Moving in lists, tables and texts, as in vi; and what dialogs understand."""

from functools import partial

from console.screens.action import Action

_move = partial(Action, context="list", group="move")
_dialog = partial(Action, context="dialog", group="app")

ACTIONS = (
    _move(id="nav.down", keys=("j", "down"), label="down", about="Go down a row."),
    _move(id="nav.up", keys=("k", "up"), label="up", about="Go up a row."),
    _move(id="nav.top", keys=("g", "home"), label="top", about="Go to the first row."),
    _move(id="nav.bottom", keys=("G", "end"), label="bottom", about="Go to the last row."),
    _move(id="nav.half_down", keys=("ctrl+d",), label="half a page down", about="Go down half a page."),
    _move(id="nav.half_up", keys=("ctrl+u",), label="half a page up", about="Go up half a page."),
    _move(id="nav.page_down", keys=("pagedown",), label="page down", about="Go down a page."),
    _move(id="nav.page_up", keys=("pageup",), label="page up", about="Go up a page."),
    _move(id="nav.right", keys=("l", "right"), label="right", about="Show the columns further right."),
    _move(id="nav.left", keys=("h", "left"), label="left", about="Show the columns further left."),
    _move(id="nav.open", keys=("enter",), label="open", about="Open what the cursor is on.", footer=20),
    _dialog(id="dialog.cancel", keys=("escape", "q"), label="cancel", about="Close and change nothing."),
    _dialog(id="dialog.next", keys=("tab",), label="next", about="Go to the next field or button."),
    _dialog(id="dialog.previous", keys=("shift+tab",), label="previous", about="Go to the field or button before."),
)
