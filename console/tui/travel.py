"""Through time: the whole screen shows an earlier instant of the record, beside a running engine or without one."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from console.instants import instant
from console.tui.places import PlacesApp
from engine.doors import RecordReader
from engine.errors import StoreError

if TYPE_CHECKING:
    from console.record.player import Player

TEN = 10


class TimeTravel(PlacesApp, inherit_bindings=False):
    """The part of the app that goes through the recorded rounds."""

    def tell(self, text: str, *, failed: bool = False) -> None:
        """A message that goes away by itself."""
        raise NotImplementedError

    def pull(self) -> None:
        """Show what there is to be seen."""
        raise NotImplementedError

    def open_palette(self, typed: str = "") -> None:
        """Let the operator type a command that begins so."""
        raise NotImplementedError

    @property
    def past(self) -> "Player | None":
        """What goes through the record, None in the present."""
        return self.viewing.past

    def do_time_back(self) -> None:
        self._travel(lambda player: player.step(-1))

    def do_time_forward(self) -> None:
        self._only_back(lambda player: player.step(1))

    def do_time_back_ten(self) -> None:
        self._travel(lambda player: player.step(-TEN))

    def do_time_forward_ten(self) -> None:
        self._only_back(lambda player: player.step(TEN))

    def do_time_first(self) -> None:
        self._travel(lambda player: player.first())

    def do_time_last(self) -> None:
        self._travel(lambda player: player.last())

    def do_time_play(self) -> None:
        self._travel(lambda player: player.play_or_pause())

    def do_time_pace(self) -> None:
        self._travel(lambda player: player.change_pace())

    def do_time_at(self) -> None:
        self.open_palette("at ")

    def do_time_live(self) -> None:
        player = self.past
        if self.viewing.is_replay and player is not None:
            player.last()
        elif player is None:
            self.tell("this is the present already")
        else:
            self.viewing.past = None
            player.stop_soon()
            self.pull()

    def instant(self, text: str) -> float:
        """The unix time that was typed, seen from the instant that is on the screen. Raises ValueError."""
        picture = self.viewing.picture
        replay = picture.snapshot.replay
        now = replay.last_at if replay is not None and self.viewing.is_replay else self.viewing.present
        return instant(text, now=now, base=picture.now)

    def travel_to(self, at: float) -> None:
        """Show everything as it was at this instant."""
        self._travel(lambda player: player.go_to(at))

    def _only_back(self, move: "Callable[[Player], None]") -> None:
        if self.past is None:
            self.tell("this is the present: only the past is recorded", failed=True)
        else:
            move(self.past)

    def _travel(self, move: "Callable[[Player], None]") -> None:
        """Go through the record; from the present, open it first."""
        if self.past is not None:
            move(self.past)
        else:
            self.run_worker(self._leave_the_present(move), exclusive=True, group="travel")

    async def _leave_the_present(self, move: "Callable[[Player], None]") -> None:
        try:
            player = await asyncio.to_thread(_player, self.viewing.engine.record)
        except StoreError as error:
            self.tell(str(error), failed=True)
            return
        player.start()
        move(player)
        self.viewing.past = player
        self.pull()


def _player(record: RecordReader) -> "Player":
    """What goes through a record. Raises StoreError."""
    from console.record.player import Player

    return Player(record)
