"""Weights sealed with the drand beacon, for the chain to open: commit-reveal v4, through `bittensor-drand`.

The library is an extra. It works offline: sealed weights can be opened once the beacon has signed a future round.
"""

from importlib.util import find_spec

from engine.chain.commitment import LARGEST_YUMA
from engine.chain.interface import TIMELOCKED, CannotSeal, Sealed
from engine.chain.substrate.messages import Seal
from engine.keys import public_key
from engine.packages import install

NEEDS_DRAND = (
    "CommitRevealEnabled: this subnet hides weights by commit-reveal, which needs bittensor-drand; install it with"
)

SCHEDULE = (
    "LastEpochBlock",
    "PendingEpochAt",
    "SubnetEpochIndex",
    "Tempo",
    "BlocksSinceLastStep",
    "RevealPeriodEpochs",
)
"""The items that decide when a commit is revealed, by netuid; all read at one block."""


def obstacle() -> str:
    """Why weights cannot be sealed on this machine; "" if they can."""
    return "" if find_spec("bittensor_drand") else f"{NEEDS_DRAND} {install('bittensor-drand')}"


def seal(asked: Seal, *, block: int, schedule: tuple[int, ...], version: int, most: int = LARGEST_YUMA) -> Sealed:
    """The weights, sealed by the `SCHEDULE` of this block, for a chain that takes `most` bytes in this version.

    Raises `CannotSeal`.
    """
    if missing := obstacle():
        raise CannotSeal(missing)
    if version != TIMELOCKED:
        raise CannotSeal(
            f"IncorrectCommitRevealVersion: the chain takes commits of version {version}, and this program makes "
            f"version {TIMELOCKED}: update it"
        )
    from bittensor_drand import get_encrypted_commit_v2

    hotkey = public_key(asked.hotkey)
    if hotkey is None:
        raise CannotSeal(f"InvalidArguments: {asked.hotkey} is not an ss58 address")
    last_epoch, pending, index, tempo, since_step, period = schedule
    try:
        commit, reveal_round = get_encrypted_commit_v2(
            uids=asked.uids,
            weights=asked.values,
            version_key=asked.version_key,
            last_epoch_block=last_epoch,
            pending_epoch_at=pending,
            subnet_epoch_index=index,
            tempo=tempo,
            blocks_since_last_step=since_step,
            current_block=block,
            subnet_reveal_period_epochs=period,
            block_time=asked.block_time,
            hotkey=hotkey,
        )
    except (ValueError, OverflowError) as error:
        raise CannotSeal(f"InvalidArguments: these weights cannot be sealed: {error}") from error
    if len(commit) > most:
        raise CannotSeal(f"CommitPayloadTooLarge: {len(commit)} bytes; the chain takes {most}")
    return Sealed(commit=commit, reveal_round=reveal_round, version=version)
