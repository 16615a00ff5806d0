"""What became of the windows, and of the journal's word."""

from collections import Counter

from msgspec import Struct


class Verdict(Struct, kw_only=True):
    """The counts of all windows so far. `excused` could not be met, `slow` are not judged, and `missed` are faults.

    `words` counts the journal's entries by the outcome that they tell; of those in `wrong` the chain knows better, and
    of those in `untold` it has known for long what they leave open.
    """

    windows: int = 0
    met: int = 0
    twice: int = 0
    strangers: int = 0
    kills: Counter[str] = Counter()
    troubles: Counter[str] = Counter()
    excused: list[str] = []
    slow: list[str] = []
    missed: list[str] = []
    words: Counter[str] = Counter()
    wrong: list[str] = []
    untold: list[str] = []

    @property
    def good(self) -> bool:
        return not (self.twice or self.missed or self.strangers or self.slow or self.wrong or self.untold)

    def __str__(self) -> str:
        """The counts, each missed window with its reason, and the verdict last."""
        lines = [
            f"{self.windows} windows: {self.met} met, {len(self.excused)} that could not be met",
            f"{sum(self.kills.values())} times kill -9: {_counts(self.kills)}",
            f"troubles: {_counts(self.troubles)}",
            f"the journal says of {sum(self.words.values())} submissions: {_counts(self.words)}",
            *(f"could not be met: {one}" for one in self.excused),
            *(f"NOT JUDGED, the machine was too slow: {one}" for one in self.slow),
            *(f"MISSED: {one}" for one in self.missed),
            *(f"TOLD WRONGLY: {one}" for one in self.wrong),
            *(f"LEFT OPEN: {one}" for one in self.untold),
            f"{self.twice or 'no'} window submitted twice, {len(self.missed) or 'none'} missed that could be met, "
            f"{self.strangers or 'no'} weight to a hotkey that had lost its uid, "
            f"{len(self.wrong) or 'nothing'} told wrongly, {len(self.untold) or 'nothing'} left open",
        ]
        return "\n".join(lines)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))
