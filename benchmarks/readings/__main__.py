"""`python -m benchmarks.readings [dev|kept|held] [--misses]`: right replies misread and wrong ones paid, by type.

The standard errors count wordings rather than pairs, since pairs that share one fail together.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmarks.readings.corpus import FOLDER, HALVES, HELD, Pair, framed, pairs
from engine.answers.registry import answer_type
from engine.values import Reply


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readings", description=__doc__)
    parser.add_argument("half", choices=(*HALVES, HELD), nargs="?", default="dev")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="another folder of facts, wordings and replies")
    parser.add_argument("--frames", help="only the facts in the wordings of this file, such as several.txt")
    parser.add_argument("--misses", action="store_true", help="show the pairs that are misjudged, to learn from")
    parser.add_argument("--type", help="only this type of answer")
    args = parser.parse_args()
    made = framed(args.half, args.frames, args.folder) if args.frames else pairs(args.half, args.folder)
    chosen = [pair for pair in made if args.type in (None, pair.type)]
    began = time.process_time()
    missed = [pair for pair in chosen if met(pair) != pair.right]
    spent = time.process_time() - began
    print(f"{'type':<11}{'right':>6}{'misread':>9}{'':8}{'wrong':>6}{'paid':>6}")
    for kind in (*dict.fromkeys(pair.type for pair in chosen), "all"):
        print(_line(kind, chosen, missed))
    print(f"{1000 * spent / len(chosen):.2f} ms a pair")
    for pair in missed if args.misses else ():
        fault = "misread" if pair.right else "PAID"
        print(f"{fault}\t{pair.type}\t{pair.truth[:40]!r}\t{pair.reply!r}\t{pair.wording}")
    return 0


def met(pair: Pair) -> bool:
    """Whether the reply is taken for right."""
    reply = Reply(uid=0, hotkey="a", text=pair.reply)
    return answer_type(pair.type).equals(reply, pair.truth, pair.question, pair.lures)


def _line(kind: str, chosen: list[Pair], missed: list[Pair]) -> str:
    cells = [f"{kind:<11}"]
    for right in (True, False):
        asked = [pair for pair in chosen if pair.right == right and kind in (pair.type, "all")]
        wrong = [pair for pair in missed if pair.right == right and kind in (pair.type, "all")]
        share, error = _share(asked, wrong)
        cells.append(f"{len(asked):>6}{len(wrong):>5} = {share:5.1%} ± {error:4.1%}  ")
    return "".join(cells)


def _share(asked: Iterable[Pair], missed: list[Pair]) -> tuple[float, float]:
    """The share that is missed, and its standard error, clustered by wording."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pair in asked:
        counts[pair.wording][0] += 1
    for pair in missed:
        counts[pair.wording][1] += 1
    total = sum(count for count, _ in counts.values())
    if not total:
        return 0.0, 0.0
    share = len(missed) / total
    return share, sum((bad - share * count) ** 2 for count, bad in counts.values()) ** 0.5 / total


if __name__ == "__main__":
    raise SystemExit(main())
