"""A subnet full of neurons: validators that agree more or less, and miners old and new."""

import hashlib
import random

from msgspec.structs import replace
from substrateinterface.utils.ss58 import ss58_encode

from engine.chain.embedded.epoch import run_epoch
from engine.chain.embedded.state import RAO, AxonInfo, ChainState, Hotkey, Slot
from engine.keys import SS58_FORMAT
from engine.values import U16_MAX


def address(name: str) -> str:
    """An address that nobody has the key of."""
    return str(ss58_encode(hashlib.sha256(name.encode()).digest(), SS58_FORMAT))


def crowded(state: ChainState, neurons: int, *, seed: int = 5) -> ChainState:
    """The state with so many more neurons after an epoch, a tenth of them validators; one of these is out of line."""
    rng = random.Random(seed)
    first, validators = len(state.slots), max(1, min(64, neurons // 10))
    hotkeys, slots = dict(state.hotkeys), list(state.slots)
    for number in range(neurons):
        hotkey, validates = address(f"neuron {number}"), number < validators
        stake = rng.randint(1_000, 90_000) if validates else rng.randint(0, 50)
        hotkeys[hotkey] = Hotkey(coldkey=address(f"owner {number // 3}"), stake=stake * RAO)
        axon = AxonInfo(ip=f"203.0.113.{number % 250 + 1}", port=8091, block=state.block)
        slots.append(
            Slot(
                hotkey=hotkey,
                registered_at=rng.randint(0, state.block),
                last_update=state.block + 1,
                validator_permit=validates,
                axon=None if validates else axon,
            )
        )
    worth = {uid: rng.random() ** 3 for uid in range(first + validators, first + neurons)}
    for number in range(validators):
        uid, strange = first + number, number == validators - 1 and validators > 1
        given = {
            target: (rng.random() if strange else value * rng.uniform(0.9, 1.1)) for target, value in worth.items()
        }
        top = max(given.values(), default=1.0)
        row = tuple((target, round(value / top * U16_MAX)) for target, value in given.items())
        slots[uid] = replace(slots[uid], weights=row)
    most = max(state.rules.max_uids, first + neurons)
    full = replace(state, slots=tuple(slots), hotkeys=hotkeys, rules=replace(state.rules, max_uids=most))
    return run_epoch(full)
