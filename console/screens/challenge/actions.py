"""Actions of one recorded round."""

from functools import partial

from console.actions.action import Action, Context

_view = partial(Action, group="view")

ACTIONS = Context(
    "In a challenge",
    (
        _view(
            id="cluster.next",
            keys=("c",),
            label="cluster",
            about="Show only the replies of the next cluster, then all again.",
            footer=5,
        ),
        _view(
            id="cluster.previous",
            keys=("C",),
            label="previous cluster",
            about="Show only the replies of the previous cluster.",
        ),
        _view(
            id="pane.next",
            keys=("s",),
            label="see more",
            about="Switch between reply, question, likeness and map where there is no room for all of them.",
            footer=6,
        ),
        _view(
            id="reply.diff",
            keys=("d",),
            label="diff A/B",
            about="Compare two answers word by word: those marked, else the best of the two largest clusters.",
            footer=8,
        ),
        Action(
            id="export.round",
            keys=("E",),
            label="picture",
            about="Save the likeness and the map of this round as a picture (SVG).",
            group="take",
        ),
        _view(id="view.wrap", keys=("w",), label="wrap", about="Wrap or cut long lines of an answer.", footer=7),
    ),
)
