"""Who is suspected: pairs, sybil groups and hotkeys, with the evidence in words."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from msgspec import Struct

from engine.scoring.entities import join, root
from engine.sybil.evidence import Evidence, Miner, Pair, Share
from engine.sybil.strength import VERDICT, copied, strength

SHOWN_FROM = 0.25
"""The least suspicion worth a line: a shared coldkey alone, .30, is."""

MAX_SUSPECTS = 64
"""Most pairs and groups to list: nobody reads more, and a snapshot holds them all."""

_WORTH_SAYING = 0.05
"""The least strength of a view that is mentioned: half of the most that the weakest contributes."""

_LAG_WORTH_SAYING_S = 0.05
"""A shorter lag would be shown as 0.0 s."""


class Suspects(Struct, frozen=True, kw_only=True):
    """Hotkeys that may be one operator: the `suspected`, and the `copied`, whose words they use.

    `suspicion` is 0..1; from VERDICT on it is more than a hint.
    """

    suspected: tuple[str, ...]
    copied: tuple[str, ...] = ()
    suspicion: float
    evidence: tuple[str, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """The suspected and the copied."""
        return (*self.suspected, *self.copied)


class Suspicions(Struct, frozen=True, kw_only=True):
    """What is suspected after `rounds` rounds, the most suspected first, and the highest suspicion by hotkey."""

    rounds: int = 0
    pairs: tuple[Suspects, ...] = ()
    groups: tuple[Suspects, ...] = ()
    by_hotkey: dict[str, float] = {}


class _Link(Struct, frozen=True):
    """A pair and its strengths; `suspected` has only one hotkey if the other is copied."""

    both: tuple[str, str]
    pair: Pair
    suspicion: float
    suspected: tuple[str, ...]


def suspicions(evidence: Evidence) -> Suspicions:
    """Whom to suspect, and why."""
    links = sorted(_links(evidence), key=lambda link: (-link.suspicion, link.both))
    by_hotkey: dict[str, float] = {}
    for link in links:
        for hotkey in link.suspected:
            by_hotkey.setdefault(hotkey, round(link.suspicion, 4))
    verdicts = [link for link in links if link.suspicion >= VERDICT]
    return Suspicions(
        rounds=evidence.rounds,
        pairs=tuple(_pair(link, evidence.miners) for link in links[:MAX_SUSPECTS]),
        groups=tuple(_groups(verdicts, evidence.miners))[:MAX_SUSPECTS],
        by_hotkey=by_hotkey,
    )


def _links(evidence: Evidence) -> Iterable[_Link]:
    for both, pair in evidence.by_both().items():
        suspicion = strength(pair).suspicion
        if suspicion >= SHOWN_FROM:
            first, second = (evidence.miners[hotkey] for hotkey in both)
            blameless = copied(pair, first, second)
            suspected = tuple(hotkey for hotkey, free in zip(both, blameless, strict=True) if not free)
            yield _Link(both, pair, suspicion, suspected)


def _pair(link: _Link, miners: Mapping[str, Miner]) -> Suspects:
    return Suspects(
        suspected=link.suspected,
        copied=tuple(hotkey for hotkey in link.both if hotkey not in link.suspected),
        suspicion=round(link.suspicion, 4),
        evidence=pair_evidence(link.pair, *(miners[hotkey].uid for hotkey in link.both)),
    )


def _groups(links: Sequence[_Link], miners: Mapping[str, Miner]) -> Iterable[Suspects]:
    """Groups of hotkeys connected by verdicts, the largest first."""
    hotkeys = sorted({hotkey for link in links for hotkey in link.both})
    place = {hotkey: index for index, hotkey in enumerate(hotkeys)}
    parents = list(range(len(hotkeys)))
    for link in links:
        join(parents, *(place[hotkey] for hotkey in link.both))
    groups: dict[int, list[_Link]] = {}
    for link in links:
        groups.setdefault(root(parents, place[link.both[0]]), []).append(link)
    found = [_group(among, miners) for among in groups.values()]
    return sorted(found, key=lambda group: (-len(group.suspected), -group.suspicion, group.members))


def _group(links: Sequence[_Link], miners: Mapping[str, Miner]) -> Suspects:
    suspected = {hotkey for link in links for hotkey in link.suspected}
    others = {hotkey for link in links for hotkey in link.both} - suspected
    by_uid = {hotkey: (miners[hotkey].uid, hotkey) for hotkey in suspected | others}
    return Suspects(
        suspected=tuple(sorted(suspected, key=by_uid.__getitem__)),
        copied=tuple(sorted(others, key=by_uid.__getitem__)),
        suspicion=round(max(link.suspicion for link in links), 4),
        evidence=group_evidence([link.pair for link in links], [miners[hotkey].uid for hotkey in sorted(others)]),
    )


def pair_evidence(pair: Pair, first: int, second: int) -> tuple[str, ...]:
    """The evidence against two hotkeys, the strongest view first; `first` and `second` are their uids."""
    said = _said([pair])
    lag = pair.lag.mean
    if pair.wording.hits >= 1 and abs(lag) >= _LAG_WORTH_SAYING_S:
        later, earlier = (second, first) if lag > 0 else (first, second)
        said.append(f"uid {later} arrives {abs(lag):.1f} s after uid {earlier}")
    return tuple(said)


def group_evidence(pairs: Sequence[Pair], copied: Sequence[int]) -> tuple[str, ...]:
    """The evidence against a group, from the averages of its pairs; `copied` are the uids of those copied."""
    said = _said(pairs)
    if copied:
        said.append(f"uses the words of uid {', '.join(map(str, copied))}, who had them first")
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
    """The average hits and chances."""
    return f"{fmean(share.hits for share in shares):.0f} of {fmean(share.chances for share in shares):.0f}"
