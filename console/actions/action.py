"""What one action is, where it can be taken, and the question that is asked first."""

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from msgspec import Struct

from console.present import formats
from console.present.text import BLANK, Line, Span, facts, line, wrapped
from engine.commands import AnyCommand
from engine.snapshot import Snapshot
from engine.values import EMBEDDED

COLDKEY = "coldkey"

LABEL = 14
"""Cells of the labels in a question."""

GROUPS = {
    "act": "Act",
    "go": "Go",
    "find": "Find",
    "view": "View",
    "time": "Time",
    "take": "Copy and export",
    "move": "Move",
    "app": "Program",
}
"""The groups of actions, as the help orders them."""


class Level(IntEnum):
    """What the operator must confirm before an action is taken."""

    NONE = 0
    """No confirmation: it only changes the view."""
    TOLD = 1
    """No confirmation, but a message says what happened; it can be undone."""
    ASKED = 2
    """A dialog with Cancel preselected."""
    TYPED = 3
    """A dry run, then the netuid must be typed; on the embedded chain, a dialog as for `ASKED`."""


class EntryField(Struct, frozen=True):
    """A value to type, with its suggestion; `check` returns what is wrong with a text, "" if it is valid. A suggestion
    that the check refuses is not shown: the field starts empty, and the check says what to enter.
    """

    label: str
    value: str
    check: Callable[[str], str]


WIDTH = 72
"""Cells of a question's line on a terminal of 80 columns."""


class Confirmation(Struct, frozen=True):
    """`typed` is the text that must be typed before the action can be taken, and `password` names the key whose
    password is asked for; "" if there is none.
    """

    title: str
    lines: tuple[Line, ...]
    yes: str
    typed: str = ""
    entry: EntryField | None = None
    password: str = ""


def always(_snapshot: Snapshot) -> str:
    """The `why_not` of an action that is always possible."""
    return ""


def unless_read_only(snapshot: Snapshot) -> str:
    """Why nothing can be changed; "" if it can."""
    return "not while --read-only is on" if snapshot.read_only else ""


def nothing_to_say(_snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """A question without details."""
    return ()


def known(rows: Iterable[tuple[str, Line]]) -> list[Line]:
    """The labelled facts below a question."""
    return [BLANK, *facts(rows, LABEL)]


Obstacles = Callable[[Snapshot, str], Iterable[str]]
"""Everything that prevents an action, given the snapshot and the text typed so far."""


def first_of(obstacles: Obstacles) -> Callable[[Snapshot], str]:
    """The first obstacle before anything is typed; "" if there is none."""
    return lambda snapshot: next(iter(obstacles(snapshot, "")), "")


class Action(Struct, frozen=True, kw_only=True):
    """Something that an operator can do, under a name that never changes.

    `keys` are the default ones, as Textual spells them; `letter` is its key in the menu on `x`. `label` is for the
    footer and menus, `about` one sentence for the help. `footer` orders the footer; 0 leaves it out. `why_not` returns
    why it cannot be done now, "" if it can. It is carried out in one of four ways: `command` goes to the engine; so
    does what `order` makes of the snapshot that the operator saw and of what was typed; `opens` names a screen;
    otherwise a widget or the screen has a method `do_…` of that name. An action on the row under the cursor has
    `why_not_row`, and its order gets the row's name instead of what was typed.

    From `Level.ASKED` on there is a question first: `dry_run` says what would change, or what is known of the row,
    given its name or what was typed, and `entry` asks for a value. What is signed `by_coldkey` asks for its password,
    if it has one. An action with `obstacles` can name more than the first reason against it.
    """

    id: str
    keys: tuple[str, ...] = ()
    label: str
    about: str
    group: str
    level: Level = Level.NONE
    why_not: Callable[[Snapshot], str] = always
    why_not_row: Callable[[Snapshot, str], str] | None = None
    footer: int = 0
    letter: str = ""
    command: AnyCommand | None = None
    order: Callable[[Snapshot, str], AnyCommand] | None = None
    opens: str = ""
    dry_run: Callable[[Snapshot, str], Sequence[Line]] = nothing_to_say
    entry: Callable[[Snapshot], EntryField] | None = None
    by_coldkey: bool = False
    obstacles: Obstacles | None = None

    @property
    def is_for_the_engine(self) -> bool:
        """Whether it needs an engine that takes commands."""
        return self.command is not None or self.order is not None


class Context(Struct, frozen=True):
    """Actions that go together; `heading` says where they can be taken, in docs/keys.md."""

    heading: str
    actions: tuple[Action, ...]


def confirmation(action: Action, snapshot: Snapshot, given: str = "") -> Confirmation:
    """What to ask before an action; `given` is the row that it is about or the text typed already, "" if there is
    neither.
    """
    chain = snapshot.chain
    subnet = f"{chain.network} netuid {chain.netuid}{f' mechanism {chain.mechanism}' if chain.mechanism else ''}"
    where = f"{subnet} as {formats.hotkey(snapshot.hotkey, 17)}"
    real = action.level is Level.TYPED and chain.network != EMBEDDED
    return Confirmation(
        title=action.label.rstrip("…").capitalize(),
        lines=(*map(line, wrapped(action.about, WIDTH)), line(Span(where, "muted")), *action.dry_run(snapshot, given)),
        yes="Do it",
        typed=str(chain.netuid) if real else "",
        entry=_entry(action, snapshot),
        password=COLDKEY if action.by_coldkey and snapshot.coldkey == "encrypted" else "",
    )


def _entry(action: Action, snapshot: Snapshot) -> EntryField | None:
    """The action's field, which also refuses any value that an obstacle prevents."""
    if action.entry is None:
        return None
    field, obstacles = action.entry(snapshot), action.obstacles

    def check(typed: str) -> str:
        return field.check(typed) or (next(iter(obstacles(snapshot, typed)), "") if obstacles else "")

    return EntryField(field.label, "" if check(field.value) else field.value, check)
