"""Opening the gateway, and creating and revoking its keys."""

import re

from console.actions.action import Action, Context, EntryField, Level, known, unless_read_only
from console.present.text import Line, line
from engine.commands import AddKey, RevokeKey
from engine.snapshot import Snapshot, UserKeyView

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


def _no_gateway(snapshot: Snapshot) -> str:
    return "" if snapshot.gateway is not None else "no gateway runs here: --gateway HOST:PORT opens one"


def _cannot_change(snapshot: Snapshot) -> str:
    return unless_read_only(snapshot) or _no_gateway(snapshot)


def _key(snapshot: Snapshot, name: str) -> UserKeyView | None:
    found = snapshot.gateway.keys if snapshot.gateway else ()
    return next((one for one in found if one.name == name), None)


def _cannot_revoke(snapshot: Snapshot, name: str) -> str:
    return "" if _key(snapshot, name) else "there is no key under the cursor"


def _whose(snapshot: Snapshot, name: str) -> list[Line]:
    """Which key it is, and what it has used."""
    key = _key(snapshot, name)
    used = line(f"{key.requests_used:,} requests, {key.tokens_used:,} tokens this month") if key else line("")
    return known(
        (("key", line(name)), ("used", used), ("then", line("any answers in progress for its holder are cut off")))
    )


def _new(_snapshot: Snapshot, _typed: str) -> list[Line]:
    """Where the new key is stored: no screen shows it."""
    return known((("then", line("the key is in a private file in the data folder")),))


def _field(snapshot: Snapshot) -> EntryField:
    def fault(typed: str) -> str:
        if not NAME.match(typed):
            return "a name has up to 64 letters, digits and . _ @ -"
        return f"a key called {typed} already exists" if _key(snapshot, typed) else ""

    return EntryField("Name of the key", "", fault)


OPENS = Action(
    id="gateway.open",
    keys=("U",),
    label="users",
    about="Show users' requests at the gateway, live, and their API keys.",
    group="go",
    why_not=_no_gateway,
    footer=47,
    opens="gateway",
)
ON_SERVER = Context("The gateway", (OPENS,))

ACTIONS = Context(
    "On Gateway",
    (
        Action(
            id="gateway.add_key",
            keys=("n",),
            label="new key…",
            about="Create an unlimited key for a user ('keys add' can set limits).",
            group="act",
            level=Level.ASKED,
            why_not=_cannot_change,
            dry_run=_new,
            entry=_field,
            order=lambda _asked_of, typed: AddKey(typed),
            footer=25,
        ),
        Action(
            id="gateway.revoke_key",
            keys=("b",),
            label="revoke key…",
            about="Revoke the key under the cursor.",
            group="act",
            level=Level.ASKED,
            why_not=_cannot_change,
            why_not_row=_cannot_revoke,
            dry_run=_whose,
            order=lambda _asked_of, name: RevokeKey(name),
            footer=26,
        ),
    ),
)
