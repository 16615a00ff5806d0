"""A subnet: its neurons and rules, and what became of what was sent to it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.values.quantity import Natural, Tokens

OutcomeStatus = Literal["ok", "rejected", "unknown", "committed", "applied", "lost"]
WENT_WELL = frozenset(("ok", "committed", "applied"))
"""Outcomes of what the chain has taken."""

EMBEDDED = "embedded"
"""The name of the network that is built in; its tokens are worth nothing."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of something that was sent to the chain. `unknown` is read back before anything is sent again.

    A commit to weights is `committed` until it is revealed, and then `applied`, or `lost` when that came to nothing.
    """

    status: OutcomeStatus
    reason: str = ""
    block: int = 0
    reference: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done or is on its way to being done."""
        return self.status in WENT_WELL


class WeightCommit(Struct, frozen=True, kw_only=True):
    """A commit to weights that was not revealed yet, on chain since `block`.

    `hash` is "0x" and 64 hex digits. It may be revealed from the block `reveal_from` until the block `reveal_until`,
    as far as can be told: an epoch may come earlier or later than planned. A `timelocked` one the chain reveals by
    itself, with the beacon's signature of a round; any other is revealed by whoever made it.
    """

    hash: str
    block: int
    reveal_from: int
    reveal_until: int
    timelocked: bool = False


class Kin(Struct, frozen=True):
    """A hotkey that gives stake to another, or has it, and the share (0..1) of the parent's stake."""

    hotkey: str
    share: float


class Neuron(Struct, frozen=True, kw_only=True):
    """One slot of the metagraph. Stake and emission in tokens; incentive, dividends, consensus, vtrust 0..1.

    `stake` is what permits and the stake threshold go by. It holds the part `inherited` from its parents, less what it
    gives to its children, and the part `root` for stake on the root network; both are as the chain weighs them.
    `take` is the share that a child keeps of what it earns for its parents. `collateral` of the stake on it is locked,
    and `drain` of it is freed for each alpha that it earns. `emission` is an epoch's. `name` is its owner's identity on
    chain, cleaned.
    """

    uid: int
    hotkey: str
    coldkey: str
    name: str = ""
    ip: str = ""
    port: int = 0
    axon_block: int = 0
    stake: float = 0.0
    inherited: float = 0.0
    root: float = 0.0
    collateral: float = 0.0
    drain: float = 1.0
    parents: tuple[Kin, ...] = ()
    children: tuple[Kin, ...] = ()
    take: float = 0.0
    validator_permit: bool = False
    active: bool = True
    incentive: float = 0.0
    dividends: float = 0.0
    consensus: float = 0.0
    validator_trust: float = 0.0
    emission: float = 0.0
    last_update: int = 0
    registered_at: int = 0

    @property
    def serving(self) -> bool:
        """Whether it announces an address that can be called."""
        return self.port > 0 and self.ip not in ("", "0", "0.0.0.0", "::")


class Metagraph(Struct, frozen=True, kw_only=True):
    """The neurons of one subnet at one block, ordered by uid."""

    netuid: int
    block: int
    neurons: tuple[Neuron, ...] = ()

    def by_hotkey(self, hotkey: str) -> Neuron | None:
        """The neuron of a hotkey; None if it is not registered."""
        return next((neuron for neuron in self.neurons if neuron.hotkey == hotkey), None)


Consensus = Literal["yuma", "null"]
"""How a subnet makes one of its validators' weights; by null, the one with the most stake decides alone."""


Guard = Literal["", "absent", "unreadable", "encrypted", "open"]
"""How a coldkey is kept: there is no such file, others' rights keep it from us, a password does, or nothing does. "" is
one that is worth nothing, or of which nobody knows."""


class Hyperparameters(Struct, frozen=True, kw_only=True):
    """A subnet's rules, with defaults near the chain's. Lengths in blocks, `reveal_period` in epochs; `burn` in tokens.

    `burn` is the price of a registration, of which `collateral_share` (0..1) is not burned but locked as stake on
    the hotkey, and freed by `collateral_drain` alpha for each alpha that it earns. The price falls by half in
    `burn_half_life` blocks, and each registration multiplies it by `burn_increase`. With `pow_registration`, work
    does instead. So many uids of the subnet's owner as `immune_owner_uids` never go, and others outside immunity
    only while there are more than `min_mortal` of these. Commits of `commit_reveal_version` 4 are timelocked; those
    of 0 are revealed by whoever made them.
    """

    tempo: Natural = 360
    weights_rate_limit: Natural = 100
    serving_rate_limit: Natural = 50
    immunity_period: Natural = 4096
    min_allowed_weights: Natural = 1
    max_uids: Natural = 256
    max_validators: Natural = 128
    stake_threshold: Tokens = 0.0
    weights_version: Natural = 0
    commit_reveal: bool = False
    reveal_period: Natural = 1
    commit_reveal_version: Natural = 0
    registration_allowed: bool = True
    burn: Tokens = 1.0
    kappa: Annotated[float, Meta(ge=0, le=1)] = 0.5
    activity_cutoff: Natural = 5000
    consensus: Consensus = "yuma"
    collateral_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    collateral_drain: Annotated[float, Meta(ge=0)] = 1.0
    pow_registration: bool = False
    burn_half_life: Natural = 360
    burn_increase: Annotated[float, Meta(ge=0)] = 1.26
    immune_owner_uids: Natural = 1
    min_mortal: Natural = 10

    @property
    def locked(self) -> float:
        """The part of the price that stays with the hotkey, as locked stake."""
        return self.burn * self.collateral_share


class Subnet(Struct, frozen=True, kw_only=True):
    """What a subnet is, beside its rules and neurons. `name` and `symbol` are cleaned.

    `owner` is its coldkey. `price` is that of an alpha in tokens, 0 where it is not known. `burned` is the share (0..1)
    of the miners' emission that the last epoch gave to the owner's hotkeys, which the chain burns. `mechanisms` is how
    many sets of weights there are.
    """

    name: str = ""
    symbol: str = ""
    owner: str = ""
    owner_hotkey: str = ""
    price: float = 0.0
    burned: float = 0.0
    mechanisms: int = 1
