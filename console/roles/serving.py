"""A miner's server as the supervisor needs it: made afresh for each start, always at the same address."""

from collections.abc import Callable

from miner_server.server import MinerServer


class Serving:
    """A factory of servers, of which one lives at a time: a server that has ended has closed its backend.

    `make` is given the port, which is the operator's the first time and from then on the one that was taken. The
    first server has its address from the beginning. Raises `MinerError`.
    """

    def __init__(self, make: Callable[[int], MinerServer], port: int) -> None:
        self._make = make
        self._is_new = True
        self.server = make(port)
        self.server.bind()

    @property
    def address(self) -> tuple[str, int]:
        return self.server.address

    def __call__(self) -> MinerServer:
        """The server for the next start."""
        if not self._is_new:
            self.server = self._make(self.address[1])
        self._is_new = False
        return self.server
