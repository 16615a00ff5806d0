"""`python -m benchmarks.redteam`: what each adversary is paid, and at whose expense.

Each plays the same rounds beside eight honest miners. Printed are its pay per head as a share of the strongest honest
miner's, over all rounds and on open questions; the share of open rounds that it wins; what the strongest keeps of its
pay without the adversary; and how often the winner is right. The exit code is 1 if a bound does not hold.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from statistics import fmean

from msgspec import Struct

from benchmarks import adversaries, game
from benchmarks.adversaries import Adversary
from benchmarks.figures import machine
from benchmarks.game import Played
from benchmarks.processes import python
from engine.judge.encoding.basics import thread_limits
from engine.judge.encoding.encoders import CachedEncoder, open_encoder

STRONGEST = "honest-0"
KEEPS = 0.9
"""What the strongest honest miner has to keep of its pay, whoever copies it."""

CACHED_TEXTS = 262_144


class Result(Struct, frozen=True):
    """What came of one game: shares of the strongest honest miner's pay, 0..1 and above."""

    pay: float
    open_pay: float
    wins: float
    keeps: float
    right: float
    paid_honest: float

    def faults(self, one: Adversary) -> list[str]:
        """The bounds that do not hold."""
        bounds = (
            ("pay", self.pay, one.most),
            ("open", self.open_pay, one.open_most),
            ("wins", self.wins, one.wins_most),
        )
        found = [f"{name} above {most:g}" for name, value, most in bounds if most is not None and value > most]
        if one.least is not None and self.pay < one.least:
            found.append(f"pay below {one.least:g}")
        return found + (["the strongest loses"] if self.keeps < KEEPS else [])


def main() -> int:
    options = _options()
    limits = thread_limits(1)
    if not limits.items() <= os.environ.items():
        os.execve(sys.executable, python("benchmarks.redteam", *sys.argv[1:]), os.environ | limits)  # noqa: S606
    encoder = CachedEncoder(open_encoder(options.encoder), capacity=CACHED_TEXTS)
    failed = 0
    print(f"{'':40}{'PAY':>7}{'OPEN':>7}{'WINS':>7}{'KEEPS':>7}{'RIGHT':>7}")
    for one in chosen(options.names):
        results = [played(one, seed, options.rounds, options.known, encoder) for seed in options.seeds]
        found = _mean(results)
        faults = found.faults(one)
        failed += bool(faults)
        print(
            f"{one.name:40}{found.pay:7.3f}{found.open_pay:7.3f}{found.wins:7.3f}{found.keeps:7.3f}{found.right:7.3f}"
            f"  {', '.join(faults)}".rstrip(),
            flush=True,
        )
    print(f"\nbounds that do not hold: {failed}\n{machine()}")
    return int(failed > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redteam", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", metavar="NAME", nargs="*", help="only adversaries whose name contains one of these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--known", type=float, default=game.KNOWN_SHARE, help="the share of closed questions known")
    parser.add_argument("--encoder", default="minilm")
    return parser.parse_args()


def chosen(names: Sequence[str]) -> list[Adversary]:
    """The adversaries whose name contains one of `names`; all without any."""
    return [one for one in adversaries.ADVERSARIES if not names or any(name in one.name for name in names)]


def played(one: Adversary, seed: int, rounds: int, known: float, encoder: CachedEncoder) -> Result:
    """The result of one adversary's game, and of the same game without it."""
    board = game.scenes(seed, rounds, known=known)

    def joined_by(others: game.Others) -> list[Played]:
        return game.play(seed, board, encoder, others, temperature=one.temperature, worded=one.worded)

    return _result(
        joined_by(lambda scene, said: one.players(seed, scene, said)), joined_by(lambda _scene, _said: ()), one
    )


def _result(game_with: Sequence[Played], game_without: Sequence[Played], one: Adversary) -> Result:
    before, after = _strongest(game_without), _strongest(game_with)
    is_open: Callable[[Played], bool] = lambda each: each.scene.is_open  # noqa: E731
    open_rounds = [each for each in game_with if is_open(each)]
    return Result(
        pay=_per_head(game_with, one) / max(after, 1e-9),
        open_pay=_per_head(open_rounds, one) / max(_strongest(open_rounds), 1e-9),
        wins=fmean(_winner_is(each, honest=False) for each in open_rounds) if open_rounds else 0.0,
        keeps=after / max(before, 1e-9),
        right=fmean(_winner_right(each) for each in game_with),
        paid_honest=before,
    )


def _strongest(rounds: Sequence[Played]) -> float:
    return fmean(each.pay(STRONGEST) for each in rounds) if rounds else 0.0


def _per_head(rounds: Sequence[Played], one: Adversary) -> float:
    paid = sum(each.pay(player.hotkey) for each in rounds for player in each.players if not player.honest)
    return paid / max(1, one.heads * len(rounds))


def _winner_is(each: Played, *, honest: bool) -> bool:
    return any(p.honest == honest for p in each.players if p.hotkey == each.judgement.winner)


def _winner_right(each: Played) -> bool:
    won = [player.said for player in each.players if player.hotkey == each.judgement.winner]
    return any(said.right or said.text in each.scene.right for said in won)


def _mean(results: Sequence[Result]) -> Result:
    return Result(*(fmean(getattr(one, field) for one in results) for field in Result.__struct_fields__))


if __name__ == "__main__":
    sys.exit(main())
