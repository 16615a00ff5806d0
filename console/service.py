"""`subnet-console service`: a part of a validator in a process of its own. Its events are JSON lines on stdout, its log
goes to stderr, where systemd and Docker keep it."""

import logging
import time
from importlib import import_module

from console import __version__
from console.errors import ExitCode
from console.headless import run_headless
from console.signals import GRACE_S
from console.streams import narrate
from engine.feed import Feed
from engine.logs import CHATTY
from engine.node.thread import EngineThread, serving_loop
from engine.redaction import redact
from engine.settings import Configuration
from engine.snapshot import Snapshot
from engine.text import safe

APART = ("gateway", "worker")


def service(name: str, configuration: Configuration) -> int:
    """Run it until a signal ends it. Returns the exit code, or raises what ended it."""
    settings = configuration.settings
    _log_to_stderr(settings.log_level)
    now = time.time()
    feed = Feed(Snapshot(at=now, version=__version__, role="validator", started_at=now))

    is_given = {place: configuration.sources[place].startswith("--") for place in ("host", "port")}
    room = "console.roles.apart" if name in APART else "console.template.run"

    async def run() -> None:
        if name in APART:
            from console.roles import apart

            await apart.run(name, settings, feed)
        else:
            from console.template import run as template

            host = settings.host if is_given["host"] else template.LOOPBACK
            await template.run(name, settings, feed, host, settings.port if is_given["port"] else None)

    thread = EngineThread(run, load=lambda: import_module(room), new_loop=serving_loop)
    received = run_headless(
        feed, thread, stop_on_hangup=settings.on_hangup == "stop", end=lambda _: ExitCode.INTERRUPTED
    )
    if thread.error is not None:
        raise thread.error
    if thread.running:
        narrate(f"the service did not stop within {GRACE_S:g} s; abandoning it")
    return ExitCode.DONE if received is not None else ExitCode.INTERNAL


class _Clean(logging.Formatter):
    """A record on one line, without control characters and known secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return safe(redact(super().format(record)))


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Clean("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
