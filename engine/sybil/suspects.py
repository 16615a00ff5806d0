"""Whom the kinship makes suspect: pairs, groups of them, and the suspicion of each hotkey, with evidence in words."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from engine.scoring.entities import join, root
from engine.sybil import evidence
from engine.sybil.strength import VERDICT, copied, strength
from engine.sybil.tallies import Kinship, Miner, Pair

SHOWN_FROM = 0.25
MAX_SUSPECTS = 64


class Suspects(Struct, frozen=True, kw_only=True):
    """Hotkeys that may be one: the `accused`, and the `copied`, whose words they use and who are blameless.

    `suspicion` is 0..1; from VERDICT on it is more than a hint.
    """

    accused: tuple[str, ...]
    copied: tuple[str, ...] = ()
    suspicion: float
    evidence: tuple[str, ...]

    @property
    def members(self) -> tuple[str, ...]:
        return (*self.accused, *self.copied)


class Suspicions(Struct, frozen=True, kw_only=True):
    """What is suspected after `rounds` rounds, the most suspect first, and by hotkey the greatest suspicion."""

    rounds: int = 0
    pairs: tuple[Suspects, ...] = ()
    groups: tuple[Suspects, ...] = ()
    by_hotkey: dict[str, float] = {}


class _Link(Struct, frozen=True):
    """A pair with what it comes to; `accused` has one hotkey where the other is copied."""

    both: tuple[str, str]
    pair: Pair
    suspicion: float
    accused: tuple[str, ...]


def suspicions(kinship: Kinship) -> Suspicions:
    """Whom to suspect, and why."""
    links = sorted(_links(kinship), key=lambda link: (-link.suspicion, link.both))
    by_hotkey: dict[str, float] = {}
    for link in links:
        for hotkey in link.accused:
            by_hotkey.setdefault(hotkey, round(link.suspicion, 4))
    verdicts = [link for link in links if link.suspicion >= VERDICT]
    return Suspicions(
        rounds=kinship.rounds,
        pairs=tuple(_pair(link, kinship.miners) for link in links[:MAX_SUSPECTS]),
        groups=tuple(_groups(verdicts, kinship.miners))[:MAX_SUSPECTS],
        by_hotkey=by_hotkey,
    )


def _links(kinship: Kinship) -> Iterable[_Link]:
    for both, pair in kinship.by_both().items():
        suspicion = strength(pair).suspicion
        if suspicion >= SHOWN_FROM:
            first, second = (kinship.miners[hotkey] for hotkey in both)
            blameless = copied(pair, first, second)
            accused = tuple(hotkey for hotkey, free in zip(both, blameless, strict=True) if not free)
            yield _Link(both, pair, suspicion, accused)


def _pair(link: _Link, miners: Mapping[str, Miner]) -> Suspects:
    return Suspects(
        accused=link.accused,
        copied=tuple(hotkey for hotkey in link.both if hotkey not in link.accused),
        suspicion=round(link.suspicion, 4),
        evidence=evidence.of_pair(link.pair, *(miners[hotkey].uid for hotkey in link.both)),
    )


def _groups(links: Sequence[_Link], miners: Mapping[str, Miner]) -> Iterable[Suspects]:
    """Those whom verdicts connect, the largest group first."""
    hotkeys = sorted({hotkey for link in links for hotkey in link.both})
    place = {hotkey: index for index, hotkey in enumerate(hotkeys)}
    parents = list(range(len(hotkeys)))
    for link in links:
        join(parents, *(place[hotkey] for hotkey in link.both))
    groups: dict[int, list[_Link]] = {}
    for link in links:
        groups.setdefault(root(parents, place[link.both[0]]), []).append(link)
    found = [_group(among, miners) for among in groups.values()]
    return sorted(found, key=lambda group: (-len(group.accused), -group.suspicion, group.members))


def _group(links: Sequence[_Link], miners: Mapping[str, Miner]) -> Suspects:
    accused = {hotkey for link in links for hotkey in link.accused}
    others = {hotkey for link in links for hotkey in link.both} - accused
    by_uid = {hotkey: (miners[hotkey].uid, hotkey) for hotkey in accused | others}
    return Suspects(
        accused=tuple(sorted(accused, key=by_uid.__getitem__)),
        copied=tuple(sorted(others, key=by_uid.__getitem__)),
        suspicion=round(max(link.suspicion for link in links), 4),
        evidence=evidence.of_group([link.pair for link in links], [miners[hotkey].uid for hotkey in sorted(others)]),
    )
