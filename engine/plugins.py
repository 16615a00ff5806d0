"""What installed packages add under a name: answer types, dialects, kinds of challenges and backends.

Each sort has a registry, which lists our own entries first; docs/plug-ins.md is the page for authors.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Entry = TypeVar("Entry")

APPLICATION = "subnet_console.application"
"""The entry-point group in which our own distribution names the miner for another uvicorn."""

ANSWERS = "subnet_console.answers"
BACKENDS = "subnet_console.backends"
DIALECTS = "subnet_console.dialects"
KINDS = "subnet_console.kinds"
"""The entry-point groups of what packages add."""


class PluginError(Exception):
    """An installed package's entry point cannot be loaded, or is not what its group is for."""


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Entries by name: our own, and those that packages add as entry points in `group`, which never replace ours.

    `accepts` checks what an entry point names, and `what` says it in messages, as in "a Dialect". An entry point is
    loaded when its entry is looked up. Raises PluginError.
    """

    def __init__(self, group: str, own: Mapping[str, Entry], *, accepts: Callable[[Any], bool], what: str) -> None:
        self.group = group
        self._own = own
        self._accepts = accepts
        self._what = what

    def __getitem__(self, name: str) -> Entry:
        return self._own[name] if name in self._own else self._load(added(self.group)[name])

    def __iter__(self) -> Iterator[str]:
        return iter((*self._own, *(name for name in added(self.group) if name not in self._own)))

    def is_own(self, name: str) -> bool:
        """Whether that name is one of ours."""
        return name in self._own

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in added(self.group)

    def _load(self, point: "EntryPoint") -> Entry:
        where = f"the entry point {point.name} in {self.group}"
        try:
            entry: Entry = point.load()
        except Exception as error:
            raise PluginError(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
        if not self._accepts(entry):
            raise PluginError(f"{where} is not {self._what}")
        if (named := getattr(entry, "name", point.name)) != point.name:
            raise PluginError(f"{where} names an entry called {named!r}: give both the same name")
        return entry


@cache
def added(group: str) -> Mapping[str, "EntryPoint"]:
    """The entry points of a group by name; of several with one name, the first."""
    from importlib.metadata import entry_points  # takes long to load, and most commands ask for none

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, point)
    return found
