"""The answer types by name: those of the package, and those that others add by an entry point.

A distribution adds one with an entry point in the group `subnet_console.answers` that names an `AnswerType` class.
"""

from functools import cache
from importlib.metadata import entry_points

from engine.answers.base import AnswerType
from engine.answers.choice import Choice
from engine.answers.code import Code
from engine.answers.collections import List, Set
from engine.answers.moments import Date, Duration, Time, Version
from engine.answers.number import Number, Quantity
from engine.answers.open_text import OpenText
from engine.answers.short import Short
from engine.answers.structured import Json, ToolCall
from engine.answers.yes_no import YesNo

GROUP = "subnet_console.answers"
OWN: tuple[type[AnswerType], ...] = (
    Number,
    Quantity,
    Short,
    Choice,
    YesNo,
    Date,
    Time,
    Duration,
    Version,
    List,
    Set,
    Json,
    ToolCall,
    Code,
    OpenText,
)
OTHER_NAMES = {"yesno": "yes_no"}


class UnknownAnswerType(ValueError):
    """There is no answer type of that name."""


@cache
def _types() -> dict[str, AnswerType]:
    found = {one.name: one() for one in OWN}
    for point in entry_points(group=GROUP):
        added = point.load()
        if not (isinstance(added, type) and issubclass(added, AnswerType)):
            raise TypeError(f"the entry point {point.name} in {GROUP} is not an AnswerType class")
        found.setdefault(point.name, added())
    return found


def names() -> tuple[str, ...]:
    """The names of all answer types."""
    return tuple(_types())


def canonical(name: str) -> str:
    """The one name of a type. Raises UnknownAnswerType."""
    known = OTHER_NAMES.get(name, name)
    if known not in _types():
        raise UnknownAnswerType(f"unknown answer_type {name!r}; known are {', '.join((*_types(), *OTHER_NAMES))}")
    return known


def answer_type(name: str) -> AnswerType:
    """The answer type of that name. Raises UnknownAnswerType."""
    return _types()[canonical(name)]
