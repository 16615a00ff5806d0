"""Compares two judgements of the same rounds: who wins, and who is paid how much."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import StatisticsError, correlation

import msgspec
from msgspec import Struct

from engine.text import safe
from engine.values import Judgement

DIFFERENCES_TOLD = 20
NAME_WIDTH = 16
"""How many differences are listed, and the width of a miner's name."""


class WinnerChange(Struct, frozen=True):
    """A round with a different winner. Hotkeys, None for no winner."""

    id: str
    before: str | None
    after: str | None


class Paid(Struct, frozen=True, kw_only=True):
    """A miner's mean emission over its rounds, and its share of the total, under each of the two judgements."""

    hotkey: str
    uid: int
    name: str
    rounds: int
    before: float
    after: float
    share_before: float
    share_after: float


class Comparison(Struct, frozen=True, kw_only=True):
    """`spearman` is the rank correlation of the miners' mean pay, None if all are paid the same."""

    before: str
    after: str
    rounds: int
    same_winner: int
    differ: tuple[WinnerChange, ...]
    spearman: float | None
    miners: tuple[Paid, ...]

    def as_json(self) -> str:
        """The comparison as one line of JSON."""
        return msgspec.json.encode(self).decode() + "\n"


class Comparing:
    """Accumulates a comparison round by round. `before` and `after` name the two judges."""

    def __init__(self, before: str, after: str) -> None:
        self._before, self._after = before, after
        self._rounds = 0
        self._differ: list[WinnerChange] = []
        self._asked: Counter[str] = Counter()
        self._uids: dict[str, int] = {}
        self._names: Mapping[str, str] = {}
        self._paid: dict[str, tuple[float, float]] = {}

    def add(self, id: str, before: Judgement, after: Judgement, names: Mapping[str, str]) -> None:
        """Add a round. Both judgements hold their verdicts in the order of the replies."""
        self._rounds += 1
        self._names = names
        if before.winner != after.winner:
            self._differ.append(WinnerChange(id, before.winner, after.winner))
        for first, second in zip(before.verdicts, after.verdicts, strict=True):
            hotkey = second.hotkey
            paid = self._paid.get(hotkey, (0.0, 0.0))
            self._paid[hotkey] = (paid[0] + first.emission, paid[1] + second.emission)
            self._asked[hotkey] += 1
            self._uids[hotkey] = second.uid

    def result(self) -> Comparison:
        """The comparison so far, with the miners best paid by the second judge first."""
        total_before = sum(before for before, _ in self._paid.values())
        total_after = sum(after for _, after in self._paid.values())
        miners = [
            Paid(
                hotkey=hotkey,
                uid=self._uids[hotkey],
                name=self._names.get(hotkey, ""),
                rounds=self._asked[hotkey],
                before=before / self._asked[hotkey],
                after=after / self._asked[hotkey],
                share_before=before / total_before if total_before else 0.0,
                share_after=after / total_after if total_after else 0.0,
            )
            for hotkey, (before, after) in self._paid.items()
        ]
        miners.sort(key=lambda miner: (-miner.after, -miner.before, miner.uid))
        return Comparison(
            before=self._before,
            after=self._after,
            rounds=self._rounds,
            same_winner=self._rounds - len(self._differ),
            differ=tuple(self._differ),
            spearman=_spearman([miner.before for miner in miners], [miner.after for miner in miners]),
            miners=tuple(miners),
        )


def as_text(found: Comparison) -> str:
    """The comparison as a table."""
    first, second = found.before.upper(), found.after.upper()
    likeness = "–" if found.spearman is None else f"{found.spearman:.2f}"
    head = f"{'MINER':<{NAME_WIDTH}}{'UID':>5}{'ROUNDS':>8}{first:>11}{second:>11}{'SHARE':>9}{'SHARE':>9}"
    lines = [
        f"{found.rounds} rounds, judged as {found.before} and as {found.after}",
        f"the same winner in {found.same_winner} of {found.rounds}",
        *_told(found),
        f"mean pay of each miner, and its share of all pay; Spearman of the two: {likeness}",
        head,
        *(
            f"{safe(paid.name or paid.hotkey, NAME_WIDTH - 1):<{NAME_WIDTH}}{paid.uid:>5}{paid.rounds:>8}"
            f"{paid.before:>11.4f}{paid.after:>11.4f}{paid.share_before:>9.1%}{paid.share_after:>9.1%}"
            for paid in found.miners
        ),
    ]
    return "\n".join(lines) + "\n"


def _told(found: Comparison) -> list[str]:
    """The rounds with a different winner, by uid."""
    uids = {paid.hotkey: f"uid {paid.uid}" for paid in found.miners}
    told = [
        f"  {safe(one.id)}: {uids.get(one.before or '', 'nobody')} as {found.before}, "
        f"{uids.get(one.after or '', 'nobody')} as {found.after}"
        for one in found.differ[:DIFFERENCES_TOLD]
    ]
    left = len(found.differ) - len(told)
    return [*told, f"  … and {left} more (all of them with --json)"] if left else told


def _spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    try:
        return correlation(_ranks(first), _ranks(second))
    except StatisticsError:
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    """Each value's rank; equal values share one."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]
