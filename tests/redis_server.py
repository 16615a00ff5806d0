"""A Redis for tests: the one that the environment names, else a real server on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

NAMED = "SUBNET_CONSOLE_TEST_REDIS"
STARTS_S = 30.0


class RedisServer:
    """A server that may be stopped and started again; `url` is where it is."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            ["redis-server", *where, "--save", "", "--appendonly", "no", *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + STARTS_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                assert time.monotonic() < until, "redis-server does not start"
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(STARTS_S)
            self._process = None


def need_redis() -> None:
    """Skip a test where there is no Redis."""
    if NAMED not in os.environ and shutil.which("redis-server") is None:
        pytest.skip(f"there is no redis-server in PATH (apt-get install redis-server), and no {NAMED}")


@contextmanager
def a_redis(*options: str) -> Iterator[RedisServer]:
    """A server of our own, with these options."""
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server in PATH (apt-get install redis-server)")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def a_redis_url() -> Iterator[str]:
    """The URL of any Redis, which is empty."""
    need_redis()
    if NAMED in os.environ:
        url = os.environ[NAMED]
        redis.Redis.from_url(url).flushdb()
        yield url
        return
    with a_redis() as server:
        yield server.url
