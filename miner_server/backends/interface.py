"""What a backend is."""

from typing import Protocol, runtime_checkable

from engine.transport.wire import Completion
from engine.values import Request

PROOF = Request(prompt="Say yes.", max_tokens=256)
"""A backend that answers this can answer. A model that first thinks has room to do so; others are done at once."""

PROOF_S = 30.0


class Backend(Protocol):
    """Answers requests. `name` is the kind of backend, `model` what it answers with, "" while that is not known."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    async def readiness(self) -> str:
        """ "" when it can answer now, else why not. Quick: what takes long goes on in the background."""
        ...

    async def complete(self, request: Request, *, timeout: float, caller: str = "") -> Completion:
        """Answer within `timeout` seconds. `caller` is the hotkey that asks. Ends soon after it is cancelled.

        Raises BackendError, or one of its kinds where it says more.
        """
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Laned(Protocol):
    """A backend that works on no more than `lanes` requests at once; the queue in front of it keeps to that."""

    @property
    def lanes(self) -> int: ...
