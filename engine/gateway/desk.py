"""A desk that takes users' requests, wherever they are answered."""

from collections.abc import Callable
from typing import Protocol

from engine.values import GatewayMode, Reply, Request


class OrganicError(Exception):
    """No answer for a user; the message is for the operator."""


class Unanswerable(OrganicError):
    """The request itself is at fault; the message is for the user too."""


class Lengthy(Unanswerable):
    """The request is too long."""


class NobodyWilling(OrganicError):
    """There is no miner that could be asked now."""


class Broken(OrganicError):
    """A miner failed after the beginning of its answer had been handed on."""


class RoutedRequest:
    """One user's request on its way: `round` is the id of the round that answers it, `uid` the miner, once known.

    Of one that is not `kept` the record has no words. `on_round` hears of each round that begins for it.
    """

    def __init__(
        self, mode: GatewayMode, *, kept: bool = True, on_round: Callable[[str], None] = lambda _: None
    ) -> None:
        self.mode = mode
        self.kept = kept
        self.round = ""
        self.uid: int | None = None
        self._on_round = on_round

    def begin(self, round: str) -> None:
        """It is answered by this round from now on."""
        self.round = round
        self._on_round(round)


class RequestDesk(Protocol):
    """Where users' requests are answered: `Organic` in this process, `Relay` elsewhere."""

    @property
    def unwilling(self) -> str:
        """Why nothing can be answered now; "" if it can."""
        ...

    async def answer(
        self, errand: RoutedRequest, request: Request, on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """A well-formed answer. `on_text` gets its text piece by piece, as soon as the errand's mode allows.

        Cancelling ends the miners' work. Raises OrganicError.
        """
        ...

    async def close(self) -> None:
        """Abandon what is not answered."""
        ...
