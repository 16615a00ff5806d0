"""Through time: the whole screen shows an earlier instant of the record, beside a running engine or without one."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from console.instants import instant
from console.screens.common import STRIDE
from console.tui.viewpoint import Viewpoint
from engine.doors import RecordReader
from engine.errors import StoreError

if TYPE_CHECKING:
    from console.record.player import Player


class Traveller(Protocol):
    """The application, as far as travelling needs it."""

    def tell(self, text: str, *, failed: bool = False) -> None: ...

    def pull(self) -> None: ...

    def run_worker(self, work: Coroutine[Any, Any, None], *, group: str, exclusive: bool) -> object: ...


class Travel:
    """Takes a viewpoint through the recorded rounds, and responds to the actions `time.…`."""

    def __init__(self, app: Traveller, viewpoint: Viewpoint) -> None:
        self._app = app
        self._viewpoint = viewpoint

    def do_time_back(self) -> None:
        self._travel(lambda player: player.step(-1))

    def do_time_forward(self) -> None:
        self._only_back(lambda player: player.step(1))

    def do_time_back_ten(self) -> None:
        self._travel(lambda player: player.step(-STRIDE))

    def do_time_forward_ten(self) -> None:
        self._only_back(lambda player: player.step(STRIDE))

    def do_time_first(self) -> None:
        self._travel(lambda player: player.first())

    def do_time_last(self) -> None:
        self._travel(lambda player: player.last())

    def do_time_play(self) -> None:
        self._travel(lambda player: player.play_or_pause())

    def do_time_pace(self) -> None:
        self._travel(lambda player: player.change_pace())

    def do_time_live(self) -> None:
        player = self._viewpoint.past
        if self._viewpoint.is_replay and player is not None:
            player.last()
        elif player is None:
            self._app.tell("already at the present")
        else:
            self._viewpoint.past = None
            player.stop_soon()
            self._app.pull()

    def instant(self, text: str) -> float:
        """The unix time that was typed, seen from the instant that is on the screen. Raises ValueError."""
        picture = self._viewpoint.picture
        replay = picture.snapshot.replay
        now = replay.last_at if replay is not None and self._viewpoint.is_replay else self._viewpoint.present
        return instant(text, now=now, base=picture.now)

    def to(self, at: float) -> None:
        """Show everything as it was at this instant, in unix seconds."""
        self._travel(lambda player: player.go_to(at))

    def _only_back(self, move: "Callable[[Player], None]") -> None:
        if self._viewpoint.past is None:
            self._app.tell("already at the present: there is nothing newer", failed=True)
        else:
            move(self._viewpoint.past)

    def _travel(self, move: "Callable[[Player], None]") -> None:
        """Go through the record; from the present, open it first."""
        if self._viewpoint.past is not None:
            move(self._viewpoint.past)
        else:
            self._app.run_worker(self._leave_the_present(move), group="travel", exclusive=True)

    async def _leave_the_present(self, move: "Callable[[Player], None]") -> None:
        try:
            player = await asyncio.to_thread(_player, self._viewpoint.engine.record)
        except StoreError as error:
            self._app.tell(str(error), failed=True)
            return
        player.start()
        move(player)
        self._viewpoint.past = player
        self._app.pull()


def _player(record: RecordReader) -> "Player":
    """What goes through a record. Raises StoreError."""
    from console.record.player import Player

    return Player(record)
