"""How soon a miner in front of a model server answers challenges: from the start of its process.

Its bytecode is compiled, as after an installation.

The model server is the stub of `benchmarks.backend`. The miner says on `/availability` that it would answer, once that
stub has answered a question of its own.
"""

import http.client
import json
import statistics
import tempfile
import time
from pathlib import Path
from socket import create_server

from benchmarks.figures import Figure
from benchmarks.processes import clean_environment, cpu_seconds_of, python, running

LOOPBACK = "127.0.0.1"
RUNS = 5
LOOK_AGAIN_S = 0.01
PATIENCE_S = 60.0


def measure() -> list[Figure]:
    with running(python("benchmarks.backend", "stub")) as stub, tempfile.TemporaryDirectory() as home:
        assert stub.stdout is not None
        url = f"http://{LOOPBACK}:{int(stub.stdout.readline())}/v1"
        _started(url, Path(home))  # makes the wallet, and compiles what is not compiled yet
        seconds, cpu = zip(*(_started(url, Path(home)) for _ in range(RUNS)), strict=True)
    about = "miner before a model server: from its start until it answers"
    return [Figure(about, statistics.median(seconds), "s", 1), Figure(f"{about}, CPU", statistics.median(cpu), "s")]


def _started(url: str, home: Path) -> tuple[float, float]:
    """Seconds until it answers, and of CPU."""
    environment = clean_environment(home)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")
    with create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
    launch = ("launch", "--role", "miner", "--no-ui", "--backend", "openai", "--backend-url", url)
    place = ("--host", LOOPBACK, "--port", str(port), "--data-dir", str(home / "data"))
    began = time.monotonic()
    with running(python("console", *launch, *place), env=environment) as miner:
        while not _answers(port):
            if miner.poll() is not None or time.monotonic() - began > PATIENCE_S:
                raise TimeoutError(f"the miner does not answer; its exit code is {miner.poll()}")
            time.sleep(LOOK_AGAIN_S)
        took = time.monotonic() - began, cpu_seconds_of(miner.pid)
        miner.terminate()
        return took


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/availability")
        return bool(json.loads(connection.getresponse().read())["available"])
    except OSError:
        return False
    finally:
        connection.close()
