"""The embedded chain's state: frozen values, replaced as a whole by every block and every extrinsic.

Amounts are integers in rao (1e-9 token), as on the real chain. The dicts of a ChainState are never mutated.
"""

from msgspec import Struct
from msgspec.structs import replace

from engine.values import RAO as RAO
from engine.values import Hyperparameters, Natural


class Refused(Exception):
    """An extrinsic that breaks a rule: the chain's own error name, and what it means here."""

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name


class AxonInfo(Struct, frozen=True):
    """Where a hotkey serves, and the block in which it announced that."""

    ip: str
    port: Natural
    block: Natural


class Commit(Struct, frozen=True):
    """Weights committed to but not revealed yet: their hash, the block of the commit, and the epochs run until then.

    A timelocked commit is kept whole, as `sealed`, and the chain reveals it.
    """

    hash: str
    block: Natural
    epoch: Natural
    sealed: bytes = b""


class Ended(Struct, frozen=True):
    """A timelocked commit that left the queue in `block`: its weights were set, or it was dropped."""

    hash: str
    block: Natural
    revealed: bool


class Slot(Struct, frozen=True, kw_only=True):
    """One uid. `weights` and `bonds` are (uid, u16); incentive, dividends, consensus and vtrust range from 0 to 1.

    `emission` is in rao per epoch.

    `commits` are the unrevealed ones, and `ended` the last timelocked ones that are not any more, both oldest first.
    """

    hotkey: str
    registered_at: Natural
    last_update: Natural
    axon: AxonInfo | None = None
    validator_permit: bool = False
    weights: tuple[tuple[Natural, Natural], ...] = ()
    bonds: tuple[tuple[Natural, Natural], ...] = ()
    commits: tuple[Commit, ...] = ()
    ended: tuple[Ended, ...] = ()
    incentive: float = 0.0
    dividends: float = 0.0
    consensus: float = 0.0
    validator_trust: float = 0.0
    emission: Natural = 0


class Hotkey(Struct, frozen=True):
    """A hotkey's account, which outlives its uid: its owner, its stake, and how much of that is locked as collateral.

    What it earns frees collateral above `floor`, and fills it up to there.
    """

    coldkey: str
    stake: Natural = 0
    locked: Natural = 0
    floor: Natural = 0

    @property
    def free(self) -> int:
        """The stake that may be withdrawn or locked."""
        return self.stake - self.locked


class ChainState(Struct, frozen=True, kw_only=True):
    """The whole chain after its last block. `slots` are indexed by uid; `burn` is in rao.

    `epochs` counts the epochs run. `block_time` is in seconds; 0 for chains older than this field.
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
        """The uid of a hotkey; None without one."""
        return next((uid for uid, slot in enumerate(self.slots) if slot.hotkey == hotkey), None)

    def stake_of(self, hotkey: str) -> int:
        """The stake on a hotkey, in rao."""
        account = self.hotkeys.get(hotkey)
        return account.stake if account else 0


def genesis(netuid: int, rules: Hyperparameters, seed: int) -> ChainState:
    """An empty subnet at block 0."""
    return ChainState(netuid=netuid, seed=seed, rules=rules, burn=to_rao(rules.burn))


def to_rao(tokens: float) -> int:
    """Tokens in rao."""
    return round(tokens * RAO)


def with_slot(state: ChainState, uid: int, slot: Slot) -> ChainState:
    """The state with one uid replaced, or added when `uid` is the next free one."""
    return replace(state, slots=(*state.slots[:uid], slot, *state.slots[uid + 1 :]))


def is_active(state: ChainState, slot: Slot) -> bool:
    """Whether the slot has set weights, or registered, within the activity cutoff."""
    return slot.last_update + state.rules.activity_cutoff >= state.block
