"""How much of the users' work each miner gets: as much as it takes, and no more of it than its turn.

A miner that users keep busy fails at what it could do alone, so what a user causes is not held against it: it gets less
to do instead. What a miner takes is found out as TCP finds out what a line takes: one more for each answer, a good part
less for each sign that it was too much.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from engine.transport.errors import WireError
from engine.validator.selection import Candidate

FIRST_AT_ONCE = 8.0
"""Requests at once that a miner gets before anything is known of it: our own works on as many."""

MOST_AT_ONCE = 256.0
LESS_AT_ONCE = 0.7
LESS_A_MINUTE = 0.8
MORE_A_MINUTE = 0.02
"""For each answer: a miner that answers fifty a minute is tried with one more in the next."""

MINUTE_S = 60.0
FIRST_REST_S = 2.0
LONGEST_REST_S = 30.0
LOOK_S = 0.25
"""A rest and a minute end without anybody's doing."""

TOO_MUCH = (429, 503)
UNFIT = (400, 413, 415, 422)
"""What a miner says to a request that it cannot answer at all: the user chose it."""


class Load:
    """The users' requests at each miner. Times are monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _MinerLoad] = {}
        self._line = asyncio.Lock()
        self._changed = asyncio.Event()

    def going(self, hotkey: str) -> int:
        """How many requests this miner works on now."""
        account = self._accounts.get(hotkey)
        return account.going if account else 0

    def has_room(self, hotkey: str) -> bool:
        """Whether it may get another request now."""
        account = self._accounts.get(hotkey)
        return account is None or account.has_room(self._clock())

    @property
    def has_line(self) -> bool:
        """Whether somebody waits for room, who comes first."""
        return self._line.locked()

    async def wait_for_room(self, there_is: Callable[[], bool], seconds: float) -> bool:
        """Wait in line until there is room. False if it took longer."""
        try:
            async with asyncio.timeout(seconds), self._line:
                while not there_is():
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(LOOK_S):
                            await self._changed.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            return False
        return True

    def hold(self, miners: Sequence[Candidate]) -> "Hold":
        """These miners get a request."""
        now = self._clock()
        for miner in miners:
            self._accounts.setdefault(miner.peer.hotkey, _MinerLoad()).begin(now)
        return Hold(self, tuple(miner.peer.hotkey for miner in miners))

    def end(self, hotkey: str, *, answered: bool) -> None:
        account = self._accounts[hotkey]
        account.going -= 1
        if answered:
            account.took_it()
        self._changed.set()

    def excuse(self, miner: Candidate, failure: WireError) -> WireError:
        """What a failure at a user's request counts as. What users may have caused is "cancelled", which does not
        count; a miner that is late with its only request has nobody else to blame."""
        account = self._accounts.setdefault(miner.peer.hotkey, _MinerLoad())
        if failure.code in UNFIT:
            return WireError("cancelled", f"{failure.reason}; not counted: a user's request that it cannot answer")
        if failure.code in TOO_MUCH or (failure.status == "timeout" and account.going > 1):
            told = f"{failure.reason}; not counted: users asked much of it at once"
            account.had_too_much(self._clock())
            return WireError("cancelled", told)
        return failure

    def keep(self, hotkeys: Mapping[str, object]) -> None:
        """Forget all other miners that have nothing to do."""
        for hotkey in [one for one, account in self._accounts.items() if one not in hotkeys and not account.going]:
            del self._accounts[hotkey]


class Hold:
    """The miners that have one round's request and have not answered it."""

    def __init__(self, load: Load, hotkeys: Sequence[str]) -> None:
        self._load = load
        self._open = set(hotkeys)

    def end(self, hotkey: str, *, answered: bool) -> None:
        """This miner is done with it."""
        if hotkey in self._open:
            self._open.discard(hotkey)
            self._load.end(hotkey, answered=answered)

    def end_all(self) -> None:
        """The round is over."""
        for hotkey in tuple(self._open):
            self.end(hotkey, answered=False)


class _MinerLoad:
    def __init__(self) -> None:
        self.going = 0
        self.at_once = FIRST_AT_ONCE
        self.a_minute: float | None = None
        """None as long as nothing was too much."""
        self.began: deque[float] = deque(maxlen=4096)
        self.rest = 0.0
        self.rests_until = 0.0

    def has_room(self, now: float) -> bool:
        if now < self.rests_until or self.going >= int(self.at_once):
            return False
        return self.a_minute is None or self._last_minute(now) < max(1, int(self.a_minute))

    def begin(self, now: float) -> None:
        self.going += 1
        self.began.append(now)

    def took_it(self) -> None:
        """It answered: it may get more, quickly as long as nothing was too much."""
        self.rest = 0.0
        more = 1.0 if self.a_minute is None else 1.0 / self.at_once
        self.at_once = min(MOST_AT_ONCE, self.at_once + more)
        if self.a_minute is not None:
            self.a_minute += MORE_A_MINUTE

    def had_too_much(self, now: float) -> None:
        """Several of one burst say so, which counts once: those that come while it rests change nothing."""
        if now < self.rests_until:
            return
        self.at_once = max(1.0, min(self.at_once, self.going) * LESS_AT_ONCE)
        self.a_minute = max(1.0, min(self.a_minute or MOST_AT_ONCE * MINUTE_S, self._last_minute(now)) * LESS_A_MINUTE)
        self.rest = min(self.rest * 2 or FIRST_REST_S, LONGEST_REST_S)
        self.rests_until = now + self.rest

    def _last_minute(self, now: float) -> int:
        while self.began and self.began[0] <= now - MINUTE_S:
            self.began.popleft()
        return len(self.began)
