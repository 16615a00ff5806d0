"""Facts from the packaged table."""

import random
import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from engine.challenges.kinds.tasks.base import Family, Task, choice_task, number_task, yes_no_task
from engine.values import AnswerType


class Relation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of facts, as data/facts.toml describes it."""

    answer_type: AnswerType
    asks: tuple[str, ...]
    rows: dict[str, str]
    backwards: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


@cache
def relations() -> dict[str, Relation]:
    """The packaged facts by relation."""
    table = tomllib.loads(files("engine.challenges").joinpath("data/facts.toml").read_text("utf-8"))
    return msgspec.convert(table, dict[str, Relation])


def fact(rng: random.Random) -> Task:
    """A fact asked forwards, asked backwards, or turned into a yes-or-no question."""
    topic, relation = rng.choice(sorted(relations().items()))
    subject, answer = rng.choice(sorted(relation.rows.items()))
    ways = [_ask, *([_ask_backwards] if relation.backwards else []), *([_claim] if relation.claims else [])]
    return rng.choice(ways)(rng, topic, relation, subject, answer)


def _ask(rng: random.Random, topic: str, relation: Relation, subject: str, answer: str) -> Task:
    asks = [ask.format(subject=subject) for ask in relation.asks]
    if relation.answer_type == "number":
        return number_task(rng, topic, asks, int(answer))
    return choice_task(rng, topic, asks, answer, relation.rows.values())


def _ask_backwards(rng: random.Random, topic: str, relation: Relation, subject: str, answer: str) -> Task:
    asks = [ask.format(answer=answer) for ask in relation.backwards]
    return choice_task(rng, topic, asks, subject, relation.rows)


def _claim(rng: random.Random, topic: str, relation: Relation, subject: str, answer: str) -> Task:
    wrong = rng.choice(sorted(set(relation.rows.values()) - {answer}))
    claimed = rng.choice((answer, wrong))
    asks = [claim.format(subject=subject, answer=claimed) for claim in relation.claims]
    return yes_no_task(rng, topic, asks, claimed == answer)


FAMILIES: tuple[Family, ...] = (fact,)
