"""Open questions: they have no single answer, but there are true and false things to say."""

import random
import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from engine.challenges.kinds.tasks.base import Task


class Says(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said about one thing, as in data/ways.toml for how to work out a family's tasks."""

    points: tuple[tuple[str, ...], ...]
    lures: tuple[str, ...]


class Topic(Says, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic, as data/open.toml describes it."""

    asks: tuple[str, ...]


@cache
def topics() -> dict[str, Topic]:
    """The packaged topics by name."""
    return msgspec.convert(_table("open"), dict[str, Topic])


@cache
def ways() -> dict[str, Says]:
    """How to work out the tasks of each family, by its module's name."""
    return msgspec.convert(_table("ways"), dict[str, Says])


def explained(rng: random.Random) -> Task:
    """A question about one of the topics."""
    name, topic = rng.choice(sorted(topics().items()))
    return Task(
        text=rng.choice(topic.asks),
        asks=topic.asks,
        answer_type="text",
        topic=name,
        points=topic.points,
        lures=topic.lures,
    )


def worked_out(task: Task, room: str) -> Task:
    """A question that asks how to work out a `task` of `room`, in the task's own words."""
    way = ways()[room]
    return Task(
        text=task.text,
        asks=task.asks,
        wants="way",
        answer_type="text",
        topic=f"{task.topic}, the way",
        points=way.points,
        lures=way.lures,
    )


def _table(name: str) -> dict[str, object]:
    return tomllib.loads(files("engine.challenges").joinpath(f"data/{name}.toml").read_text("utf-8"))
