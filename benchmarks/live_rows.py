"""A screen over made-up miners: the real app and driver in this terminal, and an engine thread that publishes them.

`python -m benchmarks.live_rows ROWS SHARE FOLDER`: four times a second, that share of the rows changes its score, by so
little that few change places, and five more cells; the others only age. Every name holds the tick in which its row was
made. The engine's loop keeps a beat, which is written to FOLDER at the end; its thread's id is written there at the
start.
"""

import asyncio
import random
import sys
import threading
import time
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from benchmarks import beat
from console.record.folder import FolderRecord
from console.screens.keymap import Keymap
from console.terminal import own_terminal
from console.tui.app import ConsoleApp
from engine.feed import Feed
from engine.logs import MB, LogRing
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread
from engine.snapshot import ChainView, MinerState, MinerView, ServiceView, Snapshot

TICK_S = 0.25
BEATS = "beats.json"
THREAD = "thread"
STATES: tuple[MinerState, ...] = ("active", "active", "active", "stale", "silent")


async def main(feed: Feed, share: float, folder: Path) -> None:
    """Publish until cancelled, and keep the beat."""
    (folder / THREAD).write_text(str(threading.get_native_id()))
    beats: beat.Beats = []
    beating = asyncio.create_task(beat.keep(beats))
    dice, tick = random.Random(7), 0
    due = time.monotonic()
    try:
        while True:
            tick += 1
            due += TICK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            miners = feed.snapshot.miners
            changed = set(dice.sample(range(len(miners)), round(share * len(miners))))
            feed.publish(
                replace(
                    feed.snapshot,
                    at=time.time(),
                    rounds_done=tick,
                    miners=tuple(
                        moved(miner, dice, tick) if index in changed else miner for index, miner in enumerate(miners)
                    ),
                )
            )
    finally:
        beating.cancel()
        (folder / BEATS).write_bytes(msgspec.json.encode(beats))


def moved(miner: MinerView, dice: random.Random, tick: int) -> MinerView:
    """The miner after one more round."""
    ema = min(1.0, max(0.0, miner.ema + dice.gauss(0, 0.001)))
    return replace(
        miner,
        name=f"tick-{tick:06}",
        ema=ema,
        ema_before=miner.ema,
        ema_history=(*miner.ema_history[-31:], ema),
        last_emission=dice.random() / 100,
        planned=ema / 100,
        latency_ms=dice.uniform(50, 3000),
        answered=miner.answered + 1,
        last_answer_at=time.time(),
    )


def first(rows: int) -> Snapshot:
    """The miners before the first tick."""
    now, dice = time.time(), random.Random(7)
    miners = [
        MinerView(
            uid=uid,
            hotkey=f"5Hotkey{uid:040d}",
            name="tick-000000",
            ema=dice.random(),
            ema_history=tuple(dice.random() for _ in range(32)),
            stake=dice.uniform(1, 1e5),
            weight=dice.random() / 100,
            incentive=dice.random() / 100,
            last_answer_at=now - dice.uniform(0, 3600),
            state=STATES[uid % len(STATES)],
        )
        for uid in range(rows)
    ]
    return Snapshot(
        at=now,
        version="",
        role="validator",
        started_at=now,
        services=(ServiceView(name="validator", state="running", since=now),),
        chain=ChainView(network="embedded", reachable=True, netuid=1, block=100, block_at=now, tempo=360),
        miners=tuple(miners),
    )


def run(rows: int, share: float, folder: Path) -> None:
    feed = Feed(first(rows))
    thread = EngineThread(partial(main, feed, share, folder))
    engine = InProcessEngine(feed, LogRing(), FolderRecord(folder), thread)
    with own_terminal(folder / "output.txt", max_bytes=MB) as terminal:
        ConsoleApp(engine, begin=thread.start, folder=folder, keymap=Keymap(), terminal=terminal).run()
    thread.stop()
    thread.join()


if __name__ == "__main__":
    run(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
