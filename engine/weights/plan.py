"""Turns scores by hotkey into weights by uid, using the metagraph of the same block.

Scores are kept by hotkey and uids are looked up only here, so that a neuron that takes over a uid inherits nothing
that its predecessor earned. The tiers and the freshness gate are the Loosh validator's (answers of 3 h, 24 h, any age);
its limits of 4000 and 4500 blocks become shares of the chain's activity cutoff (5000 there).
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.commitment import commitment
from engine.chain.interface import Look
from engine.values import Neuron, max_upscale

Mode = Literal["normal", "degraded", "emergency"]

DEGRADED_FROM = 0.8
EMERGENCY_FROM = 0.9
"""Tier thresholds: the share of the activity cutoff that has passed without weights."""

FRESH_FOR_S: dict[Mode, float] = {"normal": 3 * 3600.0, "degraded": 24 * 3600.0, "emergency": math.inf}
"""The maximum age of a miner's last answer, in seconds, for its score to count."""

SCORED_EACH = 3
"""Average number of scored replies per serving miner before a new scoring profile replaces another one's weights."""


class HotkeyScore(Struct, frozen=True, kw_only=True):
    """A miner's score (0 or more, on any scale) and when it last answered, in unix seconds; 0 for never.

    `penalty` is the share of the score already taken by a penalty.
    """

    hotkey: str
    score: float
    last_answer_at: float = 0.0
    penalty: float = 0.0


class Basis(Struct, frozen=True, kw_only=True):
    """The basis of the scores: `scored` replies, judged by `profile`; `on_chain_by` made the weights now on chain.

    A profile is "" when unknown.
    """

    profile: str = ""
    scored: int = 0
    on_chain_by: str = ""

    def why_weights_stand(self, serving: int) -> str:
        """Why the weights on chain are kept, or "" if they may be replaced.

        Another profile's weights are replaced once this one has scored enough: it cannot weigh unscored miners.
        """
        enough = SCORED_EACH * serving
        if self.on_chain_by in ("", self.profile) or self.scored >= enough:
            return ""
        return f"keeping the weights made by {self.on_chain_by} until {self.profile} has scored {enough} replies"


UNKNOWN_BASIS = Basis()


class WeightRow(Struct, frozen=True, kw_only=True):
    """One weight: `weight` is its share (all rows sum to 1), `u16` the value sent (the largest is 65535).

    `penalty` is the share of the score that the sybil penalty took.
    """

    uid: int
    hotkey: str
    weight: float
    u16: int
    penalty: float = 0.0


class WeightPlan(Struct, frozen=True, kw_only=True):
    """The weights that `hotkey` sets at `block`, for the epoch due at block `window`.

    `last_update` is the hotkey's LastUpdate before the submission. With a `salt`, the weights are committed to and
    revealed later; sealed weights are identified by the hash of their `commit` instead, and the chain can open them
    from `reveal_round` on. `unchanged` says that the chain had these very weights before the commit, or gets them
    from an earlier one that still waits. `profile` is the scoring profile that made the scores, "" in plans of earlier
    versions. `skipped` says why nothing should be set, or is ""; a skipped plan has no rows.
    """

    netuid: int
    hotkey: str
    block: int
    window: int
    last_update: int = 0
    version_key: int = 0
    salt: tuple[int, ...] = ()
    commit: str = ""
    reveal_round: int = 0
    unchanged: bool = False
    mode: Mode = "normal"
    rows: tuple[WeightRow, ...] = ()
    skipped: str = ""
    profile: str = ""

    @property
    def uids(self) -> list[int]:
        """The uids to send, parallel to `values`."""
        return [row.uid for row in self.rows]

    @property
    def values(self) -> list[int]:
        """The u16 weight of each uid."""
        return [row.u16 for row in self.rows]

    @property
    def commit_hash(self) -> str:
        """The hash that a committed plan has on chain; "" for plain weights."""
        if not self.salt:
            return self.commit
        return commitment(
            self.netuid,
            self.hotkey,
            uids=self.uids,
            values=self.values,
            salt=self.salt,
            version_key=self.version_key,
        )

    def is_of(self, netuid: int, hotkey: str) -> bool:
        """Whether this hotkey made it for this subnet; a journal may hold plans of other hotkeys and subnets."""
        return (self.netuid, self.hotkey) == (netuid, hotkey)


def plan_weights(look: Look, scores: Iterable[HotkeyScore], *, now: float, basis: Basis = UNKNOWN_BASIS) -> WeightPlan:
    """The plan for the validator that `look` belongs to, at its block; `now` is unix seconds."""
    own, metagraph, rules = look.own, look.metagraph, look.rules
    known = tuple(scores)
    mode: Mode = "normal"
    rows: tuple[WeightRow, ...] = ()
    if own is None:
        skipped = f"hotkey {look.hotkey} is not registered on netuid {metagraph.netuid}"
    else:
        mode = mode_after(look.block - max(own.last_update, own.registered_at), rules.activity_cutoff)
        serving = tuple(neuron for neuron in metagraph.neurons if neuron.serving and neuron.hotkey != look.hotkey)
        wanted = min(rules.min_allowed_weights, len(metagraph.neurons))
        skipped = basis.why_weights_stand(len(serving))
        if not skipped:
            rows, skipped = _rows(serving, fresh_scores(known, mode, now), mode, wanted)
        penalties = {entry.hotkey: entry.penalty for entry in known if entry.penalty}
        rows = tuple(replace(row, penalty=penalties[row.hotkey]) if row.hotkey in penalties else row for row in rows)
    return WeightPlan(
        netuid=metagraph.netuid,
        hotkey=look.hotkey,
        block=look.block,
        window=look.next_epoch,
        last_update=own.last_update if own else 0,
        version_key=rules.weights_version,
        mode=mode,
        rows=rows,
        skipped=skipped,
        profile=basis.profile,
    )


def mode_after(blocks: int, activity_cutoff: int) -> Mode:
    """The tier of a validator whose weights are `blocks` old."""
    if blocks >= EMERGENCY_FROM * activity_cutoff:
        return "emergency"
    return "degraded" if blocks >= DEGRADED_FROM * activity_cutoff else "normal"


def fresh_scores(scores: Iterable[HotkeyScore], mode: Mode, now: float) -> dict[str, float]:
    """Scores by hotkey; 0 if the last answer is older than the tier allows, or the score cannot be a weight."""
    oldest = now - FRESH_FOR_S[mode]
    return {
        entry.hotkey: entry.score if can_weigh(entry.score) and entry.last_answer_at >= oldest else 0.0
        for entry in scores
    }


def can_weigh(score: float) -> bool:
    """Whether a score can be a weight: neither NaN nor infinite nor negative."""
    return 0 <= score < math.inf


def _rows(
    serving: Sequence[Neuron], scores: dict[str, float], mode: Mode, wanted: int
) -> tuple[tuple[WeightRow, ...], str]:
    """Rows ordered by uid, or the reason why there are none.

    Where the subnet requires more weights than there are scores, miners without a score are added with weight 0.
    """
    earned = {neuron.uid: scores.get(neuron.hotkey, 0.0) for neuron in serving}
    top = max(earned.values(), default=0.0)
    if not serving:
        return (), "no miner is serving"
    if len(serving) < wanted:
        return (), f"{len(serving)} miners are serving; the subnet requires at least {wanted} weights"
    if top == 0.0 and mode != "emergency":
        return (), f"no serving miner has a score from the last {FRESH_FOR_S[mode] / 3600:.0f} h"
    shares = {uid: score / top if top else 1.0 for uid, score in earned.items()}
    best_first = sorted(serving, key=lambda neuron: (-shares[neuron.uid], neuron.uid))
    chosen = [neuron for rank, neuron in enumerate(best_first) if shares[neuron.uid] > 0 or rank < wanted]
    total = math.fsum(shares.values())
    scaled = max_upscale([shares[neuron.uid] for neuron in chosen])
    rows = (
        WeightRow(uid=neuron.uid, hotkey=neuron.hotkey, weight=shares[neuron.uid] / total, u16=u16)
        for neuron, u16 in zip(chosen, scaled, strict=True)
    )
    return tuple(sorted(rows, key=lambda row: row.uid)), ""
