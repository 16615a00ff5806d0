"""A real sshd on loopback, and terminals behind its clients."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import join

from tests.stories.console import PATIENCE_S, ROOT, children_of
from tests.stories.terminal import Terminal

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PROGRAMS = (SSHD, shutil.which("ssh"), shutil.which("ssh-keygen"))


class Host:
    """This machine, as one that is far away."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        for name in ("host", "user"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self._port}\nHostKey {folder / 'host'}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder / 'user.pub'}\nStrictModes no\n"
            "PasswordAuthentication no\nPermitRootLogin yes\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where one of root's locks up its unprivileged half
        self._server = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("sshd does not listen")

    @contextmanager
    def terminal(self, *arguments: str, size: tuple[int, int] = (80, 24)) -> Iterator[Terminal]:
        """`ssh -t` of a command of ours, in a terminal here."""
        home = f"HOME={self._folder}"
        there = f"cd {ROOT} && exec env {home} ESCDELAY=25 {join([sys.executable, '-m', 'console', *arguments])}"
        known = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
        client = ["ssh", "-F", "none", *known, "-i", str(self._folder / "user"), "-p", str(self._port)]
        opened = Terminal([*client, "-t", "127.0.0.1", there], width=size[0], height=size[1], home=self._folder)
        try:
            yield opened
        finally:
            opened.close()

    def cut(self) -> None:
        """Kill whatever serves the clients that are connected."""
        for session in children_of(self._server.pid):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended with another one
                if Path(f"/proc/{session}/comm").read_text().startswith("sshd"):
                    os.kill(session, signal.SIGKILL)

    def close(self) -> None:
        self._server.kill()
        self._server.wait()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
