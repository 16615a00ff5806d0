"""The CPU seconds of `subnet-console --help`, with compiled bytecode as after an installation."""

import os
import statistics
import tempfile

from benchmarks.figures import Figure
from benchmarks.processes import cpu_seconds, python

RUNS = 7


def measure() -> list[Figure]:
    command = python("console", "--help")
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        cpu_seconds(command, environment)
        seconds = [cpu_seconds(command, environment) for _ in range(RUNS)]
    return [Figure("subnet-console --help, CPU", statistics.median(seconds), "s", 0.15)]
