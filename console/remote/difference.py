"""The difference between two snapshots as data, and how to apply it to the earlier one. Pure. Most of a snapshot stays
the same: a quarter of a second changes a time and a block, and a round changes a few numbers of each miner.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, to_builtins

Path = tuple[str | int, ...]


class Change(Struct, frozen=True, array_like=True):
    """Replace what is at `path` by `value`. With `dropped`, remove that many items from the start of the list there,
    and append those in `value`.
    """

    path: Path
    value: Any
    dropped: int | None = None


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """The changes that turn `old` into `new`, two values of the same type."""
    if old is new or old == new:
        return
    if isinstance(new, Struct) and type(old) is type(new):
        for field, name in zip(new.__struct_fields__, new.__struct_encode_fields__, strict=True):
            yield from changes(getattr(old, field), getattr(new, field), (*path, name))
    elif isinstance(new, tuple) and isinstance(old, tuple):
        yield from _in_list(old, new, path)
    else:
        yield Change(path, to_builtins(new))


def _in_list(old: tuple[Any, ...], new: tuple[Any, ...], path: Path) -> Iterator[Change]:
    """The changes of a list that was shifted, that has changed items in place, or that is a different one."""
    gone = old.index(new[0]) if new and new[0] in old else None
    if gone is not None and (gone or len(old) != len(new)) and old[gone:] == new[: len(old) - gone]:
        yield Change(path, to_builtins(new[len(old) - gone :]), gone)
    elif len(old) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changes(before, after, (*path, place))
    else:
        yield Change(path, to_builtins(new))


def apply(tree: Any, found: Iterator[Change] | tuple[Change, ...]) -> None:
    """Apply changes to plain data, in place. Raises LookupError or TypeError if they do not fit it."""
    for change in found:
        *way, last = change.path
        place = tree
        for step in way:
            place = place[step]
        if change.dropped is None:
            place[last] = change.value
        else:
            place[last] = [*place[last][change.dropped :], *change.value]
