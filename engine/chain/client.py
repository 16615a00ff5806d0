"""One neuron's access to the chain: every call has a deadline, and all readers share one look per block.

A submission not answered in time is `unknown`: it may have landed, or may still land, and only the chain can tell.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from engine.chain.interface import CannotSeal, Chain, ChainEndpoint, ChainUnavailable, Fate, Look, Sealed
from engine.chain.vector import fault_in
from engine.keys import Signer
from engine.values import Metagraph, Outcome

CALL_TIMEOUT_S = 60.0
"""Five blocks of 12 s: a live node answers within that, even while it loads a runtime upgrade."""


class Head(Struct, frozen=True):
    """The newest block: its number, when it was first seen (unix seconds), and how long the chain took to answer."""

    block: int = 0
    at: float = 0.0
    latency_ms: float = 0.0


class ChainClient:
    """Access to a chain for one hotkey on one subnet. Actions name their signer even when it is this hotkey."""

    def __init__(
        self, chain: Chain, *, netuid: int, hotkey: str, coldkey: str = "", timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        self._chain = chain
        self._timeout_s = timeout_s
        self._coldkey = coldkey
        self._reading = asyncio.Lock()
        self._seen = Look(hotkey=hotkey, metagraph=Metagraph(netuid=netuid, block=0))
        self._seen_at = -math.inf
        self._outdated = True
        self._ahead_s: float | None = None
        self._head = Head()
        self._reachable = False

    # -- what is known -----------------------------------------------------------------------------------------

    @property
    def endpoint(self) -> str:
        """The name shown on screens, "embedded" or a URL; not cleaned."""
        return self._chain.endpoint

    @property
    def endpoints(self) -> tuple[ChainEndpoint, ...]:
        """All endpoints, in the operator's order; their texts are not cleaned."""
        return self._chain.endpoints

    @property
    def network(self) -> str:
        """embedded, finney, test, local or a URL."""
        return self._chain.network

    @property
    def block_time(self) -> float:
        """Seconds per block."""
        return self._chain.block_time

    @property
    def mortality(self) -> int:
        """How many blocks after its birth a submission may land."""
        return self._chain.mortality

    @property
    def mechanism(self) -> int:
        """The mechanism of the subnet whose weights are read and set."""
        return self._chain.mechanism

    @property
    def cannot_seal(self) -> str:
        """Why weights cannot be sealed here, or "" if they can."""
        return self._chain.cannot_seal

    @property
    def netuid(self) -> int:
        """The subnet to read and act on."""
        return self._seen.metagraph.netuid

    @property
    def hotkey(self) -> str:
        """The address whose weights and commits are read."""
        return self._seen.hotkey

    @property
    def coldkey(self) -> str:
        """The address whose balance is read; "" if unknown."""
        return self._coldkey

    @property
    def reachable(self) -> bool:
        """Whether the last call was answered in time."""
        return self._reachable

    @property
    def head(self) -> Head:
        """The newest block seen."""
        return self._head

    @property
    def seen(self) -> Look:
        """The last look; before the first one, a look at block 0 without neurons."""
        return self._seen

    @property
    def age_s(self) -> float:
        """Seconds since the last look."""
        return time.monotonic() - self._seen_at

    @property
    def ahead_s(self) -> float | None:
        """How far our clock was ahead of the chain's own at the last look, in seconds: the age of its block, and what
        is wrong with either clock. None if the chain does not say the time."""
        return self._ahead_s

    # -- reading -----------------------------------------------------------------------------------------------

    async def read_head(self) -> int:
        """The number of the newest block. Raises `ChainUnavailable`."""
        async with self._deadline():
            return await self._read_head()

    async def look(self, *, max_age_s: float = 0.0) -> Look:
        """The subnet at the newest block, read once for all callers. Raises `ChainUnavailable`.

        The last look is reused if it is at most `max_age_s` old and nothing was sent through this client since.
        """
        async with self._deadline(), self._reading:
            if not self._outdated and self.age_s <= max_age_s:
                return self._seen
            if await self._read_head() != self._seen.block or self._outdated:
                self._outdated = False
                self._seen = await self._looked()
                self._seen_at = time.monotonic()
                self._ahead_s = time.time() - self._seen.made_at if self._seen.made_at else None
            return self._seen

    async def fate_of(self, *, commit: str, since: int) -> Fate:
        """See `Chain.fate_of`; of a commit of this hotkey. Raises `ChainUnavailable`."""
        async with self._deadline():
            return await self._chain.fate_of(self.netuid, hotkey=self.hotkey, commit=commit, since=since)

    async def _looked(self) -> Look:
        try:
            return await self._chain.look(self.netuid, hotkey=self.hotkey, coldkey=self._coldkey)
        except BaseException:
            self._outdated = True
            raise

    async def _read_head(self) -> int:
        began = time.monotonic()
        block = await self._chain.block()
        at = self._head.at if block == self._head.block else time.time()
        self._head = Head(block, at, (time.monotonic() - began) * 1000)
        return block

    # -- acting ------------------------------------------------------------------------------------------------

    async def register(self, *, coldkey: Signer, hotkey: str, limit: float | None = None) -> Outcome:
        """See `Chain.register`."""
        return await self._sent(self._chain.register(self.netuid, coldkey=coldkey, hotkey=hotkey, limit=limit))

    async def serve_axon(self, *, hotkey: Signer, ip: str, port: int) -> Outcome:
        """See `Chain.serve_axon`."""
        return await self._sent(self._chain.serve_axon(self.netuid, hotkey=hotkey, ip=ip, port=port))

    async def set_weights(
        self,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        version_key: int = 0,
        born: int | None = None,
    ) -> Outcome:
        """See `Chain.set_weights`; obviously wrong weights are rejected before anything is signed."""
        if fault := self._fault_in(uids, values):
            return Outcome(status="rejected", reason=fault)
        return await self._sent(
            self._chain.set_weights(
                self.netuid, hotkey=hotkey, uids=uids, values=values, version_key=version_key, born=born
            )
        )

    async def commit_weights(self, *, hotkey: Signer, commit_hash: str, born: int | None = None) -> Outcome:
        """See `Chain.commit_weights`."""
        return await self._sent(
            self._chain.commit_weights(self.netuid, hotkey=hotkey, commit_hash=commit_hash, born=born)
        )

    async def seal_weights(self, *, uids: Sequence[int], values: Sequence[int], version_key: int = 0) -> Sealed:
        """See `Chain.seal_weights`; for this hotkey. Raises `CannotSeal`, `ChainUnavailable`."""
        if fault := self._fault_in(uids, values):
            raise CannotSeal(fault)
        async with self._deadline():
            return await self._chain.seal_weights(
                self.netuid, hotkey=self.hotkey, uids=uids, values=values, version_key=version_key
            )

    async def commit_timelocked(self, *, hotkey: Signer, sealed: Sealed, born: int | None = None) -> Outcome:
        """See `Chain.commit_timelocked`."""
        return await self._sent(self._chain.commit_timelocked(self.netuid, hotkey=hotkey, sealed=sealed, born=born))

    async def reveal_weights(
        self, *, hotkey: Signer, uids: Sequence[int], values: Sequence[int], salt: Sequence[int], version_key: int = 0
    ) -> Outcome:
        """See `Chain.reveal_weights`."""
        return await self._sent(
            self._chain.reveal_weights(
                self.netuid, hotkey=hotkey, uids=uids, values=values, salt=salt, version_key=version_key
            )
        )

    async def add_stake(self, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        """See `Chain.add_stake`."""
        return await self._sent(self._chain.add_stake(self.netuid, coldkey=coldkey, hotkey=hotkey, amount=amount))

    async def remove_stake(self, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        """See `Chain.remove_stake`."""
        return await self._sent(self._chain.remove_stake(self.netuid, coldkey=coldkey, hotkey=hotkey, amount=amount))

    async def add_collateral(self, *, coldkey: Signer, hotkey: str, amount: float, price: float) -> Outcome:
        """See `Chain.add_collateral`."""
        return await self._sent(
            self._chain.add_collateral(self.netuid, coldkey=coldkey, hotkey=hotkey, amount=amount, price=price)
        )

    async def set_min_collateral(self, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        """See `Chain.set_min_collateral`."""
        return await self._sent(
            self._chain.set_min_collateral(self.netuid, coldkey=coldkey, hotkey=hotkey, amount=amount)
        )

    def _fault_in(self, uids: Sequence[int], values: Sequence[int]) -> str:
        return fault_in(uids, values, {neuron.uid for neuron in self._seen.metagraph.neurons})

    async def _sent(self, call: Awaitable[Outcome]) -> Outcome:
        try:
            async with self._deadline():
                return await call
        except ChainUnavailable as error:
            return Outcome(status="unknown", reason=str(error))
        finally:
            self._outdated = True  # a look read in the meantime may lack it

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """Cancel a call at the deadline. Raises `ChainUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError:
            self._reachable = False
            raise ChainUnavailable(f"{self.endpoint} gave no answer in {self._timeout_s:g} s") from None
        except ChainUnavailable:
            self._reachable = False
            raise
        self._reachable = True
