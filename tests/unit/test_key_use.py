"""What a key uses of its month: counted ahead, never lost, and never granted twice."""

import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import key_use
from engine.api_keys import ApiKey, KeyFileError
from engine.key_use import KeyUse, SpentError, Used, month_of, used_of
from tests.unit.miner_helpers import Clock


def key(**limits: int) -> ApiKey:
    return msgspec.convert({"name": "me", "digest": "0" * 64, "made_at": 0.0, **limits}, ApiKey)


async def asked(use: KeyUse, one: ApiKey, most: int) -> int:
    """How many requests of up to `most` are granted."""
    for count in range(most):
        try:
            await use.begin(one)
        except SpentError:
            return count
    return most


@pytest.mark.parametrize("limit", [1, 7, 30])
async def test_a_limit_is_granted_once_however_often_the_process_ends_well(limit: int, tmp_path: Path) -> None:
    one, path = key(requests_per_month=limit), tmp_path / "use.json"
    granted = 0
    for _ in range(3):
        use = KeyUse(path)
        granted += await asked(use, one, limit // 2 + 1)
        use.settle()
    assert granted == limit
    assert used_of(path, month_of(time.time())) == {"me": Used(requests=limit)}
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_process_that_dies_costs_a_part_and_gives_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_use, "PARTS", 20)
    one, path = key(requests_per_month=1000), tmp_path / "use.json"
    granted = 0
    for _ in range(5):
        granted += await asked(KeyUse(path), one, 63)
    granted += await asked(KeyUse(path), one, 10_000)
    assert 1000 - 5 * 50 <= granted <= 1000


async def test_processes_share_a_month(tmp_path: Path) -> None:
    one, uses = key(requests_per_month=60), [KeyUse(tmp_path / "use.json") for _ in range(3)]
    assert sum(await asyncio.gather(*(asked(use, one, 40) for use in uses))) == 60
    for use in uses:
        use.settle()
    assert sum([await asked(KeyUse(tmp_path / "use.json"), one, 1) for _ in uses]) == 0


async def test_many_at_once_get_no_more_than_there_is(tmp_path: Path) -> None:
    one, use = key(requests_per_month=5, tokens_per_month=10**9), KeyUse(tmp_path / "use.json")
    outcomes = await asyncio.gather(*(use.begin(one) for _ in range(20)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 5
    assert {type(outcome) for outcome in outcomes} == {type(None), SpentError}


async def test_nothing_is_granted_that_cannot_be_written_down(tmp_path: Path) -> None:
    one, folder = key(requests_per_month=400), tmp_path / "data"
    folder.mkdir()
    use = KeyUse(folder / "use.json")
    await use.begin(one)
    folder.rename(tmp_path / "away")
    assert use.left(one, "requests") is not None
    for _ in range(3):  # what was written down ahead
        await use.begin(one)
    for _ in range(2):
        with pytest.raises(KeyFileError, match="--data-dir"):
            await use.begin(one)
    (tmp_path / "away").rename(folder)
    await use.begin(one)


async def test_more_tokens_than_were_left_are_owed_until_the_month_ends(tmp_path: Path) -> None:
    clock, one = Clock(), key(tokens_per_month=100)
    clock.now = 1_796_083_000.0  # in November of 2026
    use = KeyUse(tmp_path / "use.json", clock=clock)
    await use.begin(one)
    use.add(one, 250)
    left = use.left(one, "tokens")
    assert left is not None and left.left == 0
    for again in (use, KeyUse(tmp_path / "use.json", clock=clock)):
        with pytest.raises(SpentError, match="100 tokens a month"):
            await again.begin(one)
    assert used_of(tmp_path / "use.json", "2026-11")["me"].tokens == 250
    clock.now += left.seconds
    await use.begin(one)
    clock.now -= 5 * 86400  # set back: the new month goes on
    use.add(one, 200)
    with pytest.raises(SpentError):
        await use.begin(one)
    assert set(used_of(tmp_path / "use.json", "2026-12")) == {"me"}


@settings(max_examples=8)
@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=6), st.integers(1, 200))
def test_no_order_of_answers_and_ends_changes_the_sum(answers: list[tuple[int, bool]], limit: int) -> None:
    """The tokens of every answer that was begun are on record once all processes have ended well."""
    with tempfile.TemporaryDirectory() as folder:
        path, one = Path(folder) / "use.json", key(tokens_per_month=limit)
        spent = asyncio.run(_answered(path, one, answers))
        told = used_of(path, month_of(time.time())).get("me", Used()).tokens
        assert told == spent


async def _answered(path: Path, one: ApiKey, answers: list[tuple[int, bool]]) -> int:
    use, spent = KeyUse(path), 0
    for tokens, ends in answers:
        try:
            await use.begin(one)
        except SpentError:
            continue
        use.add(one, tokens)
        spent += tokens
        if ends:
            use.settle()
            use = KeyUse(path)
    use.settle()
    return spent
