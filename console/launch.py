"""`subnet-console launch`: the folder, the log, the engine on its thread, and the exit code of how it ended."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from pathlib import Path

from console import __version__, garbage
from console.config import shown, shown_names, told
from console.errors import ExitCode
from console.headless import run_headless
from console.options import OTHERWISE, demo_in_doubt, require_embedded
from console.record.folder import FolderRecord
from console.signals import GRACE_S
from console.streams import narrate
from engine.feed import Feed
from engine.folders import OTHERS, prepare_folder
from engine.logs import open_log
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread, serving_loop
from engine.settings import Configuration, Settings
from engine.snapshot import Snapshot
from engine.text import safe

log = logging.getLogger(__name__)

NAMED = 6
"""How many names are listed on one line."""


def run(configuration: Configuration, *, on_screen: bool, release: Callable[[], object] = lambda: None) -> int:
    """Run the configured role to its end. Returns the exit code, or raises what ended it.

    `release` is called once the operator has left the screen, and lets the waiting parent process end.
    """
    settings = configuration.settings
    if settings.role == "demo":
        require_embedded(settings)
    os.umask(os.umask(OTHERS) | OTHERS)
    folder = prepare_folder(Path(settings.data_dir))
    now = time.time()
    feed = Feed(Snapshot(at=now, version=__version__, role=settings.role, started_at=now))
    notices = [*_notices(configuration)]
    new_loop = serving_loop if settings.role == "miner" else asyncio.new_event_loop
    thread = EngineThread(
        lambda: _run_role(settings, folder, feed, notices, attachable),
        load=partial(_load, settings.role),
        new_loop=new_loop,
    )

    def end(received: signal.Signals | None) -> ExitCode:
        return _code(feed.snapshot, received)

    def attachable() -> AbstractContextManager[None]:
        from console.remote.server import listening

        rows = (*shown(configuration), *shown_names(configuration))
        return listening(engine, folder, rows, tell=partial(feed.raise_attention, "warning", "attach"))

    def tell_of_log(text: str) -> None:
        feed.raise_attention("warning", "log", text)

    with open_log(folder, level=settings.log_level, cap_mb=settings.log_cap_mb, tell=tell_of_log) as logs:
        engine = InProcessEngine(feed, logs, FolderRecord(folder), thread)
        _tell_of_names(configuration, aloud=not on_screen)
        garbage.begin()
        if on_screen:
            from console.tui.run import run_screen

            received = run_screen(engine, folder, configuration, end, release)
        else:
            received = run_headless(feed, thread, stop_on_hangup=settings.on_hangup == "stop", end=end)
    if thread.error is not None:
        if loss := lost(feed.snapshot):
            narrate(safe(loss))
        raise thread.error
    code = end(received)
    if thread.running:
        narrate(f"the engine did not stop within {GRACE_S:g} s; abandoning it")
    if thread.running or thread.left_loading:
        # The interpreter's own shutdown would wait for, or trip over, a thread that imports or hangs.
        os._exit(code)
    return code


def _code(last: Snapshot, received: signal.Signals | None) -> ExitCode:
    """The exit code of a run that ended without an error; reports what was lost."""
    if loss := lost(last):
        narrate(safe(loss))
        return ExitCode.UNSTORED
    return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.DONE


def lost(last: Snapshot) -> str:
    """What a finished run failed to store, in words; "" if its record is complete."""
    parts = []
    if last.rounds_unstored:
        one = last.rounds_unstored == 1
        rounds = "1 round is lost: it" if one else f"{last.rounds_unstored:,} rounds are lost: they"
        parts.append(f"{rounds} could not be stored")
    if last.record_gone:
        parts.append(f"part of this run's record is gone: {last.record_gone}")
    return "; ".join(parts)


def _tell_of_names(configuration: Configuration, *, aloud: bool) -> None:
    """Report how other programs' settings were used: to the log, and to stderr if `aloud`."""
    for line in told(configuration):
        log.info("%s", line)
        if aloud:
            narrate(safe(line))


def _notices(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Notices about the settings at the start: subject and text."""
    idle = [fate.name for fate in configuration.fates if fate.state != "taken"]
    if idle:
        yield (
            "settings",
            f"other programs' settings without effect: {_some(idle)}; see 'config show' or Setup",
        )
    if doubt := demo_in_doubt(configuration):
        yield "role", f"{doubt}; {OTHERWISE}"
    settings = configuration.settings
    if settings.role == "miner" and settings.backend == "llamacpp" and settings.model_path is None:
        yield "backend", "the small packaged chat model answers: choose another with --backend or --model-path"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _load(role: str) -> None:
    """Import the engine on its own thread, so that the first frame does not wait for it."""
    import_module("console.remote.server")
    import_module("console.roles.run")
    import_module(f"console.roles.{role.replace('-', '_')}")


async def _run_role(
    settings: Settings,
    folder: Path,
    feed: Feed,
    notices: Sequence[tuple[str, str]],
    attachable: Callable[[], AbstractContextManager[None]],
) -> None:
    from console.roles.run import run

    await run(settings, folder, feed, notices, attachable=attachable)
