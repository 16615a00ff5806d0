"""An address of its own at which a node serves an application: its metrics, its page, or what is pushed to it."""

from collections.abc import Callable

from starlette.types import ASGIApp

from engine.values import at_port, host_and_port
from miner_server.listener import Listener
from miner_server.places import Places

LOOPBACK = "127.0.0.1"


class Door:
    """A service, bound from the beginning: an address that is taken ends the start of the run. Raises MinerError.

    `option` is the one that chooses the address.
    """

    def __init__(self, host: str, port: int, app: ASGIApp, *, name: str, option: str) -> None:
        places = Places(known=lambda _: False, shared=lambda _: False)
        self._app = app
        self._listener = Listener(host, port, places, name=name, option=option)
        self._listener.bind()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._listener.address

    @property
    def url(self) -> str:
        return f"http://{at_port(*self.address)}"

    async def run(self, started: Callable[[], None]) -> None:
        try:
            await self._listener.serve(self._app, started)
        finally:
            self._listener.close()


def door_at(where: str, app: ASGIApp, *, name: str, option: str) -> Door:
    """The door at PORT, on loopback, or at HOST:PORT. Raises MinerError."""
    host, port = host_and_port(where if ":" in where else f"{LOOPBACK}:{where}")
    return Door(host, port, app, name=name, option=option)
