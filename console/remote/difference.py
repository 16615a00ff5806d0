"""What is different between two snapshots, as data, and the later one made of the earlier one and that; pure.

Most of a snapshot stays as it is from one to the next: a quarter of a second changes a time and a block, a round some
numbers of each miner.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, to_builtins

Path = tuple[str | int, ...]


class Change(Struct, frozen=True, array_like=True):
    """`value` in the place of what is at `path`. With `dropped`, a list there loses so many at its beginning, and gets
    those in `value` at its end."""

    path: Path
    value: Any
    dropped: int | None = None


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """What leads from `old` to `new`, two values of one type."""
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
    """A list that went on at its end and lost its beginning, one with others in the same places, or another one."""
    gone = old.index(new[0]) if new and new[0] in old else None
    if gone is not None and (gone or len(old) != len(new)) and old[gone:] == new[: len(old) - gone]:
        yield Change(path, to_builtins(new[len(old) - gone :]), gone)
    elif len(old) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changes(before, after, (*path, place))
    else:
        yield Change(path, to_builtins(new))


def apply(tree: Any, found: Iterator[Change] | tuple[Change, ...]) -> None:
    """Carry changes out in plain data, in place. Raises LookupError, TypeError if they are not about it."""
    for change in found:
        *way, last = change.path
        place = tree
        for step in way:
            place = place[step]
        if change.dropped is None:
            place[last] = change.value
        else:
            place[last] = [*place[last][change.dropped :], *change.value]
