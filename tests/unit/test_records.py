"""What screens read from a data folder: whole rounds, steps through time, a miner's rounds."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from console.record.folder import FolderRecord
from engine.doors import EmaStep
from engine.errors import StoreError
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.weights.averages import Exponential
from tests.unit.recorded_helpers import NETUID, folder_with, hotkey, split_round
from tests.unit.store_helpers import T0, a_reply, a_round, a_verdict


async def test_a_round_comes_with_its_place_and_what_it_did_to_each_average(tmp_path: Path) -> None:
    rounds = [split_round(number) for number in range(3)]
    recorded = FolderRecord(await folder_with(tmp_path, rounds)).round("round-1")
    assert recorded.round == rounds[1]
    assert (recorded.place, recorded.total) == (2, 3)
    assert recorded.emas[0] == EmaStep(1.0, 1.0)
    assert recorded.emas[3] == EmaStep(0.0, 0.0)


async def test_the_average_after_is_the_one_before_with_this_round_in_it(tmp_path: Path) -> None:
    earned = [0.0, 1.0, 0.5]
    rounds = []
    for number, emission in enumerate(earned):
        reply = a_reply(1)
        rounds.append(a_round(number, [reply], [a_verdict(reply, emission=emission)]))
    rounds.append(a_round(3, [a_reply(1, status="cancelled")]))
    folder = await folder_with(tmp_path, rounds)
    steps = [FolderRecord(folder).round(f"round-{number}").emas[0] for number in range(4)]
    assert steps == [EmaStep(None, 0.0), EmaStep(0.0, 0.5), EmaStep(0.5, 0.5), EmaStep(0.5, 0.5)]
    assert FolderRecord(folder).miner(NETUID, hotkey(1)).averages == (0.5, 0.5, 0.0)


async def test_steps_lead_through_time_and_say_where_it_ends(tmp_path: Path) -> None:
    folder = await folder_with(tmp_path, [split_round(number) for number in range(12)])
    assert FolderRecord(folder).round("round-5", -1).round.challenge.id == "round-4"
    assert FolderRecord(folder).round("round-5", 10).round.challenge.id == "round-11"
    with pytest.raises(StoreError, match="no older round"):
        FolderRecord(folder).round("round-0", -1)
    with pytest.raises(StoreError, match="no newer round"):
        FolderRecord(folder).round("round-11", 1)


async def test_what_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing has been stored yet"):
        FolderRecord(tmp_path).round("round-0")
    folder = await folder_with(tmp_path, [])
    with pytest.raises(StoreError, match="round-0 is not in the store"):
        FolderRecord(folder).round("round-0")
    assert FolderRecord(folder).miner(NETUID, hotkey(1)).appearances == ()


async def test_before_the_first_score_no_average_is_known(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / FILE_NAME, retention_days=7)
    await store.record(split_round(), netuid=NETUID, history=None, cursor=None)
    await store.close()
    assert set(FolderRecord(tmp_path).round("round-0").emas) == {EmaStep(None, None)}
    assert FolderRecord(tmp_path).miner(NETUID, hotkey(1)).averages == ()


async def test_averages_are_made_of_one_profiles_rounds(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / FILE_NAME, retention_days=7)
    await store.set_score_rule(NETUID, Exponential(alpha=0.5, window_s=3600.0), "robust")
    for number, (profile, emission) in enumerate((("robust", 1.0), ("loosh", 0.25), ("robust", 0.5), ("loosh", 0.5))):
        replies = [a_reply(1)]
        one = a_round(number, replies, [a_verdict(replies[0], emission=emission)])
        one = replace(one, judgement=replace(one.judgement, profile=profile))
        await store.record(one, netuid=NETUID, history=None, cursor=None)
    assert (await store.samples_by_hotkey(NETUID, "loosh", 0.0, 9))[hotkey(1)] == [(T0 + 60, 0.25), (T0 + 180, 0.5)]
    assert FolderRecord(tmp_path).miner(NETUID, hotkey(1)).averages == (0.75, 1.0)
    assert FolderRecord(tmp_path).round("round-2").emas == (EmaStep(1.0, 0.75),)
    assert FolderRecord(tmp_path).round("round-3").emas == (EmaStep(0.25, 0.375),)
    await store.set_score_rule(NETUID, Exponential(alpha=0.5, window_s=3600.0), "loosh")
    assert FolderRecord(tmp_path).miner(NETUID, hotkey(1)).averages == (0.375, 0.25)
    await store.close()
