"""How much of its month each key of an OpenAI-compatible API has used, in a private file beside the keys.

Use is written down before it is granted, a hundredth of a limit ahead: while it cannot be written nothing more is
granted, and a process that dies costs a key no more than that hundredth. Processes may share the file.
"""

import asyncio
import calendar
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from engine.api_keys import ApiKey, KeyLimits, KeyManner, alone_in, read_keys, read_private, write_private

FILE_NAME = "api-key-use.json"
PARTS = 100
"""Into so many parts is a limit divided, of which one is written down at a time."""

Kind = Literal["requests", "tokens"]


class Used(Struct, frozen=True):
    """What one key has used in a month, including what was only written down ahead."""

    requests: int = 0
    tokens: int = 0


class _UseFile(Struct, frozen=True):
    """`month` is 2026-12, `used` by the name of a key."""

    month: str = ""
    used: dict[str, Used] = {}


class SpentError(Exception):
    """A key has used up what it may this month."""

    def __init__(self, kind: Kind, limit: int) -> None:
        super().__init__(f"this key allows {limit} {kind} a month, and they are used up")


class Budget(Struct, frozen=True):
    """Of a limit of this month, and the seconds until the next month."""

    limit: int
    left: int
    seconds: float


def used_of(path: Path, month: str) -> dict[str, Used]:
    """What the file says that each key has used in a month. Raises KeyFileError."""
    told = read_private(path, _UseFile)
    return told.used if told.month == month else {}


def list_keys(keys: Path, use: Path) -> list[dict[str, Any]]:
    """What the two files say of each key, without the key itself. Raises KeyFileError."""
    now = time.time()
    used = used_of(use, month_of(now))
    return [
        {
            "name": key.name,
            "made_at": _iso(key.made_at),
            "expires_at": None if key.expires_at is None else _iso(key.expires_at),
            "expired": key.has_expired(now),
            "earlier_valid_until": _iso(key.earlier_until) if key.earlier_until > now else None,
            **{name: getattr(key, name) for name in (*KeyLimits.__struct_fields__, *KeyManner.__struct_fields__)},
            "used_this_month": asdict(used.get(key.name, Used())),
        }
        for key in read_keys(keys)
    ]


def month_of(at: float) -> str:
    """The month of a moment in unix seconds, such as 2026-12, in UTC."""
    return time.strftime("%Y-%m", time.gmtime(at))


class KeyUse:
    """The use of a running process."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._month = ""
        self._ahead: dict[tuple[str, Kind], int] = {}
        """Written down and not used yet; below 0, used and not written down yet."""
        self._written: dict[tuple[str, Kind], int] = {}
        self._writing = asyncio.Lock()

    async def begin(self, key: ApiKey) -> None:
        """Count a request. Raises SpentError, or KeyFileError if it cannot be written down."""
        for kind, limit in _limits(key):  # requests last: they are taken before anything else can be waited for
            if self._ahead_of(key.name, kind) < 1:
                async with self._writing:
                    if self._ahead_of(key.name, kind) < 1:
                        await self._write_ahead(key.name, kind, limit)
            if self._ahead_of(key.name, kind) < 1:
                raise SpentError(kind, limit)
        if key.requests_per_month is not None:
            self._ahead[key.name, "requests"] -= 1

    def give_back(self, key: ApiKey) -> None:
        """Uncount a request that has begun."""
        if key.requests_per_month is not None:
            self._ahead[key.name, "requests"] = self._ahead_of(key.name, "requests") + 1

    def add(self, key: ApiKey, tokens: int) -> None:
        """Count the tokens of an answer, which may be more than were left: they are owed."""
        if key.tokens_per_month is not None:
            self._ahead[key.name, "tokens"] = self._ahead_of(key.name, "tokens") - tokens

    def left(self, key: ApiKey, kind: Kind) -> Budget | None:
        """What is left of a limit, None without one."""
        limit = dict(_limits(key)).get(kind)
        if limit is None:
            return None
        used = self._written.get((key.name, kind), 0) - self._ahead_of(key.name, kind)
        return Budget(limit, max(0, limit - used), seconds_left(self._clock()))

    @property
    def path(self) -> Path:
        """Where it is written down."""
        return self._path

    def settle(self) -> None:
        """Write down exactly what was used, at the end of the process. Raises KeyFileError."""
        if any(self._ahead.values()):
            with alone_in(self._path.parent):
                told = self._read(self._month)
                for (name, kind), ahead in self._ahead.items():
                    told = _with(told, name, kind, -ahead)
                write_private(self._path, told)
            self._ahead.clear()

    def _ahead_of(self, name: str, kind: Kind) -> int:
        self._enter(month_of(self._clock()))
        return self._ahead.get((name, kind), 0)

    def _enter(self, month: str) -> None:
        """A clock that is set back begins no month anew."""
        if month > self._month:
            self._month = month
            self._ahead.clear()
            self._written.clear()

    async def _write_ahead(self, name: str, kind: Kind, limit: int) -> None:
        place, owed = (name, kind), -self._ahead.get((name, kind), 0)

        def write() -> tuple[str, int, int]:
            with alone_in(self._path.parent):
                told = self._read(self._month)
                used = getattr(told.used.get(name, Used()), kind) + owed
                more = max(0, min(limit - used, max(1, limit // PARTS)))
                if owed + more:
                    write_private(self._path, _with(told, name, kind, owed + more))
            return told.month, owed + more, used + more

        month, written, in_all = await asyncio.to_thread(write)
        self._enter(month)
        self._ahead[place] = self._ahead.get(place, 0) + written
        self._written[place] = in_all

    def _read(self, month: str) -> _UseFile:
        told = read_private(self._path, _UseFile)
        return told if told.month >= month else _UseFile(month)


def _limits(key: ApiKey) -> list[tuple[Kind, int]]:
    pairs: list[tuple[Kind, int | None]] = [("tokens", key.tokens_per_month), ("requests", key.requests_per_month)]
    return [(kind, limit) for kind, limit in pairs if limit is not None]


def _with(told: _UseFile, name: str, kind: Kind, more: int) -> _UseFile:
    used = told.used.get(name, Used())
    counts = {"requests": used.requests, "tokens": used.tokens}
    return _UseFile(told.month, {**told.used, name: Used(**{**counts, kind: max(0, counts[kind] + more)})})


def seconds_left(now: float) -> float:
    """Until the next month, in UTC."""
    year, month = time.gmtime(now)[:2]
    first = (year + 1, 1) if month == 12 else (year, month + 1)
    return float(calendar.timegm((*first, 1, 0, 0, 0))) - now


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
