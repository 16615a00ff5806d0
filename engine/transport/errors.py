"""What goes wrong between two neurons, seen from either end."""

from typing import Any

from engine.values import ReplyStatus


class WireError(Exception):
    """A peer gave no usable answer: the status that the reply gets and the reason in words."""

    def __init__(self, status: ReplyStatus, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class Busy(WireError):
    """A peer asks to be left alone for a while (HTTP 429): for so many seconds, if it says."""

    def __init__(self, reason: str, retry_after: float | None) -> None:
        super().__init__("refused", reason)
        self.retry_after = retry_after


class Refused(Exception):
    """The miner's end turns a call down: an HTTP status, a sentence for the caller and further JSON fields."""

    def __init__(self, status_code: int, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status_code}: {detail}")
        self.status_code = status_code
        self.detail = detail
        self.extra = extra or {}

    def body(self) -> dict[str, Any]:
        """The JSON object to answer with."""
        return {"detail": self.detail, **self.extra}


def brief(text: str, limit: int = 160) -> str:
    """Foreign text fit for a reason: one line, printable, at most `limit` characters."""
    head = text[: limit + 1]
    clean = "".join(character if character.isprintable() else " " for character in head)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
