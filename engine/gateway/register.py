"""The register of users' requests: those under way, and the last that ended, for screens."""

import time
from collections import deque
from collections.abc import Callable

from engine.gateway.desk import RoutedRequest
from engine.snapshot import UserRequestState, UserRequestView
from engine.text import safe

ENDED_KEPT = 200
UNDER_WAY_SHOWN = 200
"""Requests for the screen; of those under way the oldest, who wait longest."""

REASON_WIDTH = 160
"""Cells of a reason: a line of a wide terminal."""

MILLION = 1e6


class RequestRegister:
    """`price` is that of a million tokens, in whatever the operator counts."""

    def __init__(self, price: float = 0.0, *, clock: Callable[[], float] = time.time) -> None:
        self._price = price
        self._clock = clock
        self._under_way: dict[int, UserRequest] = {}
        self._ended: deque[UserRequestView] = deque(maxlen=ENDED_KEPT)
        self.requests = 0
        self.tokens = 0
        """Requests that came, and tokens of those that were answered."""

    @property
    def cost(self) -> float:
        """Of all answers."""
        return self.price_of(self.tokens)

    def enter(self, key: str, errand: RoutedRequest, *, streamed: bool) -> "UserRequest":
        """A request has come."""
        self.requests += 1
        entered = UserRequest(self, self.requests, key, errand, streamed, self._clock())
        self._under_way[self.requests] = entered
        return entered

    def end(self, view: UserRequestView) -> None:
        """A request is done with."""
        del self._under_way[view.number]
        self._ended.append(view)
        self.tokens += view.tokens

    def view(self) -> tuple[UserRequestView, ...]:
        """The requests, newest last."""
        under_way = [one.view() for one in tuple(self._under_way.values())[:UNDER_WAY_SHOWN]]
        return tuple(sorted((*self._ended, *under_way), key=lambda one: one.number))

    def price_of(self, tokens: int) -> float:
        """What so many tokens cost."""
        return tokens * self._price / MILLION

    def seconds_since(self, at: float) -> float:
        """Since a moment of this register's clock."""
        return max(0.0, self._clock() - at)


class UserRequest:
    """A request under way."""

    def __init__(
        self, register: RequestRegister, number: int, key: str, errand: RoutedRequest, streamed: bool, at: float
    ) -> None:
        self._register = register
        self._number = number
        self._key = key
        self._errand = errand
        self._streamed = streamed
        self._at = at
        self._first_ms: float | None = None

    def speak(self) -> None:
        """Text has come."""
        if self._first_ms is None:
            self._first_ms = self._passed()

    def answered(self, tokens: int) -> None:
        self._end("answered", tokens=tokens)

    def refused(self, why: str) -> None:
        self._end("refused", reason=why)

    def left(self) -> None:
        """Its user hung up, or its key was revoked."""
        self._end("left")

    def view(self) -> UserRequestView:
        """As it is now."""
        return self._view("waiting" if self._first_ms is None else "speaking", ms=None)

    def _end(self, state: UserRequestState, *, tokens: int = 0, reason: str = "") -> None:
        self._register.end(self._view(state, ms=self._passed(), tokens=tokens, reason=reason))

    def _view(self, state: UserRequestState, *, ms: float | None, tokens: int = 0, reason: str = "") -> UserRequestView:
        return UserRequestView(
            number=self._number,
            at=self._at,
            key=self._key,
            mode=self._errand.mode,
            streamed=self._streamed,
            state=state,
            round=self._errand.round,
            uid=self._errand.uid,
            first_ms=self._first_ms,
            ms=ms,
            tokens=tokens,
            price=self._register.price_of(tokens),
            reason=safe(reason, REASON_WIDTH),
        )

    def _passed(self) -> float:
        return self._register.seconds_since(self._at) * 1000
