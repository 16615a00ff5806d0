"""What a subnet's storage says, read by the metadata's own types: encoded by the library, decoded by us."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chain.interface import Look
from engine.chain.substrate.glance import Unfit
from engine.chain.substrate.reads import USUAL_UIDS, NotOnChain, read_look
from engine.chain.substrate.storage import Item, Storage
from engine.values import Kin
from tests.fake_node.codec import mainnet
from tests.unit.chain_helpers import key

NETUID = 3
RAO = 10**9
HALF, ALL = 2**63, 2**64 - 1
HOTKEYS = [key(name).ss58_address for name in ("validator", "miner", "child")]
COLD, PARENT = key("cold").ss58_address, key("parent").ss58_address

USUAL: dict[Item, Any] = {
    ("NetworksAdded", NETUID): True,
    ("SubnetworkN", NETUID): len(HOTKEYS),
    ("TaoWeight",): HALF,
    ("ValidatorPermit", NETUID): [True, False, True],
    **{("Keys", NETUID, uid): hotkey for uid, hotkey in enumerate(HOTKEYS)},
    **{("Owner", hotkey): COLD for hotkey in HOTKEYS},
    **{("TotalHotkeyAlpha", hotkey, NETUID): 100 * RAO for hotkey in HOTKEYS},
}


@pytest.fixture(scope="module")
def storage() -> Storage:
    return Storage(mainnet().metadata, 424)


class Stored:
    """Storage that counts the round trips to it."""

    def __init__(self, items: Mapping[Item, Any]) -> None:
        entry = mainnet().entry
        self._items = dict(entry(name, *params, value=value) for (name, *params), value in items.items())
        self.trips = 0

    def __call__(self, keys: Sequence[str]) -> dict[str, str | None]:
        self.trips += 1
        return {key: self._items.get(key) for key in keys}


def look(storage: Storage, items: Mapping[Item, Any] | None = None, *, hotkey: str = HOTKEYS[0]) -> Look:
    return read_look(storage, Stored({**USUAL, **(items or {})}), NETUID, hotkey, COLD)


def test_the_weights_of_every_validator_are_read(storage: Storage) -> None:
    seen = look(
        storage,
        {
            ("Weights", NETUID, 0): [(1, 65535), (2, 7)],
            ("Weights", NETUID, 1): [(0, 5)],
            ("Weights", NETUID, 2): [(1, 1)],
        },
    )
    assert seen.rows == {0: ((1, 65535), (2, 7)), 2: ((1, 1),)}
    assert seen.weights == ((1, 65535), (2, 7))


def test_another_mechanism_has_weights_of_its_own(storage: Storage) -> None:
    second = NETUID + 4096
    items = {("Weights", NETUID, 0): [(1, 1)], ("Weights", second, 0): [(2, 9)], ("Incentive", second): [0, 65535]}
    stored = Stored({**USUAL, **items})
    seen = read_look(storage, stored, NETUID, HOTKEYS[0], COLD, mechanism=1)
    assert seen.weights == ((2, 9),)
    assert [one.incentive for one in seen.metagraph.neurons] == [0, 1, 0]


def test_stake_counts_with_what_is_inherited_and_without_what_is_given(storage: Storage) -> None:
    seen = look(
        storage,
        {
            ("TotalHotkeyAlpha", HOTKEYS[1], 0): 40 * RAO,
            ("ChildKeys", HOTKEYS[1], NETUID): [(HALF, HOTKEYS[2])],
            ("ParentKeys", HOTKEYS[2], NETUID): [(HALF, HOTKEYS[1]), (ALL, PARENT)],
            ("TotalHotkeyAlpha", PARENT, NETUID): 30 * RAO,
            ("TotalHotkeyAlpha", PARENT, 0): 10 * RAO,
            ("ChildkeyTake", HOTKEYS[2], NETUID): 65535 // 5,
        },
    )
    validator, miner, child = seen.metagraph.neurons
    assert (validator.stake, validator.inherited, validator.root) == (100, 0, 0)
    assert miner.stake == pytest.approx((100 + 40 / 2) / 2)
    assert miner.root == pytest.approx(20)
    assert child.inherited == pytest.approx((100 + 20) / 2 + 30 + 5)
    assert child.stake == pytest.approx(100 + child.inherited)
    assert child.take == pytest.approx(0.2)
    assert miner.children == (Kin(HOTKEYS[2], 0.5),)
    assert [one.hotkey for one in child.parents] == [HOTKEYS[1], PARENT]


def test_the_owner_and_what_its_hotkeys_burn_are_read(storage: Storage) -> None:
    seen = look(
        storage,
        {
            ("SubnetOwner", NETUID): COLD,
            ("SubnetOwnerHotkey", NETUID): HOTKEYS[0],
            ("MinerBurned", NETUID): {"bits": 2**31},
            ("SubnetMovingPrice", NETUID): {"bits": 2**30},
            ("MechanismCountCurrent", NETUID): 2,
        },
    ).subnet
    assert (seen.owner, seen.owner_hotkey, seen.burned, seen.price, seen.mechanisms) == (COLD, HOTKEYS[0], 0.5, 0.25, 2)


def test_an_identity_is_cleaned(storage: Storage) -> None:
    hostile = {"name": "\x1b]52;c;AAAA\x07evil\u202e" + "x" * 500}
    rest = dict.fromkeys(("url", "github_repo", "image", "discord", "description", "additional"), "")
    names = {one.name for one in look(storage, {("IdentitiesV2", COLD): {**hostile, **rest}}).metagraph.neurons}
    [name] = names
    assert "evil" in name
    assert name.isprintable()
    assert len(name) <= 32


def test_an_epoch_that_is_called_for_comes_before_the_tempo(storage: Storage) -> None:
    seen = look(
        storage,
        {
            ("Tempo", NETUID): 360,
            ("LastEpochBlock", NETUID): 100,
            ("PendingEpochAt", NETUID): 250,
            ("SubnetEpochIndex", NETUID): 9,
            ("BlocksSinceLastStep", NETUID): 17,
        },
    )
    found = (seen.last_epoch, seen.next_epoch, seen.pending_epoch, seen.epoch_index, seen.since_step)
    assert found == (100, 250, 250, 9, 17)


@pytest.mark.parametrize(("number", "trips"), [(0, 2), (3, 3), (USUAL_UIDS, 3), (USUAL_UIDS + 1, 4)])
def test_a_look_takes_few_round_trips(storage: Storage, number: int, trips: int) -> None:
    keys = {("Keys", NETUID, uid): HOTKEYS[uid % 3] for uid in range(number)}
    stored = Stored({**USUAL, **keys, ("SubnetworkN", NETUID): number})
    assert len(read_look(storage, stored, NETUID, "", "").metagraph.neurons) == number
    assert stored.trips <= trips


def test_a_subnet_that_does_not_exist_is_said_to_be_none(storage: Storage) -> None:
    with pytest.raises(NotOnChain, match="no subnet 3"):
        look(storage, {("NetworksAdded", NETUID): False})


@given(st.binary(max_size=90))
def test_whatever_is_stored_is_read_or_refused(data: bytes) -> None:
    kept = Storage(mainnet().metadata, 424)
    items: list[Item] = [("SubtensorModule", name, HOTKEYS[0], NETUID) for name in ("ParentKeys", "TotalHotkeyAlpha")]
    items += [("SubtensorModule", "Axons", NETUID, HOTKEYS[0]), ("SubtensorModule", "Weights", NETUID, 0)]
    for item in items:
        try:
            kept.read(lambda keys: dict.fromkeys(keys, "0x" + data.hex()), [item])
        except Unfit as error:
            assert item[1] in str(error)


def test_what_a_later_runtime_has_is_read_where_there_is_such_an_item() -> None:
    class Later(Storage):
        """A runtime with items that mainnet's metadata of spec 424 lacks."""

        def has(self, pallet: str, name: str) -> bool:
            return name in later or super().has(pallet, name)

        def read(self, query: Any, items: Sequence[Item]) -> list[Any]:
            known = iter(super().read(query, [item for item in items if item[1] not in later]))
            return [later[item[1]] if item[1] in later else next(known) for item in items]

    later = {
        "SubnetEpochConsensus": "Null",
        "CollateralLockShare": 65535 // 5,
        "CollateralDrainRatio": {"bits": 2**65},
        "MinerCollateral": {"locked": 3 * RAO, "min_locked": 0, "earned": 0, "drain_ratio": {"bits": 2**63}},
    }
    seen = look(Later(mainnet().metadata, 475), {("Burn", NETUID): 10 * RAO})
    assert (seen.rules.consensus, seen.rules.collateral_drain) == ("null", 2.0)
    assert seen.rules.burn == 10
    assert seen.rules.locked == pytest.approx(2)
    assert {(one.collateral, one.drain) for one in seen.metagraph.neurons} == {(3.0, 0.5)}
