"""Weights: what was planned, what was committed to, and when the next are due."""

from msgspec import Struct


class PlanView(Struct, frozen=True, kw_only=True):
    """One row of the journal of weights."""

    at: float
    block: int
    mode: str
    uids: tuple[int, ...]
    weights_u16: tuple[int, ...]
    outcome: str
    reason: str
    version_key: int = 0


class NextPlanView(Struct, frozen=True, kw_only=True):
    """The weights that would be sent now: how many, and how many bytes they have as a timelocked commit.

    `skipped` is why none would be, "" for no reason.
    """

    weights: int = 0
    sealed_bytes: int = 0
    skipped: str = ""


class CommitView(Struct, frozen=True, kw_only=True):
    """Weights that are committed to since `block`, and may be revealed between two other blocks.

    The chain itself reveals those that are `timelocked`.
    """

    block: int
    reveal_from: int
    reveal_until: int
    timelocked: bool = False


class SetterView(Struct, frozen=True, kw_only=True):
    """What sets the weights: it sends nothing by itself before `next_block`, waits for `what`, and why; its commits.

    Of the windows that have ended in this run, weights were set in `windows_set`, and not in `windows_missed`.
    """

    next_block: int
    what: str
    reason: str
    commits: tuple[CommitView, ...] = ()
    windows_set: int = 0
    windows_missed: int = 0
