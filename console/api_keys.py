"""`subnet-console keys`: makes, lists and revokes the bearer keys of the OpenAI-compatible API."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.errors import ConsoleError
from console.instants import LATEST, SECONDS, duration
from engine.api_keys import FILE_NAME, ApiKey, KeyLimits, KeyManner, add_key, read_keys, revoke_key, rotate_key
from engine.folders import prepare_folder
from engine.key_use import FILE_NAME as USE_FILE
from engine.key_use import Used, list_keys, month_of, used_of
from engine.text import cells

_PERIOD = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
LONGEST_OVERLAP_S = 366 * SECONDS["d"]
"""An old key that stays valid for longer than this has not been rotated."""


def add(folder: Path, name: str, *, expires: str | None, limits: KeyLimits, manner: KeyManner) -> str:
    """Make a key and return it; it cannot be shown again. Raises ConsoleError and KeyFileError."""
    now = time.time()
    return add_key(
        prepare_folder(folder) / FILE_NAME,
        name,
        expires_at=None if expires is None else expiry(expires, now),
        limits=limits,
        manner=manner,
    )


def limits_of(arguments: object) -> KeyLimits:
    """The limits that the options of `keys add` set."""
    return KeyLimits(**{name: getattr(arguments, name) for name in KeyLimits.__struct_fields__})


def manner_of(arguments: object) -> KeyManner:
    """How a gateway serves the key, from the options of `keys add`."""
    return KeyManner(**{name: getattr(arguments, name) for name in KeyManner.__struct_fields__})


def rotate(folder: Path, name: str, *, overlap: str, expires: str | None) -> str:
    """Replace a key with a new one and return it. Raises ConsoleError and KeyFileError."""
    now = time.time()
    period = _PERIOD.fullmatch(overlap)
    if period is None or (lasting := int(period[1]) * SECONDS[period[2]]) > LONGEST_OVERLAP_S:
        raise ConsoleError(f"--overlap {overlap[:40]!r} is not a period of up to 366 days: use 0s, 12h or 7d")
    return rotate_key(
        folder / FILE_NAME, name, overlap=lasting, expires_at=None if expires is None else expiry(expires, now)
    )


def revoke(folder: Path, name: str) -> None:
    """Raises KeyFileError."""
    revoke_key(folder / FILE_NAME, name)


def listed(folder: Path) -> list[dict[str, Any]]:
    """Everything known about each key, except the key itself. Raises KeyFileError."""
    return list_keys(folder / FILE_NAME, folder / USE_FILE)


def table(folder: Path) -> list[str]:
    """The list as a table. Raises KeyFileError."""
    keys, now = read_keys(folder / FILE_NAME), time.time()
    if not keys:
        return ["no keys: 'subnet-console keys add NAME' makes one"]
    used = used_of(folder / USE_FILE, month_of(now))
    heads = ("NAME", "MADE", "EXPIRES", "A MINUTE", "USED THIS MONTH", "MODE")
    return _columns([heads, *(_row(key, used.get(key.name, Used()), now) for key in keys)])


def expiry(text: str, now: float) -> float:
    """The unix time that a duration from now (`90d`) or a date means. Raises ConsoleError unless it is in the
    future.
    """
    try:
        if period := _PERIOD.fullmatch(text):
            at = now + int(period[1]) * SECONDS[period[2]]
        else:
            date = datetime.fromisoformat(text)
            at = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConsoleError(
            f"--expires {text[:40]!r} is not a time: use 12h, 90d or a date such as 2027-01-31"
        ) from None
    if not now < at <= LATEST:
        raise ConsoleError(f"--expires {text[:40]!r} is not in the future")
    return at


def _row(key: ApiKey, used: Used, now: float) -> tuple[str, ...]:
    if key.expires_at is None:
        expires = "never"
    else:
        expires = "expired" if key.has_expired(now) else f"in {duration(key.expires_at - now)}"
    if key.earlier_until > now:
        expires += f", the previous key in {duration(key.earlier_until - now)}"
    minute = [
        f"{limit:,} {what}"
        for what, limit in (("requests", key.requests_per_minute), ("tokens", key.tokens_per_minute))
        if limit is not None
    ]
    month = [
        f"{count:,} of {limit:,} {what}"
        for what, count, limit in (
            ("requests", used.requests, key.requests_per_month),
            ("tokens", used.tokens, key.tokens_per_month),
        )
        if limit is not None
    ]
    limits = (", ".join(minute) or "any number", ", ".join(month) or "not counted")
    mode = f"{key.mode or 'default'}{', nothing recorded' if key.keeps_nothing else ''}{', admin' if key.admin else ''}"
    return key.name, f"{duration(now - key.made_at)} ago", expires, *limits, mode


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
