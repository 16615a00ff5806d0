"""What a Challenge API keeps: challenges, who has them, how they were answered, and what validators report."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

Stage = Literal["waiting", "answered", "unanswered"]
Taking = Literal["taken", "known", "unknown", "unasked"]
"""What becomes of a batch: its challenge was answered before, is not here, or was not pushed to who sends it."""

ReportKind = Literal["penalties", "sybil", "miners"]


class Posed(Struct, frozen=True, kw_only=True):
    """A challenge that somebody poses under `requester`'s key: `body` is the JSON that is pushed. It is pushed until
    `until`, in unix seconds."""

    id: str
    requester: str
    at: float
    until: float
    body: bytes


class Kept(Struct, frozen=True, kw_only=True):
    """A challenge and its end: the batch in JSON, and the hotkey of the validator that sent it."""

    posed: Posed
    stage: Stage
    validator: str = ""
    answered_at: float = 0.0
    batch: bytes = b""


class ChallengeBook(Protocol):
    """All methods may raise StoreError; each is one transaction."""

    async def add(self, posed: Posed, most: int) -> Literal["added", "known", "full"]:
        """Keep it, unless its id is known or `most` wait already."""
        ...

    async def find(self, id: str) -> Kept | None: ...

    async def waiting(self) -> Sequence[Posed]:
        """Those that wait for an answer, the oldest first."""
        ...

    async def note_push(self, id: str, hotkey: str) -> None:
        """This validator has it, or may have it."""
        ...

    async def answer(self, id: str, hotkey: str, batch: bytes, at: float) -> Taking:
        """Keep the first batch of a challenge, also a late one."""
        ...

    async def give_up(self, id: str) -> None:
        """Nobody has answered it."""
        ...

    async def report(self, kind: ReportKind, hotkey: str, body: bytes, at: float) -> None:
        """Keep what a validator reports; of each kind its newest."""
        ...

    async def reports(self, kind: ReportKind, since: float) -> Sequence[tuple[str, bytes]]:
        """Hotkeys and reports since a moment, the newest first."""
        ...

    async def forget(self, before: float) -> None:
        """Challenges that were posed, and reports that came, before a moment."""
        ...
