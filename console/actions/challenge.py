"""Actions of one recorded round."""

from functools import partial

from console.actions.action import Action

_time = partial(Action, context="challenge", group="go")
_view = partial(Action, context="challenge", group="view")

ACTIONS = (
    _time(
        id="time.back",
        keys=("[",),
        label="older",
        about="Show the round before this one, from the store.",
        footer=3,
    ),
    _time(
        id="time.forward",
        keys=("]",),
        label="newer",
        about="Show the round after this one.",
        footer=4,
    ),
    _time(id="time.back_ten", keys=("{",), label="ten older", about="Go back ten rounds."),
    _time(id="time.forward_ten", keys=("}",), label="ten newer", about="Go forward ten rounds."),
    _time(id="time.live", keys=(), label="live", about="Show the newest round, and each new one as it comes."),
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
