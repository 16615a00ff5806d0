"""The evidence in words, for people: counts are of late, as old rounds fade."""

from collections.abc import Sequence
from statistics import fmean

from engine.sybil.strength import strength
from engine.sybil.tallies import Pair, Share

_WORTH_SAYING = 0.05
_LAG_WORTH_SAYING_S = 0.05


def of_pair(pair: Pair, first: int, second: int) -> tuple[str, ...]:
    """What speaks against two hotkeys, the strongest view first; `first` and `second` are their uids."""
    said = _said([pair])
    lag = pair.lag.mean
    if pair.wording.hits >= 1 and abs(lag) >= _LAG_WORTH_SAYING_S:
        later, earlier = (second, first) if lag > 0 else (first, second)
        said.append(f"uid {later} arrives {abs(lag):.1f} s after uid {earlier}")
    return tuple(said)


def of_group(pairs: Sequence[Pair], copied: Sequence[int]) -> tuple[str, ...]:
    """The same for a group, by what its pairs have in common on average; `copied` are uids of those copied."""
    said = _said(pairs)
    if copied:
        said.append(f"the words are those of uid {', '.join(map(str, copied))}, who has them first")
    return tuple(said)


def _said(pairs: Sequence[Pair]) -> list[str]:
    strengths = [strength(pair) for pair in pairs]
    views = (
        (fmean(one.wording for one in strengths), f"same wording in {_of([pair.wording for pair in pairs])} texts"),
        (
            fmean(one.mistakes for one in strengths),
            f"same wrong answer in {_of([pair.mistakes for pair in pairs])} mistakes",
        ),
        (fmean(one.answers for one in strengths), f"same answer in {_of([pair.answers for pair in pairs])} rounds"),
        (
            fmean(one.meaning for one in strengths),
            f"closer than the rest in {_of([pair.meaning for pair in pairs])} open answers",
        ),
        (fmean(one.coldkey for one in strengths), "same coldkey"),
        (fmean(one.address for one in strengths), "same address"),
        (fmean(one.timing for one in strengths), "early and late together"),
        (
            fmean(one.structure for one in strengths),
            f"same unusual layout in {_of([pair.structure for pair in pairs])} texts",
        ),
    )
    spoken = [(weight, text) for weight, text in views if weight >= _WORTH_SAYING]
    return [text for _, text in sorted(spoken, key=lambda view: -view[0])]


def _of(shares: Sequence[Share]) -> str:
    """Hits of chances, on average."""
    return f"{fmean(share.hits for share in shares):.0f} of {fmean(share.chances for share in shares):.0f}"
