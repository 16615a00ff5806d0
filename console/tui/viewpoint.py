"""What the screen looks at: the engine's present, an earlier instant, or a frozen picture."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

from console.present.picture import Mode, Picture
from engine.commands import AnyCommand
from engine.doors import Engine
from engine.snapshot import Event, Snapshot

if TYPE_CHECKING:
    from console.record.player import Player


class Viewpoint:
    """Looks at an engine, or at its past, which a player goes through. A replay has nothing but a past."""

    def __init__(
        self,
        present: Engine,
        clock: Callable[[], float],
        past: "Player | None" = None,
        only_looks: str = "",
        lag: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._present = present
        self._clock = clock
        self._past = past
        self._only_looks = only_looks
        self._lag = lag
        self._paused: Picture | None = None
        self._paused_at = 0.0
        self._answers = _News(present)
        self._notices = _News(past or present)
        self._submitted: set[str] = set()

    @property
    def past(self) -> "Player | None":
        """What goes through the record, None in the present."""
        return self._past

    @past.setter
    def past(self, past: "Player | None") -> None:
        self._past = past
        self._notices = _News(self.engine)

    @property
    def engine(self) -> Engine:
        """What is looked at, also while the picture stands still."""
        return self._past or self._present

    @property
    def known(self) -> Snapshot:
        """The snapshot of the instant that is looked at, also while the picture stands still."""
        return self.engine.snapshot

    @property
    def present(self) -> float:
        """Unix time."""
        return self._clock()

    @property
    def is_replay(self) -> bool:
        """Whether there is no present to go back to."""
        return self._present.snapshot.replay is not None

    @property
    def only_looks(self) -> str:
        """Why this screen is read-only; "" if it is not."""
        is_watch = self._present.snapshot.role == "watch"
        return self._only_looks or ("watch has no key: it is read-only" if is_watch else "")

    @property
    def picture(self) -> Picture:
        """The picture to show now."""
        if self._paused is not None:
            return Picture(self._paused.snapshot, self._paused.now, "paused", time.monotonic() - self._paused_at)
        if self._past is not None:
            return Picture(self.known, self.known.at, "replay" if self.is_replay else "past")
        mode: Mode = "live" if self._present.state == "running" else "ended"
        return Picture(self.known, self._clock(), mode, lag=self._lag())

    @property
    def why_nothing_is_sent(self) -> str:
        """Why no command can be given to the engine; "" when it can."""
        if self.is_replay:
            return "not in a replay"
        if self._past is not None:
            return "this is the past: :live returns to the present"
        if self.only_looks:
            return self.only_looks
        return "the engine has ended" if self.picture.mode == "ended" else ""

    def toggle_pause(self) -> None:
        """Stop at the picture of now, or go back to the present."""
        if self._paused is None:
            self._paused, self._paused_at = self.picture, time.monotonic()
        else:
            self._paused = None

    def submit(self, command: AnyCommand) -> bool:
        """Hand a command to the engine; `answers` has what becomes of it. False when no engine listens."""
        id = uuid4().hex
        self._submitted.add(id)
        return self._present.submit(command, id)

    def answers(self) -> Iterator[Event]:
        """How commands of this screen came out since this was last asked."""
        for event in self._answers.take("command"):
            if event.fields["id"] in self._submitted:
                self._submitted.remove(event.fields["id"])
                yield event

    def notices(self) -> Iterator[str]:
        """What the player had to say since this was last asked."""
        return (event.fields["text"] for event in self._notices.take("notice"))


class _News:
    """Reads each event of an engine once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seq = 0

    def take(self, name: str) -> list[Event]:
        """Those of a name since this was last asked."""
        events = self._engine.events_after(self._seq).events
        if events:
            self._seq = events[-1].seq
        return [event for event in events if event.name == name]
