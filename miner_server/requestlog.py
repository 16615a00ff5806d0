"""The server's record of its decisions: who asked what, and the outcome, for screens.

It is bounded and cheap to write, and formatted only when someone looks.
"""

import re
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from engine.snapshot import CallerView, RefusalView, RequestView
from engine.text import safe
from engine.values import percentile
from miner_server.call import Call

REQUESTS_KEPT = 200
CALLERS_KEPT = 128
"""The last ones, for the screen: twice as many callers as a subnet has validators."""

REFUSALS_KEPT = 64
"""Most kinds of refusals kept. There are about thirty; numbers in reasons make more."""

REFUSALS_SHOWN = 16
_NUMBER = re.compile(r"\d[\d.,]*")
LATENCIES_KEPT = 1000
CALLER_LATENCIES_KEPT = 50
"""For the percentiles of all callers, and for the median of one."""

ANSWER_CHARS = 200
REASON_WIDTH = 160
HOTKEY_WIDTH = 48
HOST_WIDTH = 48
"""Characters: what a caller sends is cut to what the screen shows; an ss58 address has 48."""


class _Request(Struct, frozen=True):
    """What is kept of a request until someone looks: raw, and without its body."""

    at: float
    status: int
    ms: float
    hotkey: str
    host: str
    route: str
    dialect: str
    gate: str
    reason: str
    bytes_in: int
    answer: str
    tokens: int


class _Kind(NamedTuple):
    """What refusals have in common. Numbers in the reason do not count: ages and sizes differ each time."""

    gate: str
    status: int
    dialect: str
    reason: str


class _Refused(NamedTuple):
    """How often something was refused, and when last."""

    times: int
    last: _Request


class _Caller:
    __slots__ = ("dialect", "host", "last_at", "last_refusal", "latencies", "ok", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.ok = 0
        self.latencies: deque[float] = deque(maxlen=CALLER_LATENCIES_KEPT)
        self.last_at = 0.0
        self.last_refusal = ""
        self.host = ""
        self.dialect = ""


class RequestLog:
    """The last requests, the callers they name (claimed or proven), and totals. Times are unix seconds."""

    def __init__(self, allowed: Callable[[str], bool]) -> None:
        self._allowed = allowed
        self._fresh: deque[_Request] = deque(maxlen=REQUESTS_KEPT)
        self._shown: deque[RequestView] = deque(maxlen=REQUESTS_KEPT)
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._refused: dict[_Kind, _Refused] = {}
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self.statuses: Counter[int] = Counter()
        self.tokens = 0

    def add(self, call: Call, status: int, ms: float) -> None:
        """Record a finished request. Successful look-ups are only counted: they would crowd out everything else."""
        now = time.time()
        self.statuses[status] += 1
        if call.hotkey:
            self._note_caller(call, status, ms, now)
        if call.answer is not None:
            self._latencies.append(ms)
            self.tokens += call.tokens
        elif status < 400 and not call.hotkey:
            return
        entry = _Request(
            now,
            status,
            ms,
            call.hotkey or call.bearer,
            call.host,
            call.route,
            call.dialect,
            call.gate,
            call.reason,
            call.bytes_in,
            (call.answer or "")[:ANSWER_CHARS],
            call.tokens,
        )
        self._fresh.append(entry)
        if status >= 400:
            self._note_refusal(entry)

    def requests(self) -> tuple[RequestView, ...]:
        """The last requests, newest last, cleaned."""
        while self._fresh:
            entry = self._fresh.popleft()
            self._shown.append(
                RequestView(
                    at=entry.at,
                    hotkey=safe(entry.hotkey, HOTKEY_WIDTH),
                    route=entry.route,
                    bytes_in=entry.bytes_in,
                    status=entry.status,
                    ms=entry.ms,
                    reason=safe(entry.reason, REASON_WIDTH),
                    answer=safe(entry.answer, ANSWER_CHARS),
                    tokens=entry.tokens,
                    dialect=entry.dialect,
                    gate=entry.gate,
                    host=safe(entry.host, HOST_WIDTH),
                )
            )
        return tuple(self._shown)

    def callers(self) -> tuple[CallerView, ...]:
        """The callers named in the requests, latest first."""
        return tuple(
            CallerView(
                hotkey=safe(hotkey, HOTKEY_WIDTH),
                allowed=self._allowed(hotkey),
                requests=caller.requests,
                ok=caller.ok,
                p50_ms=percentile(caller.latencies, 0.5),
                last_at=caller.last_at,
                last_refusal=safe(caller.last_refusal, REASON_WIDTH),
                host=safe(caller.host, HOST_WIDTH),
                dialect=caller.dialect,
            )
            for hotkey, caller in reversed(self._callers.items())
        )

    def refusals(self) -> tuple[RefusalView, ...]:
        """The refusals since the start, most frequent first."""
        most = sorted(self._refused.items(), key=lambda item: (-item[1].times, -item[1].last.at))[:REFUSALS_SHOWN]
        return tuple(
            RefusalView(
                gate=kind.gate,
                status=kind.status,
                reason=safe(refused.last.reason, REASON_WIDTH),
                dialect=kind.dialect,
                count=refused.times,
                hotkey=safe(refused.last.hotkey, HOTKEY_WIDTH),
                host=safe(refused.last.host, HOST_WIDTH),
                last_at=refused.last.at,
            )
            for kind, refused in most
        )

    def latency(self, share: float) -> float:
        """This percentile of the latency, in milliseconds, of the last thousand answered challenges."""
        return percentile(self._latencies, share)

    def _note_refusal(self, entry: _Request) -> None:
        reason = "" if entry.gate == "route" else _NUMBER.sub("#", entry.reason)  # which names what was typed
        kind = _Kind(entry.gate, entry.status, entry.dialect, reason)
        before = self._refused.get(kind)
        if before is None and len(self._refused) >= REFUSALS_KEPT:
            rarest, _ = min(self._refused.items(), key=lambda item: (item[1].times, item[1].last.at))
            del self._refused[rarest]
        self._refused[kind] = _Refused(before.times + 1 if before else 1, entry)

    def _note_caller(self, call: Call, status: int, ms: float, now: float) -> None:
        caller = self._callers.pop(call.hotkey, None)
        if caller is None:
            caller = _Caller()
            if len(self._callers) >= CALLERS_KEPT:
                self._make_room()
        self._callers[call.hotkey] = caller
        caller.requests += 1
        caller.last_at = now
        caller.host = call.host
        caller.dialect = call.dialect
        if status < 400:
            caller.ok += 1
        else:
            caller.last_refusal = f"{status} {call.reason}"
        if call.answer is not None:
            caller.latencies.append(ms)

    def _make_room(self) -> None:
        """Drop the stranger named longest ago; names can be made up, so validators go last."""
        stranger = next((hotkey for hotkey in self._callers if not self._allowed(hotkey)), None)
        del self._callers[stranger if stranger is not None else next(iter(self._callers))]
