"""`python -m benchmarks.ablation [DATA]`: what each rule of the profile robust is worth.

Each rule is taken away by itself. Every line says how much more often the winner is right with the rule, how much less
the red team's adversaries earn on average and how much more the worst treated victim keeps; with DATA, a folder of
recorded populations, also what they are better at with it. A rule that is worth nothing anywhere should go.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import patch

import numpy as np
from msgspec import Struct

from benchmarks import game
from benchmarks.figures import machine
from benchmarks.processes import python
from benchmarks.redteam import CACHED_TEXTS, chosen, played
from benchmarks.scoring import judged_population, metrics_of
from engine.judge.encoding.basics import thread_limits
from engine.judge.encoding.encoders import CachedEncoder, open_encoder
from engine.scoring import ballot, copies, duplicates, merit, reliability, robust, votes
from engine.scoring.duplicates import Wording

Without = tuple[tuple[object, str, object], ...]
"""What to put in place of a rule: module, name, value."""


def _alone(texts: Sequence[Any], *_: object, **__: object) -> list[Wording]:
    return [Wording((place,), bare=True) for place in range(len(texts))]


def _like_strangers(records: Sequence[object]) -> reliability.Floats:
    return np.full(len(records), reliability.UNEARNED)


def _unrelated(records: Sequence[object]) -> reliability.Floats:
    return np.zeros((len(records), len(records)))


def _all_apart(entities: Sequence[int], _: object) -> reliability.Floats:
    return np.ones((len(entities), len(entities)))


def _none_repeated(said: Sequence[str], _: object) -> reliability.Floats:
    return np.ones(len(said))


def _anywhere(texts: reliability.Floats, *_: object) -> reliability.Floats:
    return np.ones(len(texts))


def _in_good_standing(judged_ballot: ballot.Ballot, _: object) -> reliability.Floats:
    return np.ones(len(judged_ballot.replies))


RULES: dict[str, Without] = {
    "votes are earned": ((reliability, "weights", _like_strangers),),
    "voters in step are few": ((reliability, "in_step", _unrelated),),
    "equal words have one vote": ((ballot, "wordings", _alone),),
    "an entity has one vote": ((ballot, "entities", lambda replies: [*range(len(replies))]),),
    "copies": ((copies, "_leader", lambda *_, **__: None), (ballot, "borrowed", lambda *_: {})),
    "known copiers": ((copies, "known_copiers", lambda *_: {}),),
    "another's wording is proof": ((ballot, "borrowed", lambda *_: {}),),
    "texts compared as they look": ((duplicates, "skeleton", str.casefold),),
    "nobody backs its own claims": ((ballot, "_apart", _all_apart),),
    "benefit of the doubt": ((merit, "_BENEFIT", 0.0),),
    "one thing said in four ways is one": ((merit, "_fresh", _none_repeated),),
    "text must be about the question": ((merit, "_ABOUT", (-2.0, -1.0)),),
    "the text in the middle": ((merit, "_middle", _anywhere),),
    "open text has its own reliability": ((reliability, "_CLOSED_COUNTS", 1e9),),
    "standing": ((robust, "_standing", _in_good_standing),),
    "promptness": ((robust, "promptness", lambda _: 1.0),),
    "perhaps nobody is right": ((votes, "NOBODY", 0.0),),
}


class Worth(Struct, frozen=True):
    """How a set of rules does: shares, 0..1."""

    right: float
    paid: float
    keeps: float
    winner: float
    dishonest: float
    wronged: float

    def less(self, other: "Worth") -> "Worth":
        return Worth(*(getattr(self, field) - getattr(other, field) for field in Worth.__struct_fields__))


def main() -> int:
    options = _options()
    limits = thread_limits(1)
    if not limits.items() <= os.environ.items():
        os.execve(sys.executable, python("benchmarks.ablation", *sys.argv[1:]), os.environ | limits)  # noqa: S606
    encoder = CachedEncoder(open_encoder(options.encoder), capacity=CACHED_TEXTS)

    def measured() -> Worth:
        return _measured(options, encoder)

    print(f"{'':44}{'RIGHT':>8}{'PAID':>8}{'KEEPS':>8}{'WINNER':>8}{'DISHON.':>8}{'WRONGED':>8}")
    whole = measured()
    print(_line("with all rules", whole), flush=True)
    for name in options.rules or RULES:
        with without(RULES[name]):
            print(_line(f"without: {name}", measured().less(whole)), flush=True)
    print(machine())
    return 0


@contextmanager
def without(rule: Without) -> Iterator[None]:
    """The judge without this rule."""
    with ExitStack() as stack:
        for module, name, value in rule:
            stack.enter_context(patch.object(module, name, value))
        yield


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", metavar="DATA", type=Path, nargs="?")
    parser.add_argument("--populations", nargs="+", default=["d", "e", "g"])
    parser.add_argument("--rules", nargs="+", choices=RULES, metavar="RULE", help=", ".join(RULES))
    parser.add_argument("--adversaries", nargs="*", default=[], metavar="NAME", help="only those with this in the name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--encoder", default="minilm")
    return parser.parse_args()


def _measured(options: argparse.Namespace, encoder: CachedEncoder) -> Worth:
    results = [
        played(one, options.seed, options.rounds, game.KNOWN_SHARE, encoder) for one in chosen(options.adversaries)
    ]
    found = []
    if options.data is not None:
        metrics = metrics_of(options.data)
        found = [judged_population(metrics, options.data, name, "robust", encoder) for name in options.populations]

    def mean(key: str) -> float:
        return fmean(one[key] or 0.0 for one in found) if found else 0.0

    return Worth(
        right=fmean(one.right for one in results),
        paid=fmean(one.pay for one in results),
        keeps=min(one.keeps for one in results),
        winner=mean("winner_correct"),
        dishonest=mean("dishonest_emission_share"),
        wronged=mean("false_penalty_rate"),
    )


def _line(name: str, worth: Worth) -> str:
    values = (worth.right, worth.paid, worth.keeps, worth.winner, worth.dishonest, worth.wronged)
    return f"{name:44}" + "".join(f"{value:8.3f}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
