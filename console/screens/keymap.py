"""Which keys do what: the usual ones, and those that an operator put in their place."""

from collections.abc import Iterator, Mapping

from console.screens.registry import ACTIONS, DIALOG, SCREENS, actions_of

SHOWN = {
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


class Keymap:
    """The keys of each action."""

    def __init__(self, changed: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.changed = dict(changed or {})

    def keys(self, action_id: str) -> tuple[str, ...]:
        """The keys of an action, changed or not."""
        return self.changed.get(action_id, ACTIONS[action_id].keys)

    def shown(self, action_id: str) -> str:
        """The first key as people write it; "" without one."""
        keys = self.keys(action_id)
        return SHOWN.get(keys[0], keys[0]) if keys else ""

    def all_shown(self, action_id: str) -> str:
        """All keys of an action as people write them."""
        return " ".join(SHOWN.get(key, key) for key in self.keys(action_id))

    def conflicts(self) -> Iterator[str]:
        """One sentence for each key that means two things on one screen."""
        told: set[tuple[str, str, str]] = set()
        for screen in (*SCREENS, DIALOG):
            taken: dict[str, str] = {}
            for action in actions_of(screen):
                for key in self.keys(action.id):
                    other = taken.setdefault(key, action.id)
                    if other != action.id and (key, other, action.id) not in told:
                        told.add((key, other, action.id))
                        yield f"key {key!r} means both {other} and {action.id}"
