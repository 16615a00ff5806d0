"""The chain as a neuron sees it, and what the neuron lacks to earn there."""

from msgspec import Struct


class NeedView(Struct, frozen=True):
    """What a neuron lacks to earn (funds, registration, axon, permit), what is known of it, and what to do."""

    need: str
    what: str
    do: str

    def __str__(self) -> str:
        """All of it in a line."""
        return f"{self.need}: {self.what}. {self.do}"


class EndpointView(Struct, frozen=True, kw_only=True):
    """An endpoint of the chain, its health, and how many blocks its last known head is `behind` the newest one."""

    url: str
    state: str
    block: int = 0
    behind: int = 0
    reason: str = ""
    in_use: bool = False


class ChainView(Struct, frozen=True, kw_only=True):
    """The chain as this neuron sees it. Blocks are heights; `block_at` is when the last one was seen.

    Weights are those of one `mechanism` of the subnet, counted from 0, which has so many `mechanisms`.
    On a subnet whose commits are `timelocked`, none can be made here for the reason `cannot_seal`, "" for none.
    `needs` are what it lacks to earn, first things first. Of the `registration_cost`, the part
    `registration_locked` stays with the hotkey. A subnet has `no_place` for another one for that reason, "" if it
    has. `price` is that of one unit of the subnet's stake, in tokens. The `balance` is that of the `coldkey`, whose
    address may be unknown (""). Of the `stake`, so much as is `movable` is the hotkey's own here and not locked as
    `collateral`. The chain has put off the epoch that is due by `epoch_late` blocks. Our clock was `ahead_s` ahead
    of the chain's own at the last look, None if that is unknown: the age of its block, and what is wrong with
    either clock.
    """

    endpoint: str = ""
    network: str = ""
    netuid: int = 0
    reachable: bool = False
    block: int = 0
    block_at: float = 0.0
    block_time: float = 12.0
    latency_ms: float = 0.0
    tempo: int = 0
    next_epoch: int = 0
    uid: int | None = None
    registered: bool = False
    validator_permit: bool = False
    stake: float = 0.0
    balance: float = 0.0
    validator_trust: float = 0.0
    incentive: float = 0.0
    dividends: float = 0.0
    axon: str = ""
    weights_rate_limit: int = 0
    last_weights_block: int = 0
    next_weights_block: int = 0
    commit_reveal: bool = False
    reveal_period: int = 1
    timelocked: bool = False
    cannot_seal: str = ""
    mechanism: int = 0
    mechanisms: int = 1
    registration_cost: float = 0.0
    needs: tuple[NeedView, ...] = ()
    registration_locked: float = 0.0
    registration_open: bool = True
    no_place: str = ""
    registration_by_work: bool = False
    next_axon_block: int = 0
    price: float = 0.0
    coldkey: str = ""
    movable: float = 0.0
    collateral: float = 0.0
    stake_threshold: float = 0.0
    weights_version: int = 0
    consensus: str = "yuma"
    largest_commit: int = 0
    epoch_late: int = 0
    ahead_s: float | None = None
    endpoints: tuple[EndpointView, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the chain was read at least once."""
        return bool(self.network)
