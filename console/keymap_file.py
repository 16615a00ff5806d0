"""The operator's own keys.

The file is TOML, `keymap.toml` beside the configuration: `"view.filter" = ["f", "/"]`, or `[]` for no key at all.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import msgspec

from console.errors import ConsoleError
from console.screens.keymap import Keymap
from console.screens.registry import ACTIONS
from engine.folders import config_home
from engine.settings import SettingsError, read_toml

RESERVED = {
    "ctrl+a": "it is the prefix of screen",
    "ctrl+b": "it is the prefix of tmux",
    "ctrl+h": "terminals send it for backspace",
    "ctrl+i": "terminals send it for tab",
    "ctrl+j": "terminals send it for enter",
    "ctrl+m": "terminals send it for enter",
    "ctrl+left_square_bracket": "terminals send it for escape",
    "ctrl+q": "terminals use it for flow control",
    "ctrl+s": "terminals use it for flow control",
    "ctrl+z": "it would stop the engine, too",
    "alt+enter": "desktops reserve it",
    "f11": "desktops reserve it",
}
"""Keys that do not reach the program on every system."""

FIXED = frozenset({"nav.back", "dialog.cancel"})
"""Actions that keep their keys, so that the way out is always the same."""


def keymap_path() -> Path:
    """Where the operator's own keys are read from."""
    return config_home() / "keymap.toml"


def read_keymap(path: Path) -> Keymap:
    """The default keys with the changes of a file, if there is one. Raises ConsoleError."""
    try:
        changed = msgspec.convert(read_toml(path), dict[str, tuple[str, ...]])
    except FileNotFoundError:
        return Keymap()
    except SettingsError as error:
        raise ConsoleError(str(error)) from error
    except msgspec.ValidationError as error:
        raise ConsoleError(
            f'{path}: each line is an action and its keys, as in "view.filter" = ["/"]: {error}'
        ) from error
    keymap = Keymap(changed)
    problem = next(_problems(keymap), None)
    if problem:
        raise ConsoleError(f"{path}: {problem}")
    return keymap


def _problems(keymap: Keymap) -> Iterator[str]:
    for action_id, keys in keymap.changed.items():
        if action_id not in ACTIONS:
            near = get_close_matches(action_id, ACTIONS, 1)
            yield f"there is no action {action_id!r}" + (f", did you mean {near[0]!r}?" if near else "")
        elif action_id in FIXED:
            yield f"{action_id} keeps its key, so that there is always a way out"
        for key in keys:
            if key in RESERVED:
                yield f"{action_id} cannot have {key!r}: {RESERVED[key]}"
    if all(action_id in ACTIONS for action_id in keymap.changed):
        yield from keymap.conflicts()
