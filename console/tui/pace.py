"""When the next frame may go to a terminal: once it has said that it has the one before.

How much a pseudo-terminal takes says nothing, since whoever is behind it, sshd or tmux, takes all there is. So each
frame ends with a question that the terminal itself answers: where is the cursor? It is at another column each time.
"""

from collections import deque

ROUND = 40
"""Questions until a column comes up again; every terminal is as wide as that."""

MUTE_S = 3.0
"""A terminal that has not answered its first question by then never will, and is not waited for."""

AGAIN_S = 5.0
"""An answer may get lost; the question is put again after so long."""

KEY_S = 0.3
"""What a key changes is on its way to the screen for so long, at most."""

AHEAD = 2
"""Frames on their way when a key was pressed; one otherwise."""

LONGEST_REST_S = 1.0
"""For a line to be free for what the next key changes."""


class FramePace:
    """Questions and their answers; all times are those of one monotonic clock."""

    def __init__(self) -> None:
        self._number = 0
        self._asked: deque[tuple[int, float]] = deque()
        self._first_asked = float("inf")
        self._answers = False
        self._sent = self._key = self._rested = float("-inf")
        self.took = 0.0
        """How long the last frame was on its way, there and back."""

    def question(self, now: float) -> str:
        """What ends a frame."""
        self._number = self._number % ROUND + 1
        self._asked.append((self._number, now))
        self._first_asked = min(self._first_asked, now)
        self._sent = now
        return f"\x1b[1;{self._number}H\x1b[6n"

    def answered(self, column: int, now: float) -> None:
        """The cursor stood at this column, from 1 on: what was written up to that is on the terminal."""
        if all(number != column for number, _ in self._asked):
            return
        self._answers = True
        while self._asked:
            number, at = self._asked.popleft()
            if number == column:
                self.took = now - at
                self._rested = now + min(self.took, LONGEST_REST_S)
                return

    def key(self, now: float) -> None:
        """Something was typed: what it changes goes ahead of what changes by itself."""
        self._key = now

    def restart(self) -> None:
        """What was on its way is lost."""
        self._asked.clear()

    def wait(self, now: float) -> float:
        """Seconds until a frame may go; 0 now, infinity when an answer has to come first."""
        if not self._answers:
            return 0.0 if not self._asked or self._is_key(now) else max(0.0, self._first_asked + MUTE_S - now)
        if self._is_key(now):
            return 0.0 if len(self._asked) < AHEAD or now - self._sent > AGAIN_S else float("inf")
        return float("inf") if self._asked else max(0.0, self._rested - now)

    def is_overdue(self, now: float) -> bool:
        """Whether to put the question again."""
        return self._answers and bool(self._asked) and now - self._sent > AGAIN_S

    def age(self, now: float) -> float:
        """For how long what is on its way has been so; how long the last frame was, when nothing is."""
        return max(self.took, now - self._asked[0][1]) if self._answers and self._asked else self.took

    def _is_key(self, now: float) -> bool:
        return now - self._key < KEY_S
