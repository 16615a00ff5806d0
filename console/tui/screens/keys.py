"""The registry's keys as Textual's bindings."""

from textual.binding import Binding

from console.screens.registry import actions_of


def bindings_of(screen: str) -> list[Binding]:
    """The keys of a screen. A keymap changes them by the action's id, which is also the binding's."""
    return [
        Binding(",".join(action.keys), f"app.act({action.id!r})", action.label, id=action.id, show=False)
        for action in actions_of(screen)
        if action.keys
    ]
