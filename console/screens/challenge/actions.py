"""Actions of one recorded round."""

from functools import partial

from console.screens.action import Action

_view = partial(Action, context="challenge", group="view")

ACTIONS = (
    _view(
        id="cluster.next",
        keys=("c",),
        label="cluster",
        about="Show only the replies of the next cluster, then all again.",
        footer=5,
    ),
    _view(id="cluster.previous", keys=("C",), label="cluster before", about="Show only those of the cluster before."),
    _view(
        id="pane.next",
        keys=("s",),
        label="see more",
        about="Show the next of reply, question, likeness and map, where there is no room for all.",
        footer=6,
    ),
    _view(
        id="reply.diff",
        keys=("d",),
        label="diff A/B",
        about="Compare two answers word by word: those marked with space, else the best of the two largest clusters.",
        footer=8,
    ),
    Action(
        id="export.round",
        keys=("E",),
        label="picture",
        about="Write likeness and map of this round as a picture (SVG).",
        context="challenge",
        group="take",
    ),
    _view(id="view.wrap", keys=("w",), label="wrap", about="Break long lines of an answer, or cut them.", footer=7),
)
