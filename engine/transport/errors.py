"""What can go wrong between two neurons, as seen from either end."""

import re
from typing import Any

import msgspec

from engine.values import ReplyStatus

RETRY_S = 5.0
"""Retry-After of a miner that is starting or full, which takes only seconds."""


class WireError(Exception):
    """A peer gave no usable answer: the reply's status, and the reason in words. `code` is its refusal's in HTTP."""

    def __init__(self, status: ReplyStatus, reason: str, *, code: int | None = None) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.code = code


class Busy(WireError):
    """A peer asks to be left alone for a while (HTTP 429): for `retry_after` seconds, if given."""

    def __init__(self, reason: str, retry_after: float | None) -> None:
        super().__init__("refused", reason, code=429)
        self.retry_after = retry_after


class Refusal(Exception):
    """A miner refuses a request: an HTTP status, its `detail`, further JSON fields, seconds for Retry-After.

    `close` ends the connection. A 503 says when to retry, after RETRY_S by default. `gate` is where the request was
    refused, if the handler cannot know that.
    """

    def __init__(
        self,
        status: int,
        detail: Any,
        *,
        retry_after: float | None = None,
        extra: dict[str, Any] | None = None,
        close: bool = False,
        gate: str = "",
    ) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.retry_after = RETRY_S if status == 503 and retry_after is None else retry_after
        self.extra = extra or {}
        self.close = close
        self.gate = gate

    def body(self) -> dict[str, Any]:
        """The JSON object to answer with."""
        return {"detail": self.detail, **self.extra}


_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.+?)`")


def misfit(error: msgspec.ValidationError) -> str:
    """What does not fit the form of a message: the field, what was expected, what came."""
    place = _PLACE.search(str(error))
    told = _PLACE.sub("", str(error))
    where = place[1] if place else ""
    if missing := _MISSING.match(told):
        return brief(f"{where}.{missing[1]} is missing".lstrip("."))
    plain = told.replace("`", "")
    return brief(f"{where}: ".lstrip(": ") + plain[:1].lower() + plain[1:])


def brief(text: str, limit: int = 160) -> str:
    """Untrusted text cleaned for use as a reason: one line, printable, at most `limit` characters."""
    head = text[: limit + 1]
    clean = "".join(character if character.isprintable() else " " for character in head)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
