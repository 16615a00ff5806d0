"""`kill -9` at any moment: rounds are whole, none is lost or doubled, and the next process carries on from there."""

import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from engine.store.record import open_record
from engine.store.store import Store
from tests.unit.store_helpers import NETUID, PROFILE, a_reply, a_round, hotkey, recorded

KILLS = 8
REPLIES = 40

RECORD_FOR_EVER = f"""
import asyncio, sys
from pathlib import Path
from engine.store.store import Store
from tests.unit.store_helpers import NETUID, a_reply, a_round, recorded
async def main():
    store = await Store.open(Path(sys.argv[1]), retention_days=7)
    number = await store.cursor("synthetic") or 0
    replies = [a_reply(uid, text="word " * 300) for uid in range({REPLIES})]
    while True:
        judged = a_round(number, replies)
        number += 1
        await store.record(judged, netuid=NETUID, history=b"%d" % number, cursor=("synthetic", number))
        print(number, flush=True)
asyncio.run(main())
"""


def recorded_until_killed(path: Path, rounds: int) -> int:
    """Let a process record until it said that so many rounds are stored, then kill it. Returns the last it said."""
    with subprocess.Popen([sys.executable, "-c", RECORD_FOR_EVER, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(rounds)]
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    return int([line for line in said if line.endswith("\n")][-1])


async def test_rounds_survive_kills(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    luck = random.Random(7)
    for _ in range(KILLS):
        said = recorded_until_killed(path, rounds=luck.randint(1, 15))
        with open_record(path) as record:
            assert sum(1 for _ in record.rounds.since(0.0)) in (said, said + 1)
    store = await Store.open(path, retention_days=7)
    stored = await store.cursor("synthetic")
    assert stored in (said, said + 1)
    assert await store.history(NETUID, "robust") == b"%d" % stored
    replies = [a_reply(uid, text="word " * 300) for uid in range(REPLIES)]
    for number in range(stored):
        assert await recorded(store, f"round-{number}") == a_round(number, replies)
    assert not await store.has_round(f"round-{stored}")
    tallies = await store.tallies(NETUID)
    assert {tally.rounds for tally in tallies.values()} == {stored}
    assert len((await store.samples_by_hotkey(NETUID, PROFILE, 0.0, 10_000))[hotkey(0)]) == stored
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
