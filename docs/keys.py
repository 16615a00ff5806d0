"""Writes docs/keys.md, the table of all keys, from the registry of actions: `.venv/bin/python docs/keys.py`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from console.actions.action import Action
from console.screens.keymap import Keymap
from console.screens.registry import CONTEXTS

PAGE = Path(__file__).with_name("keys.md")

HEAD = """\
# Keys

Generated from the registry of actions by `docs/keys.py`. `?` shows the keys of the screen in front, `:` finds any
action by name, and `x` lists what can be done here, with the reason for what cannot.

A file `keymap.toml` in `~/.config/subnet-console` rebinds actions, by their names in the last column:

```toml
"view.filter" = ["f", "/"]
"engine.pause" = ["P"]
"theme.pick" = []        # no key at all
```

A key that would mean two things on one screen, or that terminals keep for themselves, is rejected with a message.
"""

NONE = "`:` or `x`"


def document() -> str:
    """The whole page."""
    headings = dict.fromkeys(context.heading for context in CONTEXTS)
    return "\n".join((HEAD, *(part for heading in headings for part in _section(heading))))


def _section(heading: str) -> Iterator[str]:
    yield f"## {heading}\n"
    yield "| key | what it does | action |"
    yield "| --- | --- | --- |"
    yield from _rows(action for context in CONTEXTS if context.heading == heading for action in context.actions)
    yield ""


def _rows(actions: Iterable[Action]) -> Iterator[str]:
    keymap = Keymap()
    for action in actions:
        own = " ".join(f"`{_cell(key)}`" for key in keymap.all_shown(action.id).split())
        keys = own or (f"`x` `{action.letter}`" if action.letter else NONE)
        yield f"| {keys} | {_cell(action.about)} | `{action.id}` |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
