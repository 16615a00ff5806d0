"""The demo subnet in wall time, started as in the README: 17 miners, one of them a language model."""

import json
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.processes import clean_environment, python, running

ROUNDS = 8


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as home:
        command = python("console", "launch", "--no-ui", "--rounds", str(ROUNDS), "--seed", "7")
        began = time.monotonic()
        with running([*command, "--data-dir", f"{home}/demo"], env=clean_environment(Path(home))) as process:
            assert process.stdout is not None
            ends = [time.monotonic() - began for line in process.stdout if json.loads(line)["event"] == "round"]
            process.wait()
    took = time.monotonic() - began
    assert len(ends) == ROUNDS, f"{len(ends)} rounds"
    return [
        Figure(f"demo: {ROUNDS} rounds, from start to exit", took, "s", 60),
        Figure("demo: first round, from start", ends[0], "s", 15),
    ]
