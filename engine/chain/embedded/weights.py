"""A validator's weights: set at once, or committed to now and revealed an epoch later, too late for others to copy.

The checks are the chain's, in its order and with its error names. A commit of epoch e may be revealed only in epoch
e + `reveal_period`; an older one is dropped.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from engine.chain.embedded.state import RAO, ChainState, Commit, Ended, Refused, Slot, to_rao, with_slot
from engine.chain.embedded.timelock import Payload
from engine.chain.interface import TIMELOCKED, Fate, Sealed
from engine.values import U16_MAX, WeightCommit

MOST_COMMITS = 10
"""Most unrevealed commits of one hotkey: the chain's MaxUnrevealedCommits."""


def set_weights(
    state: ChainState, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
) -> ChainState:
    """Replace the hotkey's weights and move its LastUpdate to this block.

    `uids` and `values` are u16. A single weight on itself needs neither a permit nor a minimum number of weights.
    Raises `Refused`, and `ValueError` for values that cannot be encoded.
    """
    if state.rules.commit_reveal:
        raise Refused("CommitRevealEnabled", "this subnet takes commits, not plain weights")
    return _weighed(state, hotkey, uids, values, version_key, revealed=False)


def commit_weights(state: ChainState, *, hotkey: str, commit_hash: str, sealed: bytes = b"") -> ChainState:
    """Record the commit and move LastUpdate: the rate limit applies to the commit. Raises `Refused`."""
    _require_commit_reveal(state)
    own = _staked_uid(state, hotkey)
    slot = state.slots[own]
    _require_rest(state, slot, "CommittingWeightsTooFast")
    waiting = _waiting(state, slot.commits)
    if len(waiting) >= MOST_COMMITS:
        raise Refused("TooManyUnrevealedCommits", f"{len(waiting)} wait to be revealed")
    commits = (*waiting, Commit(commit_hash, state.block, state.epochs, sealed))
    return with_slot(state, own, replace(slot, commits=commits, last_update=state.block))


def commit_timelocked(state: ChainState, *, hotkey: str, sealed: Sealed) -> ChainState:
    """Like `commit_weights`, for weights that the chain itself will reveal. Raises `Refused`."""
    if sealed.version != TIMELOCKED:
        raise Refused("IncorrectCommitRevealVersion", f"{sealed.version}, the chain requires {TIMELOCKED}")
    return commit_weights(state, hotkey=hotkey, commit_hash=sealed.hash, sealed=sealed.commit)


def reveal_due(state: ChainState, opened: Callable[[bytes], Payload | None]) -> ChainState:
    """Reveal the timelocked commits due in this epoch; those that cannot be opened or break a rule are dropped."""
    for uid, slot in enumerate(state.slots):
        due = [one for one in slot.commits if one.sealed and _due(state, one) <= state.epochs]
        if not due:
            continue
        state = with_slot(state, uid, replace(slot, commits=tuple(one for one in slot.commits if one not in due)))
        for commit in due:
            payload = opened(commit.sealed) if _due(state, commit) == state.epochs else None
            after = state if payload is None else _opened(state, slot.hotkey, payload)
            ended = (*after.slots[uid].ended, Ended(commit.hash, state.block, after is not state))[-MOST_COMMITS:]
            state = with_slot(after, uid, replace(after.slots[uid], ended=ended))
    return state


def _opened(state: ChainState, hotkey: str, payload: Payload) -> ChainState:
    """The state with the weights of a commit of this hotkey; as it was if they break a rule."""
    if payload.hotkey != hotkey:
        return state
    try:
        return _weighed(state, hotkey, payload.uids, payload.values, payload.version_key, revealed=True)
    except (Refused, ValueError):
        return state


def fate_of(state: ChainState, *, hotkey: str, commit: str) -> Fate:
    """What has become of a timelocked commit."""
    own = state.uid_of(hotkey)
    if own is None:
        return Fate("dropped", state.block)
    slot = state.slots[own]
    if any(one.hash == commit for one in slot.commits):
        return Fate("waiting")
    ends = (Fate("revealed" if one.revealed else "dropped", one.block) for one in slot.ended if one.hash == commit)
    return next(ends, Fate("unknown"))


def reveal_weights(
    state: ChainState,
    *,
    hotkey: str,
    commit_hash: str,
    uids: Sequence[int],
    values: Sequence[int],
    version_key: int = 0,
) -> ChainState:
    """Set the weights of a commit, which removes it and all earlier ones; `commit_hash` is the hash of the reveal.

    Raises `Refused`, and `ValueError` as `set_weights` does.
    """
    _require_commit_reveal(state)
    own = _staked_uid(state, hotkey)
    slot = state.slots[own]
    waiting = _waiting(state, slot.commits)
    if commit_hash in {commit.hash for commit in slot.commits} - {commit.hash for commit in waiting}:
        raise Refused("ExpiredWeightCommit", "its reveal epoch has passed")
    if not waiting:
        raise Refused("NoWeightsCommitFound")
    at = next((place for place, commit in enumerate(waiting) if commit.hash == commit_hash), None)
    if at is None:
        raise Refused("InvalidRevealCommitHashNotMatch", "no commit matches these weights and this salt")
    early = _due(state, waiting[at]) - state.epochs
    if early > 0:
        raise Refused("RevealTooEarly", f"from block {_first_block(state, waiting[at])}")
    state = with_slot(state, own, replace(slot, commits=waiting[at + 1 :]))
    return _weighed(state, hotkey, uids, values, version_key, revealed=True)


def waiting_commits(state: ChainState, hotkey: str) -> tuple[WeightCommit, ...]:
    """The commits that this hotkey can still reveal, oldest first."""
    own = state.uid_of(hotkey)
    return tuple(
        WeightCommit(
            hash=commit.hash,
            block=commit.block,
            reveal_from=_first_block(state, commit),
            reveal_until=_first_block(state, commit) + state.rules.tempo - 1,
            timelocked=bool(commit.sealed),
        )
        for commit in (_waiting(state, state.slots[own].commits) if own is not None else ())
    )


def _require_commit_reveal(state: ChainState) -> None:
    if not state.rules.commit_reveal:
        raise Refused("CommitRevealDisabled", "this subnet takes plain weights")


def _due(state: ChainState, commit: Commit) -> int:
    """The epoch in which a commit may be revealed."""
    return commit.epoch + state.rules.reveal_period


def _waiting(state: ChainState, commits: Sequence[Commit]) -> tuple[Commit, ...]:
    return tuple(commit for commit in commits if _due(state, commit) >= state.epochs)


def _first_block(state: ChainState, commit: Commit) -> int:
    """The block in which a commit's reveal epoch begins."""
    return state.last_epoch + (_due(state, commit) - state.epochs) * state.rules.tempo


def _staked_uid(state: ChainState, hotkey: str) -> int:
    """The uid of a hotkey with enough stake to set weights. Raises `Refused`."""
    own, stake, threshold = state.uid_of(hotkey), state.stake_of(hotkey), state.rules.stake_threshold
    if own is None:
        raise Refused("HotKeyNotRegisteredInSubNet")
    if stake < to_rao(threshold):
        raise Refused("NotEnoughStakeToSetWeights", f"{stake / RAO:g} of {threshold:g}")
    return own


def _require_rest(state: ChainState, slot: Slot, error: str) -> None:
    """Raise `Refused` with this error until the rate limit's blocks since LastUpdate have passed."""
    wait = slot.last_update + state.rules.weights_rate_limit - state.block if slot.last_update else 0
    if wait > 0:
        raise Refused(error, f"{wait} blocks left")


def _weighed(
    state: ChainState, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int, *, revealed: bool
) -> ChainState:
    """Replace the weights. `revealed` ones ignore LastUpdate and the rate limit, which applied to their commit."""
    if not all(0 <= number <= U16_MAX for number in (*uids, *values)):
        raise ValueError(f"uids and weights must be from 0 to {U16_MAX}")
    rules = state.rules
    if len(uids) != len(values):
        raise Refused("WeightVecNotEqualSize", f"{len(uids)} uids, {len(values)} values")
    if len(uids) > len(state.slots):
        raise Refused("UidsLengthExceedUidsInSubNet", f"{len(uids)} uids, the subnet has {len(state.slots)}")
    own = _staked_uid(state, hotkey)
    if version_key < rules.weights_version:
        raise Refused("IncorrectWeightVersionKey", f"{version_key}, the subnet requires {rules.weights_version}")
    slot = state.slots[own]
    if not revealed:
        _require_rest(state, slot, "SettingWeightsTooFast")
    on_itself = list(uids) == [own]
    if not (slot.validator_permit or on_itself):
        raise Refused("NeuronNoValidatorPermit", "permits are reassigned at each epoch, by stake")
    if len(set(uids)) != len(uids):
        raise Refused("DuplicateUids")
    if max(uids, default=-1) >= len(state.slots):
        raise Refused("UidVecContainInvalidOne", f"the subnet has uids 0 to {len(state.slots) - 1}")
    wanted = min(rules.min_allowed_weights, len(state.slots))
    if len(uids) < wanted and not on_itself:
        raise Refused("WeightVecLengthIsLow", f"{len(uids)} weights, the subnet requires {wanted}")
    weights = tuple(zip(uids, _max_upscaled(values), strict=True))
    last_update = slot.last_update if revealed else state.block
    return with_slot(state, own, replace(slot, weights=weights, last_update=last_update))


def _max_upscaled(values: Sequence[int]) -> list[int]:
    """The values scaled so that the largest is 65535, halves rounded up. Zeros stay zeros."""
    top = max(values, default=0)
    if top == 0:
        return list(values)
    return [(2 * value * U16_MAX + top) // (2 * top) for value in values]
