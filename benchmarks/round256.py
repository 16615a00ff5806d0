"""Rounds over as many miners as a subnet holds, without a real encoder: pick, ask, judge, record, publish.

The wall time of a warm round runs from one `round` event to the next. The encoder used costs nothing.
"""

import statistics
import tempfile
from itertools import pairwise
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.processes import cpu_seconds_of
from benchmarks.stub_miners import stub_miners
from benchmarks.subnet import validator

MINERS = 256
WARM_ROUNDS = 8
TARGET_S = 2


def measure() -> list[Figure]:
    ends, used, cold_s = [], [], 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        stub_miners(MINERS) as miners,
        validator(Path(folder), miners, rounds=1 + WARM_ROUNDS, encoder="hashing") as run,
    ):
        for at, event in run.rounds():
            assert event["answered"] == MINERS, event
            cold_s = cold_s or event["duration_ms"] / 1000
            ends.append(at)
            used.append(cpu_seconds_of(run.pid))
    took = [end - begin for begin, end in pairwise(ends)]
    assert len(took) == WARM_ROUNDS, took
    each_ms = (used[-1] - used[0]) / WARM_ROUNDS / MINERS * 1000
    return [
        Figure(f"round of {MINERS} miners, warm, median of {WARM_ROUNDS}", statistics.median(took), "s", TARGET_S),
        Figure(f"round of {MINERS} miners, warm, slowest", max(took), "s"),
        Figure(f"round of {MINERS} miners, cold: as many handshakes", cold_s, "s"),
        Figure("engine, CPU for each miner asked in a warm round", each_ms, "ms"),
    ]
