"""The registry in words: the help overlay, and the lines of menus."""

from collections.abc import Iterable

from console.actions.action import GROUPS, Action
from console.present.text import BLANK, Line, Span, fit, line, wrapped
from console.screens.keymap import Keymap

KEYS = 12
LABEL = 19
MENU_KEYS = 6
MENU_LABEL = 20
LETTERED_LABEL = 11
"""The columns of keys and labels, in the help and in the menu."""


def help_lines(actions: Iterable[Action], keymap: Keymap, width: int, find: str = "") -> list[Line]:
    """Keys, and a sentence about what they do, by group; only what holds the words of `find`."""
    words = find.casefold().split()
    found = [action for action in actions if all(word in _haystack(action, keymap) for word in words)]
    lines: list[Line] = []
    for group, title in GROUPS.items():
        members = [action for action in found if action.group == group]
        if members:
            lines += [BLANK] if lines else []
            lines.append(line(Span(title, "title")))
            lines += [row for action in members for row in _explained(action, keymap, width)]
    return lines or [line(Span("no match", "muted"))]


def _haystack(action: Action, keymap: Keymap) -> str:
    return f"{action.id} {action.label} {action.about} {keymap.all_shown(action.id)}".casefold()


def _explained(action: Action, keymap: Keymap, width: int) -> list[Line]:
    keys = keymap.all_shown(action.id) or f"x {action.letter}"
    first, *more = wrapped(action.about, width - KEYS - 1)
    return [line(Span(fit(keys, KEYS), "key"), f" {first}"), *(line(f"{'':{KEYS}} {piece}") for piece in more)]


def choice(action: Action, keymap: Keymap, reason: str) -> Line:
    """An action as one line of the palette: its key, its name, and why it cannot be taken."""
    return _choice(action, keymap, reason, KEYS, LABEL)


def menu_line(action: Action, keymap: Keymap, reason: str) -> Line:
    """The same for the menu on `x`, with more room for the reason."""
    return _choice(action, keymap, reason, MENU_KEYS, MENU_LABEL)


def _choice(action: Action, keymap: Keymap, reason: str, keys: int, names: int) -> Line:
    key = Span(fit(keymap.shown(action.id) or action.letter, keys), "muted" if reason else "key")
    label = fit(action.label, names)
    if reason:
        return line(key, Span(f"{label} ✗ {reason}", "muted"))
    return line(key, label, Span(f" {action.about}", "muted"))


def lettered(action: Action, reason: str) -> Line:
    """An action of the menu in few words: its letter, its name, and why it cannot be taken."""
    if reason:
        return line(Span(f"{action.letter} {action.label:{LETTERED_LABEL}} ✗ {reason}", "muted"))
    return line(Span(f"{action.letter} ", "key"), action.label)
