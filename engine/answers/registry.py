"""The answer types by name: our own, and those that other packages add."""

from functools import cache

from engine.answers.base import AnswerType
from engine.answers.choice import Choice
from engine.answers.code import Code
from engine.answers.collections import List, Set
from engine.answers.date import Date
from engine.answers.duration import Duration
from engine.answers.number import Number, Quantity
from engine.answers.open_text import OpenText
from engine.answers.short import Short
from engine.answers.structured import Json, ToolCall
from engine.answers.time_of_day import Time
from engine.answers.version import Version
from engine.answers.yes_no import YesNo
from engine.plugins import ANSWERS, Registry

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
ANSWER_TYPES: Registry[type[AnswerType]] = Registry(
    ANSWERS,
    {one.name: one for one in OWN},
    accepts=lambda added: isinstance(added, type) and issubclass(added, AnswerType),
    what="an AnswerType class",
)
ALIASES = {"yesno": "yes_no"}


class UnknownAnswerType(ValueError):
    """There is no answer type of that name."""


def canonical(name: str) -> str:
    """The one name of a type. Raises UnknownAnswerType."""
    known = ALIASES.get(name, name)
    if known not in ANSWER_TYPES:
        raise UnknownAnswerType(f"unknown answer_type {name!r}; known are {', '.join((*ANSWER_TYPES, *ALIASES))}")
    return known


def answer_type(name: str) -> AnswerType:
    """The answer type of that name. Raises UnknownAnswerType and PluginError."""
    return _made(ANSWER_TYPES[canonical(name)])


@cache
def _made(kind: type[AnswerType]) -> AnswerType:
    return kind()
