"""Writes docs/keys.md, the table of all keys, from the registry of actions: `.venv/bin/python docs/keys.py`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from console.screens.keymap import Keymap
from console.screens.registry import ACTIONS, Action

PAGE = Path(__file__).with_name("keys.md")

HEAD = """\
# Keys

Made from the registry of actions by `docs/keys.py`. The same is shown by `?` for the screen in front; `:` finds any
action by its name, and `x` lists what can be done here, with the reason for what cannot.

A file `keymap.toml` in `~/.config/subnet-console` gives actions other keys, by their names in the last column:

```toml
"view.filter" = ["f", "/"]
"engine.pause" = ["P"]
"theme.pick" = []        # no key at all
```

A key that would mean two things on one screen, or that terminals keep for themselves, is refused with a message.
"""

CONTEXTS = {
    "everywhere": "On every screen",
    "time": "Through time",
    "list": "In lists, tables and texts",
    "table": "In tables",
    "home": "On Home",
    "challenge": "In a challenge",
    "miners": "On Miners",
    "suspects": "Among suspects",
    "weights": "On Weights",
    "server": "On Server",
    "chain": "Chain actions",
    "logs": "On Logs",
    "setup": "On Setup",
    "dialog": "In dialogs",
}
ALSO = {"always": "everywhere"}
"""Contexts that are told under another's heading."""

NONE = "`:` or `x`"


def document() -> str:
    """The whole page."""
    return "\n".join((HEAD, *(part for context in headings() for part in _section(context))))


def headings() -> list[str]:
    """The contexts in the order of the page; one that has no heading here comes last, under its own name."""
    others = {action.context for action in ACTIONS.values()} - CONTEXTS.keys() - ALSO.keys()
    return [*CONTEXTS, *sorted(others)]


def _section(context: str) -> Iterator[str]:
    actions = [action for action in ACTIONS.values() if ALSO.get(action.context, action.context) == context]
    yield f"## {CONTEXTS.get(context, context)}\n"
    yield "| key | what it does | action |"
    yield "| --- | --- | --- |"
    yield from _rows(actions)
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
