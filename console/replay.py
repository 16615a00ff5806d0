"""`subnet-console replay`: recorded rounds in the same screens, without an engine."""

import os
import signal
from pathlib import Path

from console import garbage
from console.errors import ConsoleError, ExitCode
from console.instants import instant
from console.record.folder import FolderRecord
from console.record.player import Player, playing
from console.record.private_copy import readable
from console.streams import narrate
from console.terminal import check_terminal
from engine.doors import Instants
from engine.folders import prepare_folder, state_home
from engine.logs import open_log

LOG_CAP_MB = 5.0
"""Of the log of a replay, which says little."""

NO_SCREEN = "replay needs a screen; 'subnet-console export' writes what is recorded"


def replay(folder: Path, *, at: str | None) -> int:
    """Show the record of a data folder as of `at`, by default as of its last round.

    The screen's own files (log, exports) go to the user's state folder, never to the one it shows.
    Raises ConsoleError, StoreError.
    """
    check_terminal(os.environ, otherwise=NO_SCREEN)
    folder, own = folder.absolute(), prepare_folder(state_home() / "replay")
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        narrate(text)

    with readable(folder, tell) as data, open_log(own, level="info", cap_mb=LOG_CAP_MB):
        record = FolderRecord(folder, data)
        player = Player(record, at=None if at is None else _instant(at, record.instants()))
        for text in told:
            player.tell(text)
        garbage.begin()
        from console.tui.run import show_replay

        with playing(player):
            received = show_replay(player, own, cap_mb=LOG_CAP_MB)
    return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.DONE


def _instant(text: str, instants: Instants) -> float:
    try:
        return instant(text, now=instants.time(instants.total))
    except ValueError as error:
        raise ConsoleError(f"--at: {error}") from None
