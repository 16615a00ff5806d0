"""A whole subnet as it stands on chain."""

from msgspec import Struct


class NeuronView(Struct, frozen=True, kw_only=True):
    """A neuron on its subnet. `stake` counts for permits, with the part `inherited`; `emission` is alpha a day.

    `place` is by incentive among those outside immunity, from 1, and 0 in it, for `immune` more blocks. `others` is the
    share that the other validators give it, weighed by their stake, and `ours` what we do. A `validator` has a permit
    and uses it: it sets weights, or serves nobody. `owners`: it belongs to the subnet's owner, whose part is burned. It
    has a number of `parents` that it earns for, keeping its `take`, and `children`.
    """

    uid: int
    hotkey: str
    name: str = ""
    owners: bool = False
    validator: bool = False
    stake: float = 0.0
    inherited: float = 0.0
    children: int = 0
    parents: int = 0
    take: float = 0.0
    incentive: float = 0.0
    place: int = 0
    immune: int = 0
    emission: float = 0.0
    collateral: float = 0.0
    drain: float = 1.0
    others: float = 0.0
    ours: float = 0.0
    axon: bool = False


class ValidatorView(Struct, frozen=True, kw_only=True):
    """A validator and its weights.

    `clipped` is the part of its weights that no majority of the stake supports, which the chain cuts off; `trust` is
    what it left at the last epoch. From the weights of the validators that are `nearest` and `farthest`, so much of all
    weight is apart. It set or committed last `quiet` blocks ago, and gives `top` most.
    """

    uid: int
    hotkey: str
    name: str = ""
    stake: float = 0.0
    inherited: float = 0.0
    trust: float = 0.0
    quiet: int = 0
    given: int = 0
    clipped: float = 0.0
    nearest: int | None = None
    nearest_apart: float = 0.0
    farthest: int | None = None
    farthest_apart: float = 0.0
    top: int | None = None


class SubnetView(Struct, frozen=True, kw_only=True):
    """The whole subnet as it stands on chain.

    A registration costs `price` tokens, of which `locked` stay with the hotkey; `trend` holds earlier prices as (block,
    price). `burned` of the miners' emission was burned at the last epoch; of all incentive, `owners` goes to the
    owner's hotkeys, and `children` to hotkeys that validate for others. `lowest` are the uids that give way next.
    """

    name: str = ""
    owner_hotkey: str = ""
    consensus: str = "yuma"
    mechanisms: int = 1
    max_uids: int = 0
    price: float = 0.0
    locked: float = 0.0
    trend: tuple[tuple[int, float], ...] = ()
    registration: bool = True
    pow_registration: bool = False
    alpha_price: float = 0.0
    burned: float = 0.0
    owners: float = 0.0
    children: float = 0.0
    lowest: tuple[int, ...] = ()
    neurons: tuple[NeuronView, ...] = ()
    validators: tuple[ValidatorView, ...] = ()

    def neuron(self, uid: int | None) -> NeuronView | None:
        """The neuron of this uid."""
        return self.neurons[uid] if uid is not None and uid < len(self.neurons) else None
