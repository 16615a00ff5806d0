"""One look at the chain, and what follows from it: when weights may be set, and whether those sent have landed."""

from msgspec import Struct

from engine.values import Hyperparameters, Metagraph, Neuron, Outcome, WeightCommit
from engine.weights.plan import WeightPlan

SET_FROM = 0.75
"""The share of the tempo after which weights are set: late enough for fresh scores, early enough to land."""


class Moment(Struct, frozen=True, kw_only=True):
    """What the chain says at the metagraph's block.

    `weights` are those that `hotkey` has on it, as (uid, u16); `commits` are those it can still reveal, and were read
    before the weights, so that one which is revealed in between is in both and not in neither.
    """

    hotkey: str
    metagraph: Metagraph
    rules: Hyperparameters
    next_epoch: int
    commits: tuple[WeightCommit, ...] = ()
    weights: tuple[tuple[int, int], ...] = ()

    @property
    def block(self) -> int:
        return self.metagraph.block

    @property
    def own(self) -> Neuron | None:
        return self.metagraph.by_hotkey(self.hotkey)


class Wait(Struct, frozen=True):
    """Nothing is due before block `until`: `what` is waited for, and `reason` says more.

    A refusal of the chain begins with its error name.
    """

    until: int
    what: str
    reason: str


def wait_for_window(moment: Moment) -> Wait | None:
    """Weights are set once in each window of one tempo, in its last quarter. None when this window's are due.

    A registration moves LastUpdate too, but leaves neither weights nor a commit.
    """
    tempo, own = moment.rules.tempo, moment.own
    opened = moment.next_epoch - tempo
    first = opened + int(SET_FROM * tempo)
    if own is not None and own.last_update >= opened and (moment.weights or moment.commits):
        return Wait(
            first + tempo, "the next window", f"set at block {own.last_update}, again from block {first + tempo}"
        )
    return Wait(first, "the window", f"due from block {first}") if moment.block < first else None


def wait_for_rules(moment: Moment) -> Wait | None:
    """What the chain would refuse at this block, None when nothing speaks against."""
    own, rules = moment.own, moment.rules
    if own is None:
        return Wait(moment.block + 1, "a uid", "HotKeyNotRegisteredInSubNet: this hotkey has no uid")
    left = own.last_update + rules.weights_rate_limit - moment.block if own.last_update else 0
    if left > 0:
        error = "CommittingWeightsTooFast" if rules.commit_reveal else "SettingWeightsTooFast"
        return Wait(moment.block + left, "the rate limit", f"{error}: {left} blocks left")
    if not own.validator_permit:
        reason = f"NeuronNoValidatorPermit: permits are given next at block {moment.next_epoch}"
        return Wait(moment.next_epoch, "a validator permit", reason)
    return None


def outcome_of(plan: WeightPlan, moment: Moment, *, lost_after: int, committed_to: str = "") -> Outcome | None:
    """What became of a plan that may have been sent: ok when LastUpdate moved and the weights read back equal.

    None while it may still land, which it no longer can once the block is beyond `lost_after`. `committed_to` is the
    hash that was sent instead of weights, "" without one: what has landed then is a commit.
    """
    own = moment.own
    if own is None:
        return Outcome(status="rejected", reason="HotKeyNotRegisteredInSubNet: this hotkey lost its uid")
    landed = next((commit for commit in moment.commits if commit.hash == committed_to), None)
    if landed is not None:
        reason = f"to be revealed from block {landed.reveal_from}"
        return Outcome(status="committed", block=landed.block, reason=reason)
    moved = own.last_update > plan.last_update
    if (moved or own.last_update == plan.block) and reads_back(plan, moment):
        return Outcome(status="ok", block=own.last_update)
    if moved and moment.weights and not committed_to:
        return Outcome(status="rejected", reason=f"Overwritten: other weights were set at block {own.last_update}")
    if moment.block > lost_after:
        return Outcome(status="rejected", reason=f"NotIncluded: no trace of it on chain at block {moment.block}")
    return None


def reads_back(plan: WeightPlan, moment: Moment) -> bool:
    """Whether the chain has the plan's weights, but for uids that changed hands since: those it has set to 0."""
    holders = {neuron.uid: neuron.hotkey for neuron in moment.metagraph.neurons}
    planned = {row.uid: row.u16 for row in plan.rows if row.u16 and holders.get(row.uid) == row.hotkey}
    return planned == {uid: value for uid, value in moment.weights if value}
