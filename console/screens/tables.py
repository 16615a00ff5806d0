"""What can be done with every live table."""

from functools import partial

from console.screens.action import Action

_table = partial(Action, context="table")

ACTIONS = (
    _table(
        id="view.filter",
        keys=("/",),
        label="filter",
        about="Show only some rows: words, !word, uid:88, state:stale, ema:>0.5.",
        group="find",
        footer=10,
    ),
    _table(id="view.sort", keys=("o",), label="sort", about="Choose the column to sort by.", group="view", footer=11),
    _table(id="view.reverse", keys=("O",), label="reverse", about="Turn the order around.", group="view"),
    _table(id="view.sort_next", keys=(">",), label="sort by next", about="Sort by the next column.", group="view"),
    _table(
        id="view.sort_previous", keys=("<",), label="sort by previous", about="Sort by the column before.", group="view"
    ),
    _table(id="view.columns", keys=("v",), label="columns", about="Choose which columns are shown.", group="view"),
    _table(
        id="mark.toggle", keys=("space",), label="mark", about="Mark this row, or take its mark away.", group="take"
    ),
    _table(id="copy.row", keys=("Y",), label="copy row", about="Copy this row, or the marked ones.", group="take"),
    _table(id="copy.cell", keys=("y",), label="copy name", about="Copy what this row is called.", group="take"),
    _table(
        id="export.view",
        keys=("e",),
        label="export",
        about="Write exactly what the table shows, or the marked rows, as a CSV file.",
        group="take",
        footer=21,
    ),
)
