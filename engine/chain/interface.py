"""The `Chain` that the engine talks to: embedded (`engine.chain.embedded`) or, later, a real one in its own process.

Every method may raise `ChainUnavailable`. Reads return values of `engine.values`; what is sent answers with an
`Outcome`, never an exception for a refusal: `rejected` carries the chain's own error name first, as in
"SettingWeightsTooFast: 12 blocks left".
"""

from collections.abc import Sequence
from typing import Protocol

from engine.keys import Signer
from engine.values import Hyperparameters, Metagraph, Outcome, WeightCommit


class ChainUnavailable(Exception):
    """The chain gave no answer in time; the message says which endpoint and what to do."""


class Chain(Protocol):
    """One chain endpoint."""

    @property
    def endpoint(self) -> str:
        """What to call it on a screen: "embedded" or a URL."""
        ...

    @property
    def network(self) -> str:
        """embedded, finney, test, local or a URL."""
        ...

    @property
    def block_time(self) -> float:
        """Seconds a block."""
        ...

    @property
    def mortality(self) -> int:
        """Blocks after which something sent and not yet included never will be (its era); 0: it lands at once."""
        ...

    async def block(self) -> int: ...

    async def metagraph(self, netuid: int) -> Metagraph: ...

    async def hyperparameters(self, netuid: int) -> Hyperparameters: ...

    async def next_epoch(self, netuid: int) -> int:
        """The block of the next epoch."""
        ...

    async def balance(self, coldkey: str) -> float: ...

    async def weights(self, netuid: int, uid: int) -> tuple[tuple[int, int], ...]:
        """What this validator has on chain: (uid, u16), max-upscaled."""
        ...

    async def commits(self, netuid: int, hotkey: str) -> tuple[WeightCommit, ...]:
        """What this hotkey has committed to and can still reveal, oldest first."""
        ...

    async def register(self, netuid: int, *, coldkey: Signer, hotkey: str, limit: float | None = None) -> Outcome: ...

    async def serve_axon(self, netuid: int, *, hotkey: Signer, ip: str, port: int) -> Outcome: ...

    async def set_weights(
        self, netuid: int, *, hotkey: Signer, uids: Sequence[int], values: Sequence[int], version_key: int = 0
    ) -> Outcome: ...

    async def commit_weights(self, netuid: int, *, hotkey: Signer, commit_hash: str) -> Outcome:
        """Bind this hotkey to weights that are revealed an epoch later; `engine.chain.commitment` makes the hash."""
        ...

    async def reveal_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        salt: Sequence[int],
        version_key: int = 0,
    ) -> Outcome: ...

    async def close(self) -> None: ...
