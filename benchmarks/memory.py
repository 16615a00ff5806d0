"""Peak memory of a headless validator with the ONNX encoder while it judges, over its whole process tree."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.processes import Memory, memory_of_tree
from benchmarks.stub_miners import stub_miners
from benchmarks.subnet import validator

RUNS = (("robust", 16), ("robust", 64), ("loosh", 64))
"""Scoring profiles, with the number of replies per round."""

ROUNDS = 6
SAMPLE_EVERY_S = 0.2
TARGET_MB = 400


def measure() -> list[Figure]:
    return [figure for scoring, replies in RUNS for figure in _measured(scoring, replies)]


def _measured(scoring: str, replies: int) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        stub_miners(replies) as miners,
        validator(Path(folder), miners, rounds=ROUNDS, encoder="minilm", scoring=scoring) as run,
        _highest(run.pid) as found,
    ):
        for _, event in run.rounds():
            assert event["answered"] == replies, event
    what = f"validator's process tree, {scoring}, {replies} replies a round"
    return [
        Figure(f"{what}, RSS", max(one.rss for one in found), "MB", TARGET_MB),
        Figure(f"{what}, PSS", max(one.pss for one in found), "MB", TARGET_MB),
    ]


@contextmanager
def _highest(pid: int) -> Iterator[list[Memory]]:
    """Samples a process tree's memory on a thread."""
    samples: list[Memory] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_EVERY_S):
            samples.append(memory_of_tree(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
