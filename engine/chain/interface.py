"""The `Chain` that a neuron talks to: embedded (`engine.chain.embedded`) or real (`engine.chain.substrate`).

Any call may raise `ChainUnavailable`, and any call may be cancelled: a cancelled call leaves nothing behind that would
delay or confuse the next one, and its submission has landed, lands later, or never does. A submission returns an
`Outcome` and never raises for a refusal: `rejected` starts with the chain's own error name, as in
"SettingWeightsTooFast: 12 blocks left".

A submission of weights is `born` in the block that they were planned at, by default the head: it lands within
`mortality` blocks of that one or never, whoever still holds it.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from engine.keys import Signer
from engine.values import Hyperparameters, Metagraph, Neuron, Outcome, Subnet, WeightCommit


class ChainUnavailable(Exception):
    """The chain gave no answer in time; the message says which endpoint and what to do."""


NOT_SENT = "NotSent"
"""Our own error name, for a call that no endpoint could be asked to make ready: nothing was signed."""


class CannotSeal(Exception):
    """Weights cannot be sealed here; the message begins with an error name and says what to do."""


class Sealed(Struct, frozen=True, kw_only=True):
    """Weights that nobody can read before the beacon's round `reveal_round`, in the chain's format `version`."""

    commit: bytes
    reveal_round: int
    version: int

    @property
    def hash(self) -> str:
        """Identifies it: blake2b-256 of the commit, "0x" and 64 hex digits."""
        return "0x" + hashlib.blake2b(self.commit, digest_size=32).hexdigest()


TIMELOCKED = 4
"""The format of timelocked commits: commit-reveal v4, which the chain calls CommitRevealWeightsVersion."""


Row = tuple[tuple[int, int], ...]
"""A validator's weights: (uid, u16)."""


def shares_of(row: Row) -> dict[int, float]:
    """The weights by uid, scaled to sum to 1; empty if all are 0."""
    total = sum(value for _, value in row)
    return {uid: value / total for uid, value in row} if total else {}


class Fate(Struct, frozen=True):
    """What has become of a timelocked commit by the last final block, which no reorganisation takes back.

    A `waiting` one is still to be revealed. In `block`, the chain set the weights of a `revealed` one, or removed a
    `dropped` one without setting any. It is `unknown` where the blocks in question are no longer kept.
    """

    state: Literal["waiting", "revealed", "dropped", "unknown"]
    block: int = 0


class Look(Struct, frozen=True, kw_only=True):
    """A subnet, with what it holds for one hotkey and one coldkey, all as of one block.

    The last epoch ran in block `last_epoch` and the next is due in `next_epoch`, both by the chain's schedule, since an
    owner may change the tempo or trigger an epoch at any time. `pending_epoch` is the block of a triggered epoch, or 0;
    `epoch_index` counts the epochs run, and `since_step` the blocks since the last one that took effect. `rows` are the
    weights of every validator by its uid, as (uid, u16), max-upscaled; `commits` are this hotkey's unrevealed commits,
    oldest first. `beacon_round` is the last beacon round known to the chain, which opens timelocked commits with it.
    `balance` is the coldkey's, in tokens. The block was made at `made_at` by the chain's own clock, in unix seconds; 0
    if the chain does not say.
    """

    hotkey: str = ""
    metagraph: Metagraph
    rules: Hyperparameters = Hyperparameters()
    subnet: Subnet = Subnet()
    last_epoch: int = 0
    next_epoch: int = 0
    pending_epoch: int = 0
    epoch_index: int = 0
    since_step: int = 0
    beacon_round: int = 0
    rows: dict[int, Row] = {}
    commits: tuple[WeightCommit, ...] = ()
    balance: float = 0.0
    made_at: float = 0.0

    @property
    def block(self) -> int:
        """The block of this look; 0 if nothing has been read yet."""
        return self.metagraph.block

    @property
    def own(self) -> Neuron | None:
        """The hotkey's neuron; None if it is not registered."""
        return self.metagraph.by_hotkey(self.hotkey)

    @property
    def weights(self) -> Row:
        """The weights set by the hotkey."""
        return self.rows.get(self.own.uid, ()) if self.own else ()

    @property
    def shares(self) -> dict[int, float]:
        """The hotkey's weights by uid, scaled to sum to 1."""
        return shares_of(self.weights)


class ChainEndpoint(Struct, frozen=True, kw_only=True):
    """One endpoint of a chain and its health.

    A `behind` endpoint answers, but its head is stuck or far behind the others; an `unfit` one serves another chain, a
    fork, or a runtime that lacks what we need. `block` is the last head seen there; 0 for none.
    """

    url: str
    state: Literal["untried", "good", "behind", "failing", "unfit"] = "untried"
    block: int = 0
    reason: str = ""


class Chain(Protocol):
    """A chain, behind one endpoint or several."""

    @property
    def endpoint(self) -> str:
        """The endpoint in use, as shown on screens: "embedded" or a URL."""
        ...

    @property
    def endpoints(self) -> tuple[ChainEndpoint, ...]:
        """All endpoints, in the operator's order."""
        ...

    @property
    def network(self) -> str:
        """embedded, finney, test, local or a URL."""
        ...

    @property
    def block_time(self) -> float:
        """Seconds per block."""
        ...

    @property
    def mechanism(self) -> int:
        """The mechanism of the subnet whose weights are read and set."""
        ...

    @property
    def cannot_seal(self) -> str:
        """Why `seal_weights` would raise `CannotSeal` on this machine; "" if it would not."""
        ...

    @property
    def mortality(self) -> int:
        """How many blocks after its birth a submission may land: its era."""
        ...

    async def block(self) -> int:
        """The number of the head block."""
        ...

    async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
        """The subnet at the head block; without keys, only its public state."""
        ...

    async def register(self, netuid: int, *, coldkey: Signer, hotkey: str, limit: float | None = None) -> Outcome:
        """Register a hotkey for at most `limit` tokens; None for any price."""
        ...

    async def serve_axon(self, netuid: int, *, hotkey: Signer, ip: str, port: int) -> Outcome:
        """Announce where this hotkey serves. `ip` is a literal."""
        ...

    async def set_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        version_key: int = 0,
        born: int | None = None,
    ) -> Outcome:
        """Set plain weights; `uids` and `values` are u16."""
        ...

    async def commit_weights(
        self, netuid: int, *, hotkey: Signer, commit_hash: str, born: int | None = None
    ) -> Outcome:
        """Commit this hotkey to weights that are revealed an epoch later; `engine.chain.commitment` makes the hash."""
        ...

    async def seal_weights(
        self, netuid: int, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
    ) -> Sealed:
        """Seal weights until the epoch in which the chain reveals a commit made now. May raise `CannotSeal`."""
        ...

    async def commit_timelocked(
        self, netuid: int, *, hotkey: Signer, sealed: Sealed, born: int | None = None
    ) -> Outcome:
        """Commit this hotkey to sealed weights, which the chain reveals by itself."""
        ...

    async def fate_of(self, netuid: int, *, hotkey: str, commit: str, since: int) -> Fate:
        """What has become of this hotkey's timelocked commit, by its hash; it was on chain in the block `since`."""
        ...

    async def reveal_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        salt: Sequence[int],
        version_key: int = 0,
    ) -> Outcome:
        """Reveal committed weights, with the salt of their hash."""
        ...

    async def add_stake(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        """Stake `amount` of the coldkey's tokens on a hotkey."""
        ...

    async def remove_stake(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        """Unstake `amount` from a hotkey, back to its coldkey."""
        ...

    async def add_collateral(
        self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float, price: float
    ) -> Outcome:
        """Lock `amount` of stake as the hotkey's collateral. Missing free stake is bought at no more than `price`."""
        ...

    async def set_min_collateral(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        """Keep the hotkey's collateral from draining below `amount`; 0 for no floor."""
        ...

    async def close(self) -> None:
        """Wait for calls in progress, then free everything. A second call does nothing."""
        ...
