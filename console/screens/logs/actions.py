"""Actions of Logs."""

from functools import partial

from console.actions.action import Action, Context

_view = partial(Action, group="view")
_find = partial(Action, group="find")
_take = partial(Action, group="take")

ACTIONS = Context(
    "On Logs",
    (
        _view(
            id="log.follow",
            keys=("f",),
            label="follow",
            about="Follow the newest record, or stop following.",
            footer=3,
        ),
        _find(id="log.find", keys=("/",), label="find", about="Search the log.", footer=4),
        _find(id="log.find_next", keys=("n",), label="next", about="Go to the next match.", footer=5),
        _find(id="log.find_previous", keys=("N",), label="previous", about="Go to the previous match."),
        _view(
            id="log.level",
            keys=("v",),
            label="level",
            about="Raise the lowest level that is shown; after ERROR, show all again.",
            footer=6,
        ),
        _view(id="log.source", keys=("s",), label="source", about="Show the records of one source only.", footer=7),
        _view(id="log.wrap", keys=("w",), label="wrap", about="Wrap or cut long lines.", footer=8),
        _view(id="log.fold_all", keys=("t",), label="fold", about="Fold or unfold all tracebacks."),
        _take(id="log.copy", keys=("y",), label="copy", about="Copy this record as text."),
        _take(id="log.copy_json", keys=("Y",), label="copy JSON", about="Copy this record as JSON."),
        _take(id="log.save", keys=("e",), label="save", about="Save the records that are shown to a file.", footer=40),
    ),
)
