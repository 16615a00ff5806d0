"""Actions on the log, and the one that shows it over any screen."""

from functools import partial

from console.screens.action import Action

_log = partial(Action, context="logs")

ACTIONS = (
    Action(
        id="log.drawer",
        keys=("L",),
        label="log",
        about="Show the log under this screen, or take it away.",
        group="view",
        context="everywhere",
    ),
    _log(
        id="log.follow",
        keys=("f",),
        label="follow",
        about="Stay at the newest record, or stand still.",
        group="view",
        footer=3,
    ),
    _log(id="log.find", keys=("/",), label="find", about="Find a word in the log.", group="find", footer=4),
    _log(id="log.find_next", keys=("n",), label="next", about="Go to the next record found.", group="find", footer=5),
    _log(
        id="log.find_previous",
        keys=("N",),
        label="previous",
        about="Go to the record found before this one.",
        group="find",
    ),
    _log(
        id="log.level",
        keys=("v",),
        label="level",
        about="Show only records of the next higher level and above, then all again.",
        group="view",
        footer=6,
    ),
    _log(id="log.source", keys=("s",), label="source", about="Show only what one part says.", group="view", footer=7),
    _log(id="log.wrap", keys=("w",), label="wrap", about="Break long lines, or cut them.", group="view", footer=8),
    _log(
        id="log.fold_all",
        keys=("t",),
        label="fold",
        about="Fold all tracebacks, or open them.",
        group="view",
    ),
    _log(id="log.copy", keys=("y",), label="copy", about="Copy this record as text.", group="take"),
    _log(id="log.copy_json", keys=("Y",), label="copy JSON", about="Copy this record as JSON.", group="take"),
    _log(
        id="log.save",
        keys=("e",),
        label="save",
        about="Write the records that are shown into a file.",
        group="take",
        footer=40,
    ),
)
