"""How long a miner server takes for `GET /health` with the screen on, compared with one without, asked in turns.

Both run at the same time, so that other load on the machine affects both. The screen shows the requests as they come. A
caller may make 120 look-ups a minute, so there are several, each with its own address.
"""

import http.client
import json
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from tests.stories.terminal import terminal

CALLERS = [f"127.0.0.{number}" for number in range(2, 12)]
REQUESTS_EACH = 80
PAUSE_S = 0.02
PATIENCE_S = 30.0
MINER = ("--role", "miner", "--backend", "scripted", "--host", "127.0.0.1", "--port", "0")


def measure() -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as first,
        tempfile.TemporaryDirectory() as second,
        terminal(*MINER, "--data-dir", f"{first}/data", home=Path(first), size=(160, 48)) as shown,
        terminal(*MINER, "--no-ui", "--data-dir", f"{second}/data", home=Path(second)),
    ):
        ports = _port(Path(first)), _port(Path(second))
        shown.wait_for("[1 Home]")
        shown.press("5")
        shown.wait_for("[5 Server]")
        with_screen, headless = _asked(*ports)
        shown.wait_for(f"in {len(with_screen)} requests")
    return [
        Figure("GET /health p99 with the screen, over its p99 headless", _p99(with_screen) - _p99(headless), "ms", 20),
        Figure("GET /health p99 headless", _p99(headless), "ms"),
    ]


def _port(home: Path) -> int:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            return int(json.loads((home / "data" / "status.json").read_text())["server"]["address"].rpartition(":")[2])
        except (OSError, KeyError, TypeError, ValueError):
            time.sleep(0.1)
    raise TimeoutError("the miner server did not report its address")


def _asked(*ports: int) -> list[list[float]]:
    """The milliseconds of each request, for each of the servers."""
    took: list[list[float]] = [[] for _ in ports]
    for caller in CALLERS:
        for _ in range(REQUESTS_EACH):
            for port, times in zip(ports, took, strict=True):
                time.sleep(PAUSE_S)
                times.append(_look_up(caller, port))
    return took


def _look_up(caller: str, port: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S, source_address=(caller, 0))
    began = time.monotonic()
    connection.request("GET", "/health")
    response = connection.getresponse()
    response.read()
    took = (time.monotonic() - began) * 1000
    connection.close()
    assert response.status == 200, response.status
    return took


def _p99(took: list[float]) -> float:
    return sorted(took)[int(0.99 * (len(took) - 1))]
