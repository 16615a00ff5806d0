"""A part of a node; its parts make its role."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.node.supervisor import Service
from engine.snapshot import Snapshot
from engine.values import Metagraph, Outcome

Handler = Callable[[Any], Awaitable[Outcome]]
"""Carries out commands of the type under which it is registered."""


class Part(Struct, frozen=True, kw_only=True):
    """A piece of a neuron, complete before its node is made; several parts make a role.

    `services` are factories by name, called again for each restart. `handlers` carry out commands by type; those in
    `changes` alter something beyond this screen, so a read-only run refuses them. Each of the `views` adds its share to
    a Snapshot. `on_metagraph` callbacks get each metagraph. `names` are display names by hotkey. `gone` says, by
    subject, what part of the record was deleted or replaced, or "". `retries` store pending data, or raise StoreError.
    """

    services: Mapping[str, Callable[[], Service]] = {}
    handlers: Mapping[type, Handler] = {}
    changes: Mapping[type, Handler] = {}
    views: tuple[Callable[[Snapshot], Snapshot], ...] = ()
    on_metagraph: tuple[Callable[[Metagraph], None], ...] = ()
    names: Mapping[str, str] = {}
    gone: Mapping[str, Callable[[], str]] = {}
    retries: tuple[Callable[[], Awaitable[None]], ...] = ()


def merged(parts: Sequence[Part]) -> Part:
    """All parts merged into one; under the same name, the later part wins."""
    return Part(
        services={name: factory for part in parts for name, factory in part.services.items()},
        handlers={command: handler for part in parts for command, handler in part.handlers.items()},
        changes={command: handler for part in parts for command, handler in part.changes.items()},
        views=tuple(view for part in parts for view in part.views),
        on_metagraph=tuple(hear for part in parts for hear in part.on_metagraph),
        names={hotkey: name for part in parts for hotkey, name in part.names.items()},
        gone={subject: find for part in parts for subject, find in part.gone.items()},
        retries=tuple(retry for part in parts for retry in part.retries),
    )
