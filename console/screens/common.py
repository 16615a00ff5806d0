"""Actions that no single screen owns: everywhere, through time, in lists, in tables, in dialogs."""

from functools import partial

from console.actions.action import Action, Context, Level
from engine.commands import Pause, Resume
from engine.snapshot import Snapshot


def _not_for_a_miner(snapshot: Snapshot) -> str:
    return "a miner sends no challenges" if snapshot.role == "miner" else ""


def _unless_paused(snapshot: Snapshot) -> str:
    return _not_for_a_miner(snapshot) or ("challenges are already paused" if snapshot.paused else "")


def _unless_asking(snapshot: Snapshot) -> str:
    return _not_for_a_miner(snapshot) or ("" if snapshot.paused else "challenges are not paused")


def _needs_rounds(snapshot: Snapshot) -> str:
    return "a miner records no rounds" if snapshot.role == "miner" else ""


def _in_the_past(snapshot: Snapshot) -> str:
    return "" if snapshot.replay else "this is the present: go back a round first"


EVERYWHERE = Context(
    "On every screen",
    (
        Action(id="help", keys=("?", "f1"), label="help", about="Show the keys of this screen.", group="app", footer=1),
        Action(
            id="palette",
            keys=(":", "ctrl+p"),
            label="command",
            about="Find any action by name, or type a command.",
            group="app",
            footer=2,
        ),
        Action(
            id="actions",
            keys=("x",),
            label="actions",
            about="Show what can be done here, and why other actions cannot.",
            group="find",
            footer=30,
        ),
        Action(
            id="nav.back",
            keys=("escape",),
            label="back",
            about="Clear the filter, then the marks, then the zoom; then go back.",
            group="go",
        ),
        Action(
            id="nav.last", keys=("-",), label="last screen", about="Go back to the screen before this one.", group="go"
        ),
        Action(id="focus.next", keys=("tab",), label="next pane", about="Go to the next pane.", group="move"),
        Action(
            id="focus.previous",
            keys=("shift+tab",),
            label="previous pane",
            about="Go to the previous pane.",
            group="move",
        ),
        Action(
            id="view.pause",
            keys=("p",),
            label="pause",
            about="Freeze the picture; the engine keeps running.",
            group="view",
            footer=35,
        ),
        Action(
            id="view.zoom",
            keys=("z",),
            label="zoom",
            about="Maximize this pane, or restore it.",
            group="view",
        ),
        Action(
            id="log.drawer", keys=("L",), label="log", about="Show or hide the log under this screen.", group="view"
        ),
        Action(
            id="theme.pick", keys=("T",), label="theme", about="Choose a theme, with a preview.", group="app", footer=60
        ),
        Action(
            id="app.mouse",
            keys=("m",),
            label="mouse",
            about="Release the mouse to the terminal, to select text with it, or capture it again.",
            group="app",
        ),
        Action(
            id="export.screen",
            keys=("S",),
            label="picture of screen",
            about="Save the screen as a picture (SVG) and as text.",
            group="take",
        ),
        Action(
            id="app.quit",
            keys=("q",),
            label="quit…",
            about="Go back; on Home, quit.",
            group="app",
            footer=90,
        ),
        Action(
            id="engine.pause",
            label="pause challenges",
            about="Stop sending challenges; the round in flight is finished.",
            group="act",
            level=Level.TOLD,
            why_not=_unless_paused,
            letter="p",
            command=Pause(),
        ),
        Action(
            id="engine.resume",
            label="resume challenges",
            about="Start sending challenges again.",
            group="act",
            level=Level.TOLD,
            why_not=_unless_asking,
            letter="r",
            command=Resume(),
        ),
    ),
)

ALWAYS = Context(
    EVERYWHERE.heading,
    (
        Action(
            id="app.redraw", keys=("ctrl+l", "ctrl+r"), label="redraw", about="Repaint the whole screen.", group="app"
        ),
        Action(
            id="app.interrupt",
            keys=("ctrl+c",),
            label="interrupt",
            about="Same as q; pressed twice, stop the engine and quit.",
            group="app",
        ),
    ),
)
"""Also while a dialog is open."""

STRIDE = 10
"""Rounds of a longer step through time."""

_step = partial(Action, group="time", why_not=_needs_rounds)

TIME = Context(
    "Through time",
    (
        _step(id="time.back", keys=("[",), label="older", about="Show everything as of one recorded round earlier."),
        _step(id="time.forward", keys=("]",), label="newer", about="Show everything as of one recorded round later."),
        _step(id="time.back_ten", keys=("{",), label="ten older", about="Go back ten rounds."),
        _step(id="time.forward_ten", keys=("}",), label="ten newer", about="Go forward ten rounds."),
        _step(id="time.first", keys=("(",), label="first", about="Go to the first recorded round."),
        _step(id="time.last", keys=(")",), label="last", about="Go to the last recorded round."),
        _step(id="time.at", label="at…", about="Go to an instant, as in :at 14:05 or :at -10m."),
        _step(id="time.live", label="live", about="Back to the present; in a replay, to the last round."),
        Action(
            id="time.play",
            keys=(".",),
            label="play",
            about="Play the recorded rounds one after another, or stop.",
            group="time",
            why_not=_in_the_past,
        ),
        Action(
            id="time.pace",
            keys=("+",),
            label="pace",
            about="Play at 1x, 4x, 16x or max.",
            group="time",
            why_not=_in_the_past,
        ),
    ),
)

_move = partial(Action, group="move")

LISTS = Context(
    "In lists, tables and texts",
    (
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
        _move(id="nav.open", keys=("enter",), label="open", about="Open what is under the cursor.", footer=20),
    ),
)

TABLES = Context(
    "In tables",
    (
        Action(
            id="view.filter",
            keys=("/",),
            label="filter",
            about="Filter the rows: words, !word, uid:88, state:stale, ema:>0.5.",
            group="find",
            footer=10,
        ),
        Action(
            id="view.sort", keys=("o",), label="sort", about="Choose the column to sort by.", group="view", footer=11
        ),
        Action(id="view.reverse", keys=("O",), label="reverse", about="Reverse the order.", group="view"),
        Action(id="view.sort_next", keys=(">",), label="sort by next", about="Sort by the next column.", group="view"),
        Action(
            id="view.sort_previous",
            keys=("<",),
            label="sort by previous",
            about="Sort by the previous column.",
            group="view",
        ),
        Action(id="view.columns", keys=("v",), label="columns", about="Choose which columns are shown.", group="view"),
        Action(id="mark.toggle", keys=("space",), label="mark", about="Mark or unmark this row.", group="take"),
        Action(
            id="copy.row",
            keys=("Y",),
            label="copy row",
            about="Copy this row or the marked ones as JSON.",
            group="take",
        ),
        Action(id="copy.cell", keys=("y",), label="copy name", about="Copy the name of this row.", group="take"),
        Action(
            id="export.view",
            keys=("e",),
            label="export",
            about="Save the values of what the table shows, or of the marked rows, as a CSV file.",
            group="take",
            footer=21,
        ),
    ),
)

_dialog = partial(Action, group="app")

DIALOGS = Context(
    "In dialogs",
    (
        _dialog(id="dialog.cancel", keys=("escape", "q"), label="cancel", about="Close without changing anything."),
        _dialog(id="dialog.next", keys=("tab",), label="next", about="Go to the next field or button."),
        _dialog(
            id="dialog.previous", keys=("shift+tab",), label="previous", about="Go to the previous field or button."
        ),
    ),
)
