"""A miner under a uvicorn of its own: the command that operators type, and what it answers."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@contextmanager
def uvicorn(folder: Path, port: int, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    """`uvicorn miner_server.asgi:app` with its home in `folder`."""
    home = {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "SUBNET_CONSOLE_DATA_DIR": str(folder / "data"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "miner_server.asgi:app", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **home, **environ},
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, path: str) -> object:
    """What the miner says once somebody listens and the engine has started."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
                return json.load(reply)
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_dotenv_file_makes_it_a_whole_miner(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / ".env").write_text(
        f"SUBNET_CONSOLE_NETWORK=embedded\nSUBNET_CONSOLE_BACKEND=scripted\nAPI_PORT={port}\n"
    )
    with uvicorn(tmp_path, port) as process:
        assert answer(port, "/availability") == {"available": True}
        assert "public_key" in dict(answer(port, "/fiber/public-key"))  # type: ignore[call-overload]
        process.terminate()
        _, told = process.communicate(timeout=PATIENCE_S)
    assert "Application shutdown complete" in told and "Traceback" not in told
    status = json.loads((tmp_path / "data" / "status.json").read_text())
    assert status["role"] == "miner" and status["server"]["address"] == f"0.0.0.0:{port}"


def test_what_keeps_it_from_starting_is_said_in_a_line(tmp_path: Path) -> None:
    with uvicorn(tmp_path, free_port(), NETUID="many") as process:
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3  # uvicorn's own for an application that does not start
    assert "netuid must be a whole number" in told and "Traceback" not in told
