"""The embedded chain's state: frozen values, replaced as a whole by each block and each extrinsic.

Amounts are integers in rao (1e-9 token), as on the chain. The dicts of a ChainState are never changed in place.
"""

from msgspec import Struct
from msgspec.structs import replace

from engine.values import Hyperparameters, Natural

RAO = 10**9


class Refused(Exception):
    """An extrinsic that the rules do not allow: the chain's own error name, and what it means here."""

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name


class AxonInfo(Struct, frozen=True):
    """Where a hotkey serves, and the block in which it said so."""

    ip: str
    port: Natural
    block: Natural


class Commit(Struct, frozen=True):
    """Weights that are bound to and not known yet: their hash, when it came, and how many epochs there had been.

    A timelocked one is here itself, `sealed`, and the chain reveals it.
    """

    hash: str
    block: Natural
    epoch: Natural
    sealed: bytes = b""


class Slot(Struct, frozen=True, kw_only=True):
    """One uid. `weights` and `bonds` are (uid, u16); incentive, dividends, consensus and vtrust 0..1.

    `emission` is in rao an epoch.

    `commits` are those that were not revealed, oldest first.
    """

    hotkey: str
    registered_at: Natural
    last_update: Natural
    axon: AxonInfo | None = None
    validator_permit: bool = False
    weights: tuple[tuple[Natural, Natural], ...] = ()
    bonds: tuple[tuple[Natural, Natural], ...] = ()
    commits: tuple[Commit, ...] = ()
    incentive: float = 0.0
    dividends: float = 0.0
    consensus: float = 0.0
    validator_trust: float = 0.0
    emission: Natural = 0


class Hotkey(Struct, frozen=True):
    """A hotkey's account, which outlives its uid: who owns it and the stake on it."""

    coldkey: str
    stake: Natural = 0


class ChainState(Struct, frozen=True, kw_only=True):
    """The whole chain after its last block. `slots` are ordered by uid, which is the index; `burn` is in rao.

    `epochs` counts those that ran. `block_time` is in seconds, 0 where a chain is older than this field.
    """

    netuid: Natural
    seed: Natural
    rules: Hyperparameters
    block: Natural = 0
    last_epoch: Natural = 0
    epochs: Natural = 0
    block_time: float = 0.0
    burn: Natural = 0
    slots: tuple[Slot, ...] = ()
    hotkeys: dict[str, Hotkey] = {}
    balances: dict[str, Natural] = {}

    def uid_of(self, hotkey: str) -> int | None:
        return next((uid for uid, slot in enumerate(self.slots) if slot.hotkey == hotkey), None)

    def stake_of(self, hotkey: str) -> int:
        account = self.hotkeys.get(hotkey)
        return account.stake if account else 0


def genesis(netuid: int, rules: Hyperparameters, seed: int) -> ChainState:
    """An empty subnet at block 0."""
    return ChainState(netuid=netuid, seed=seed, rules=rules, burn=to_rao(rules.burn))


def to_rao(tokens: float) -> int:
    """Tokens as the chain counts them."""
    return round(tokens * RAO)


def with_slot(state: ChainState, uid: int, slot: Slot) -> ChainState:
    """The state with one uid replaced, or added when `uid` is the next free one."""
    return replace(state, slots=(*state.slots[:uid], slot, *state.slots[uid + 1 :]))


def is_active(state: ChainState, slot: Slot) -> bool:
    """Whether the slot has set weights, or registered, within the activity cutoff."""
    return slot.last_update + state.rules.activity_cutoff >= state.block
