"""How late the engine's loop runs while rounds of 64 replies are judged with the ONNX encoder.

The engine runs in this process, on its own thread, as under `launch`. An idle loop beats in another process, to account
for the load that the machine and the judging worker put on every loop. The first round, in which everything is loaded,
does not count.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from benchmarks import beat
from benchmarks.figures import Figure
from benchmarks.processes import python, running
from benchmarks.stub_miners import stub_miners
from benchmarks.subnet import found
from console.roles.run import run
from engine.feed import Feed
from engine.judge.client import Judge
from engine.judge.worker import JudgeResult
from engine.node.thread import EngineThread
from engine.settings import Settings
from engine.snapshot import Snapshot

REPLIES = 64
ROUNDS = 10
TARGET_MS = 15

Judging = Callable[..., Awaitable[JudgeResult]]


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, stub_miners(REPLIES) as miners:
        data = Path(folder) / "data"
        found(data, miners)
        with running(python("benchmarks.beat")) as control:
            engine = _Engine(
                Settings(
                    role="validator",
                    data_dir=data,
                    allow_private=True,
                    seed=7,
                    rounds=ROUNDS,
                    interval=0.0,
                    sample=REPLIES,
                )
            )
            engine.run()
            idle = msgspec.json.decode(control.communicate()[0], type=beat.Beats)
    judging = engine.judging[1:]
    between = [(end, begin) for (_, end), (begin, _) in pairwise(engine.judging)]
    control_lag = beat.p99(idle, judging)
    return [
        Figure(
            f"loop lag p99 over an idle beat's, {REPLIES} replies judged",
            beat.p99(engine.beats, judging) - control_lag,
            "ms",
            TARGET_MS,
        ),
        Figure("idle beat's p99 in that time", control_lag, "ms"),
        Figure(
            f"loop lag p99 over an idle beat's, {REPLIES} miners asked",
            beat.p99(engine.beats, between) - beat.p99(idle, between),
            "ms",
        ),
    ]


class _Engine:
    """An engine for one run, with its loop's `beats` and the time spans of its `judging`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.beats: beat.Beats = []
        self.judging: list[beat.Span] = []

    def run(self) -> None:
        thread = EngineThread(self._run)
        with patch.object(Judge, "judge", _timed(Judge.judge, self.judging)):
            thread.start()
            thread.join()
        if thread.error is not None:
            raise thread.error

    async def _run(self) -> None:
        beating = asyncio.create_task(beat.keep(self.beats))
        now = time.time()
        feed = Feed(Snapshot(at=now, version="", role="validator", started_at=now))
        try:
            await run(self._settings, self._settings.data_dir, feed)
        finally:
            beating.cancel()


def _timed(judge: Judging, spans: list[beat.Span]) -> Judging:
    async def judged(*arguments: Any) -> JudgeResult:
        began = time.monotonic()
        done = await judge(*arguments)
        spans.append((began, time.monotonic()))
        return done

    return judged
