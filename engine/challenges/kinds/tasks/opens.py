"""Open questions from the packaged topics: there is no single answer, but there are true and false things to say."""

import random
import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from engine.challenges.kinds.tasks.base import Task


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic, as data/open.toml describes it."""

    asks: tuple[str, ...]
    points: tuple[tuple[str, ...], ...]
    lures: tuple[str, ...]


@cache
def topics() -> dict[str, Topic]:
    """The packaged topics by name."""
    table = tomllib.loads(files("engine.challenges").joinpath("data/open.toml").read_text("utf-8"))
    return msgspec.convert(table, dict[str, Topic])


def open_question(rng: random.Random) -> Task:
    """A question that many good answers fit."""
    name, topic = rng.choice(sorted(topics().items()))
    return Task(
        text=rng.choice(topic.asks),
        answer_type="text",
        topic=name,
        points=topic.points,
        lures=topic.lures,
    )
