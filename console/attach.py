"""`subnet-console attach`: the screens of an engine in another process of this machine, and a list of those engines."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from console import garbage
from console.errors import ConsoleError, ExitCode
from console.instants import duration
from console.remote.address import FILE
from console.remote.client import OTHERWISE, RemoteEngine, attached
from console.remote.words import keeps_running
from console.status import SILENT_S, last_snapshot
from console.streams import narrate
from console.terminal import check_terminal
from console.tui.endings import Ending
from engine.commands import Stop
from engine.folders import prepare_folder, state_home
from engine.locks import Holder, neurons_held
from engine.logs import open_log
from engine.text import safe

LOG_CAP_MB = 5.0
NO_SCREEN = "attach needs a terminal; 'subnet-console status' prints the engine's state"
NEEDS_SHOWN = 3
STOP_S, LOOK_S = 5.0, 0.05
"""An engine stops within 3 s; how long to wait for it, and how often to check."""


def attach(folder: Path, *, read_only: bool) -> int:
    """Show the engine of a data folder until the operator leaves or the engine ends. Leaving does not affect it.

    The screen's own files (log, exports) go to the user's state folder. Raises ConsoleError.
    """
    check_terminal(os.environ, otherwise=NO_SCREEN)
    folder, own = folder.absolute(), prepare_folder(state_home() / "attach")
    engine = attached(folder, read_only=read_only)
    try:
        with open_log(own, level="info", cap_mb=LOG_CAP_MB):
            garbage.begin()
            from console.tui.run import show_attached

            ending = show_attached(engine, own, cap_mb=LOG_CAP_MB)
        if ending is Ending.STOP:
            _stop(engine)
    finally:
        engine.leave()
    if engine.state == "failed":
        raise ConsoleError(engine.farewell)
    if ending is not Ending.HUNG_UP:
        narrate(_last_line(engine, folder, asked_to_stop=ending is Ending.STOP))
    return ExitCode.INTERRUPTED if ending is Ending.INTERRUPTED else ExitCode.DONE


def _stop(engine: RemoteEngine) -> None:
    """Ask the engine to stop, and wait until it has."""
    until = time.monotonic() + STOP_S
    engine.submit(Stop(), "stop")
    while engine.state == "running" and time.monotonic() < until:
        time.sleep(LOOK_S)


def _last_line(engine: RemoteEngine, folder: Path, *, asked_to_stop: bool) -> str:
    if engine.state == "ended":
        return "the engine has stopped"
    if asked_to_stop:
        return f"the engine, process {engine.pid}, was asked to stop, but is still running"
    return keeps_running(engine.pid, folder)


def is_wanted(folder: Path, holder: Holder) -> bool:
    """Ask the operator whether to attach to the engine that is already running on this folder."""
    if not os.path.lexists(folder / FILE):
        return False
    narrate(safe(f"process {holder.pid} is already running on {folder}"))
    sys.stderr.write("Attach to it? [Y/n] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    return bool(answer) and answer.strip().lower() in ("", "y", "yes")


def running_here() -> Iterator[str]:
    """Each engine that this user is running on this machine: its role, what needs attention, and how to attach to it.

    Raises ConsoleError if there is none.
    """
    holders = neurons_held()
    if not holders:
        raise ConsoleError(f"you have no engine running on this machine: {OTHERWISE}")
    for holder in holders:
        yield safe(f"subnet-console attach --data-dir {shlex.quote(holder.data_dir)}")
        for line in _about(holder):
            yield safe(f"  {line}")


def _about(holder: Holder) -> Iterator[str]:
    now = time.time()
    running = f"process {holder.pid}, for {duration(now - holder.since)}"
    try:
        snapshot = last_snapshot(Path(holder.data_dir))
    except ConsoleError:
        yield f"{running}: it is still starting"
        return
    yield f"{snapshot.role} on netuid {snapshot.chain.netuid} ({snapshot.chain.network}), {running}"
    if now - snapshot.at > SILENT_S:
        yield f"error: silent for {duration(now - snapshot.at)}: it hangs, or somebody has stopped its process"
        return
    needs = [one for one in snapshot.attention if not one.acknowledged and one.level != "info"]
    needs.sort(key=lambda one: (one.level == "error", one.at), reverse=True)
    if not needs:
        yield "needs no attention"
    for need in needs[:NEEDS_SHOWN]:
        yield f"{need.level}: {need.subject}: {need.text}"
    if len(needs) > NEEDS_SHOWN:
        yield f"and {len(needs) - NEEDS_SHOWN} more"
