"""What one action is."""

from collections.abc import Callable
from enum import IntEnum

from msgspec import Struct

from engine.commands import AnyCommand
from engine.snapshot import Snapshot


class Level(IntEnum):
    """How much an operator is asked before it happens."""

    NONE = 0
    """Nothing: it only concerns the view."""
    TOLD = 1
    """Nothing, but a message says what happened; it can be undone."""
    ASKED = 2
    """A dialog with Cancel first."""
    TYPED = 3
    """A dry run, then the netuid has to be typed; on the embedded chain a dialog as for `ASKED`."""


def always(_snapshot: Snapshot) -> str:
    """No reason against it."""
    return ""


class Action(Struct, frozen=True, kw_only=True):
    """Something that an operator can do, under a name that never changes.

    `keys` are the usual ones, as Textual spells them; `label` is for the footer and menus, `about` one sentence for
    the help. `why_not` says why it cannot be done now, "" when it can. `footer` orders the footer; 0 stays out of it.
    `letter` takes it in the menu on `x`, where an action without a key of its own is otherwise far away.
    An action with a `command` is done by the engine; with an `order`, too, which makes the command of what was known
    when the question was asked and of what was typed into it. All others are done by whoever responds on the screen.
    An action with a `row` is about the row under the cursor: `row` says why it cannot be taken on the one of this name,
    and its order gets the name instead of what was typed.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    about: str
    group: str
    context: str
    level: Level = Level.NONE
    why_not: Callable[[Snapshot], str] = always
    footer: int = 0
    letter: str = ""
    command: AnyCommand | None = None
    order: Callable[[Snapshot, str], AnyCommand] | None = None
    row: Callable[[Snapshot, str], str] | None = None
