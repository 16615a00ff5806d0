"""Commits to weights that wait on chain to be revealed."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from engine.chain.substrate.schedule import Schedule, schedule_items, schedule_of
from engine.chain.substrate.storage import SUBNETS, SYSTEM, Item, Query, Storage, Values
from engine.values import WeightCommit

TIMELOCKED_COMMITS = "TimelockedWeightCommits"

_MECHANISMS_APART = 4096
"""The runtime's GLOBAL_MAX_SUBNET_COUNT."""

MOST_EPOCHS = 64
"""Reveal periods searched for timelocked commits; a subnet's is usually 1, and at most 100."""


def weights_index(netuid: int, mechanism: int) -> int:
    """The number under which a mechanism's weights and commits are stored."""
    return mechanism * _MECHANISMS_APART + netuid


def epochs_to_reveal(storage: Storage, stored: Values, schedule: Schedule, index: int) -> list[Item]:
    """The queues of unrevealed timelocked commits, oldest first: one per epoch."""
    if not (stored["CommitRevealWeightsEnabled"] and storage.has(SUBNETS, TIMELOCKED_COMMITS)):
        return []
    epoch, period = schedule.index, min(stored["RevealPeriodEpochs"], MOST_EPOCHS)
    return [(SUBNETS, TIMELOCKED_COMMITS, index, past) for past in range(max(epoch - period, 0), epoch + 1)]


def timelocked_commits(storage: Storage, query: Query, netuid: int, mechanism: int, hotkey: str) -> frozenset[str]:
    """The hashes of this hotkey's timelocked commits that wait to be revealed. Raises `Unfit`."""
    names = ("CommitRevealWeightsEnabled", "RevealPeriodEpochs", *schedule_items(storage))
    block, *found = storage.read(query, [(SYSTEM, "Number"), *((SUBNETS, name, netuid) for name in names)])
    stored = dict(zip(names, found, strict=True))
    queues = epochs_to_reveal(storage, stored, schedule_of(stored, netuid, block), weights_index(netuid, mechanism))
    waiting = (one for queue in storage.read(query, queues) for one in queue)
    return frozenset(_commit_hash(sealed) for who, _, sealed, _ in waiting if who == hotkey)


def _commit_hash(sealed: bytes) -> str:
    return "0x" + hashlib.blake2b(sealed, digest_size=32).hexdigest()


def timelocked(schedule: Schedule, period: int, queues: Sequence[Any], hotkey: str) -> Iterable[WeightCommit]:
    """This hotkey's commits in these queues, the last of which is the current epoch's."""
    for ahead, queue in enumerate(queues, 1 + period - len(queues)):
        first = schedule.last + ahead * schedule.length
        for who, made, commit, _ in queue:
            if who == hotkey:
                yield WeightCommit(
                    hash=_commit_hash(commit),
                    block=made,
                    reveal_from=first,
                    reveal_until=first + schedule.length - 1,
                    timelocked=True,
                )


def commits(stored: Iterable[tuple[bytes, int, int, int]], block: int) -> tuple[WeightCommit, ...]:
    """Only the commits that can still be revealed: the chain keeps expired ones until the next commit."""
    return tuple(
        WeightCommit(hash="0x" + bound.hex(), block=made, reveal_from=first, reveal_until=last)
        for bound, made, first, last in stored
        if last >= block
    )
