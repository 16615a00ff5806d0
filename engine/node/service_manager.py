"""What systemd is told of this process: that it works, that it still does, that it stops (sd_notify(3)).

systemd names a datagram socket in the environment of a unit with `Type=notify`, and with `WatchdogSec=` how long it may
hear nothing before it restarts the unit. The word comes from the engine's event loop, so one that hangs is noticed.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

from engine.feed import Feed
from engine.snapshot import Snapshot
from engine.text import safe

log = logging.getLogger(__name__)

LONGEST_S = 5.0
"""Between two words where no watchdog waits for them: how old a unit's status may be."""


class ServiceManager:
    """A service that tells the manager at `address` how this process is doing, at least every `interval` seconds."""

    def __init__(self, feed: Feed, address: str, interval: float = LONGEST_S) -> None:
        self._feed = feed
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval = interval
        self._is_ready = False

    @classmethod
    def of(cls, feed: Feed, environ: Mapping[str, str] = os.environ) -> "ServiceManager | None":
        """The manager that started this process; None if there is none."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        patience = environ.get("WATCHDOG_USEC", "")
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        if not (is_ours and patience.isdigit() and int(patience)):
            return cls(feed, address)
        return cls(feed, address, min(LONGEST_S, int(patience) / 1e6 / 3))

    async def run(self, started: Callable[[], None]) -> None:
        """Tell until cancelled, and at the end that this process stops."""
        started()
        try:
            while True:
                self._tell(self._feed.snapshot)
                await asyncio.sleep(self._interval if self._is_ready else min(self._interval, 0.2))
        finally:
            self._send("STOPPING=1")

    def _tell(self, snapshot: Snapshot) -> None:
        waiting = [service.name for service in snapshot.services if service.state != "running"]
        words = ["WATCHDOG=1", f"STATUS={status(snapshot, waiting)}"]
        if not self._is_ready and snapshot.services and not waiting:
            self._is_ready = True
            words.append("READY=1")
        self._send("\n".join(words))

    def _send(self, text: str) -> None:
        """A manager that is gone, or does not listen, costs us nothing but this line of the log."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            try:
                channel.sendto(text.encode(), self._address)
            except OSError as error:
                log.warning("the service manager cannot be told how this process is: %s", error)


def status(snapshot: Snapshot, waiting: list[str]) -> str:
    """One line for `systemctl status`."""
    if waiting:
        return safe(f"waiting for {', '.join(waiting)}")
    server = snapshot.server
    if server is not None and snapshot.role == "miner":
        ready = "ready" if server.ready else server.readiness or "not ready"
        return safe(f"miner at {server.address}, {server.backend} {ready}, {server.requests_total} requests")
    return safe(f"{snapshot.role} at block {snapshot.chain.block}, {snapshot.rounds_done} rounds")
