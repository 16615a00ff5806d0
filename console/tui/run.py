"""The screen from the first to the last moment that it has the terminal, and what comes after it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from console import garbage
from console.keymap_file import keymap_path, read_keymap
from console.remote.client import RemoteEngine
from console.remote.words import keeps_running
from console.signals import Signals, on_interrupt
from console.streams import narrate
from console.terminal import let_go_of_terminal, own_terminal
from console.tui.app import ConsoleApp
from console.tui.attached import AttachApp
from console.tui.endings import Ending
from console.tui.screen_memory import memory_path
from console.tui.watching import WatchApp
from engine.doors import Engine
from engine.logs import FOLDER, file_cap
from engine.node.in_process import InProcessEngine
from engine.settings import Configuration

if TYPE_CHECKING:
    from console.record.player import Player

OUTPUT = "output.txt"
JOIN_S = 0.5
"""For the threads of the screen to end: a run has to end within 3 s."""

SIGNALS = {
    Ending.TERMINATED: signal.SIGTERM,
    Ending.INTERRUPTED: signal.SIGINT,
    Ending.HUNG_UP: signal.SIGHUP,
}
AFTER_DEMO = (
    "next, towards testnet: real miners and a wallet of your own: "
    "subnet-console launch --role validator --wallet-name NAME --neuron HOTKEY@IP:PORT"
)


def run_screen(
    engine: InProcessEngine,
    folder: Path,
    configuration: Configuration,
    end: Callable[[signal.Signals], int],
    release: Callable[[], object],
) -> signal.Signals | None:
    """Run the engine to its end, with a screen while there is one. Returns the signal that ended it.

    Whoever waits for this process is let go of (`release`) when the operator detaches.

    Raises ConsoleError for a keymap that is wrong, before the engine starts, and whatever broke the screen.
    """
    thread, asked = engine.thread, list[Ending]()
    try:
        ending = _show(engine, folder, configuration, asked)
    except Exception:
        if thread.running:
            thread.stop()
            thread.join()
        raise
    signals = Signals(thread, end, stop_on_hangup=configuration.settings.on_hangup == "stop")
    ending = asked[-1] if asked else ending
    if ending is Ending.DETACH:
        narrate(keeps_running(os.getpid(), folder))
        let_go_of_terminal()
        release()
    elif ending is Ending.HUNG_UP:
        let_go_of_terminal()
    if ending in SIGNALS:
        signal.raise_signal(SIGNALS[ending])
    elif ending is not Ending.DETACH:
        signals.stop()
    while not thread.join(JOIN_S) and not signals.overdue:
        pass
    if ending is not Ending.DETACH and engine.snapshot.role == "demo" and thread.error is None:
        narrate(AFTER_DEMO)
    return signals.received


def show_replay(player: "Player", folder: Path, *, cap_mb: float) -> signal.Signals | None:
    """Show a recording until the operator leaves, or a signal ends it, which is returned.

    What the screen leaves is put into `folder`. Raises ConsoleError for a keymap that is wrong, and whatever broke it.
    """
    keymap, asked = read_keymap(keymap_path()), list[Ending]()

    def make(terminal: int) -> ConsoleApp:
        return ConsoleApp(
            player,
            folder=folder,
            keymap=keymap,
            terminal=terminal,
            memory=memory_path("replay"),
            past=player,
        )

    ending = _shown(make, folder, asked, cap_mb=cap_mb)
    if ending is Ending.HUNG_UP:
        let_go_of_terminal()
    return SIGNALS.get(asked[-1] if asked else ending)


def show_watch(engine: Engine, folder: Path, *, cap_mb: float) -> signal.Signals | None:
    """Show a subnet until whoever looks leaves, or a signal ends it, which is returned.

    Raises ConsoleError for a keymap that is wrong, and whatever broke the screen.
    """
    keymap, asked = read_keymap(keymap_path()), list[Ending]()

    def make(terminal: int) -> ConsoleApp:
        return WatchApp(engine, folder=folder, keymap=keymap, terminal=terminal, memory=memory_path("watch"))

    ending = _shown(make, folder, asked, cap_mb=cap_mb)
    if ending is Ending.HUNG_UP:
        let_go_of_terminal()
    return SIGNALS.get(asked[-1] if asked else ending)


def show_attached(engine: RemoteEngine, folder: Path, *, cap_mb: float) -> Ending:
    """Show an engine of another process until whoever looks leaves, or a signal or the engine ends it.

    Raises ConsoleError for a keymap that is wrong, and whatever broke the screen.
    """
    keymap, asked = read_keymap(keymap_path()), list[Ending]()

    def make(terminal: int) -> ConsoleApp:
        memory = memory_path(engine.snapshot.role)
        return AttachApp(engine, folder=folder, keymap=keymap, terminal=terminal, memory=memory)

    ending = _shown(make, folder, asked, cap_mb=cap_mb)
    if ending is Ending.HUNG_UP:
        let_go_of_terminal()
    return asked[-1] if asked else ending


def _show(engine: InProcessEngine, folder: Path, configuration: Configuration, asked: list[Ending]) -> Ending:
    """Show the engine, which the screen starts, until the screen ends. One that ended before that starts it now."""
    keymap = read_keymap(keymap_path())

    def make(terminal: int) -> ConsoleApp:
        return ConsoleApp(
            engine,
            begin=engine.thread.start,
            folder=folder,
            keymap=keymap,
            terminal=terminal,
            configuration=configuration,
            memory=memory_path(configuration.settings.role),
        )

    ending = _shown(make, folder, asked, cap_mb=configuration.settings.log_cap_mb)
    engine.thread.start()
    return ending


def _shown(make: Callable[[int], ConsoleApp], folder: Path, asked: list[Ending], *, cap_mb: float) -> Ending:
    """Show an app, made for a terminal, until it ends. `asked` gets what signals asked for, also while it ends."""
    with own_terminal(folder / FOLDER / OUTPUT, max_bytes=file_cap(cap_mb)) as terminal:
        app = make(terminal)
        signal.signal(signal.SIGTERM, _leaving(app, Ending.TERMINATED, asked))
        on_interrupt(_leaving(app, Ending.INTERRUPTED, asked))
        ended = app.run()
        garbage.go_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if app.crash is not None:
        raise app.crash
    return ended or Ending.STOP


def _leaving(app: ConsoleApp, ending: Ending, asked: list[Ending]) -> Callable[[int, FrameType | None], None]:
    def leave(_number: int, _frame: FrameType | None) -> None:
        asked.append(ending)
        app.leave_soon(ending)

    return leave
