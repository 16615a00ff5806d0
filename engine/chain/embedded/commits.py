"""Committing to weights and revealing them: bound to now, known an epoch later, so that nobody can copy them in time.

A commit of epoch e may be revealed in epoch e + `reveal_period` and in no other; an older one is dropped.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.chain.embedded.refusal import Refused
from engine.chain.embedded.state import Commit, State, with_slot
from engine.chain.embedded.weighing import require_rest, revealed_weights, staked_uid
from engine.values import WeightCommit

MOST = 10
"""Commits of one hotkey that wait to be revealed."""


def commit_weights(state: State, *, hotkey: str, commit_hash: str) -> State:
    """The commit noted and LastUpdate moved: it is the commit that keeps to the rate limit. Raises `Refused`."""
    _require_commit_reveal(state)
    own = staked_uid(state, hotkey)
    slot = state.slots[own]
    require_rest(state, slot, "CommittingWeightsTooFast")
    waiting = _waiting(state, slot.commits)
    if len(waiting) >= MOST:
        raise Refused("TooManyUnrevealedCommits", f"{len(waiting)} wait to be revealed")
    commits = (*waiting, Commit(commit_hash, state.block, state.epochs))
    return with_slot(state, own, replace(slot, commits=commits, last_update=state.block))


def reveal_weights(
    state: State, *, hotkey: str, commit_hash: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
) -> State:
    """The weights of a commit set, which ends it and those before it; `commit_hash` is that of what was revealed.

    Raises `Refused`, and `ValueError` as `set_weights` does.
    """
    _require_commit_reveal(state)
    own = staked_uid(state, hotkey)
    slot = state.slots[own]
    waiting = _waiting(state, slot.commits)
    if commit_hash in {commit.hash for commit in slot.commits} - {commit.hash for commit in waiting}:
        raise Refused("ExpiredWeightCommit", "its epoch to be revealed in has passed")
    if not waiting:
        raise Refused("NoWeightsCommitFound")
    at = next((place for place, commit in enumerate(waiting) if commit.hash == commit_hash), None)
    if at is None:
        raise Refused("InvalidRevealCommitHashNotMatch", "these weights and this salt were not committed to")
    early = _due(state, waiting[at]) - state.epochs
    if early > 0:
        raise Refused("RevealTooEarly", f"from block {_first_block(state, waiting[at])}")
    state = with_slot(state, own, replace(slot, commits=waiting[at + 1 :]))
    return revealed_weights(state, hotkey=hotkey, uids=uids, values=values, version_key=version_key)


def waiting_commits(state: State, hotkey: str) -> tuple[WeightCommit, ...]:
    """What this hotkey can still reveal, oldest first."""
    own = state.uid_of(hotkey)
    return tuple(
        WeightCommit(
            hash=commit.hash,
            block=commit.block,
            reveal_from=_first_block(state, commit),
            reveal_until=_first_block(state, commit) + state.rules.tempo - 1,
        )
        for commit in (_waiting(state, state.slots[own].commits) if own is not None else ())
    )


def _require_commit_reveal(state: State) -> None:
    if not state.rules.commit_reveal:
        raise Refused("CommitRevealDisabled", "this subnet takes plain weights")


def _due(state: State, commit: Commit) -> int:
    """The epoch in which it may be revealed."""
    return commit.epoch + state.rules.reveal_period


def _waiting(state: State, commits: Sequence[Commit]) -> tuple[Commit, ...]:
    return tuple(commit for commit in commits if _due(state, commit) >= state.epochs)


def _first_block(state: State, commit: Commit) -> int:
    """Where its epoch begins, or will."""
    return state.last_epoch + (_due(state, commit) - state.epochs) * state.rules.tempo
