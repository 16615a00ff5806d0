"""What this neuron sees of the chain: metagraph, rules, its own row and weights; and the poll that keeps it fresh."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from msgspec.structs import replace

from engine.chain.deadline import deadline
from engine.chain.interface import Chain, ChainUnavailable
from engine.feed import Feed
from engine.node.supervisor import Fatal
from engine.patience import impatience
from engine.snapshot import ChainView
from engine.text import safe
from engine.values import Hyperparameters, Metagraph, at_port

METAGRAPH_EVERY_S = 60.0
METAGRAPH_EVERY_BLOCKS = 5
POLL_FASTEST_S = 0.25
POLL_SLOWEST_S = 6.0
CALL_TIMEOUT_S = 60.0
SILENT_S = 10.0
UNREACHABLE = "chain"
UNREGISTERED = "registration"
"""Subjects of what needs attention for as long as it is so."""

NOT_REGISTERED = 3
"""Exit code of the contract."""


class ChainWatch:
    """The last good answer of each read."""

    def __init__(self, chain: Chain, *, netuid: int, hotkey: str, coldkey: str, feed: Feed) -> None:
        self._chain = chain
        self._netuid = netuid
        self._hotkey = hotkey
        self._coldkey = coldkey
        self._feed = feed
        self._reachable = False
        self._was_registered = False
        self._block = 0
        self._block_at = 0.0
        self._latency_ms = 0.0
        self._balance = 0.0
        self.next_epoch = 0
        self.rules = Hyperparameters()
        self.metagraph = Metagraph(netuid=netuid, block=0)
        self.own_weights: tuple[tuple[int, int], ...] = ()

    async def refresh(self) -> None:
        """Read everything once. Raises `ChainUnavailable`, or `Fatal` when this hotkey never was registered."""
        async with deadline(self._chain, CALL_TIMEOUT_S):
            await self._read_block()
            self.metagraph = await self._chain.metagraph(self._netuid)
            self.rules = await self._chain.hyperparameters(self._netuid)
            self.next_epoch = await self._chain.next_epoch(self._netuid)
            self._balance = await self._chain.balance(self._coldkey) if self._coldkey else 0.0
            own = self.metagraph.by_hotkey(self._hotkey)
            self.own_weights = await self._chain.weights(self._netuid, own.uid) if own else ()
        if own is None:
            self._miss_registration()
        else:
            self._feed.settle(UNREGISTERED, "this hotkey is registered again")
        self._was_registered = self._was_registered or own is not None

    async def refresh_block(self) -> None:
        """Read the head block alone. Raises `ChainUnavailable`."""
        async with deadline(self._chain, CALL_TIMEOUT_S):
            await self._read_block()

    def lose(self, why: str) -> None:
        """Take note that the chain does not answer."""
        self._reachable = False
        self._feed.hold_attention("error", UNREACHABLE, why)

    def impatience(self) -> AbstractContextManager[None]:
        """Tells of a chain that is silent, and when it answers again."""
        silent = f"{self._chain.endpoint} has not answered for {SILENT_S:g} s"
        return impatience(self._feed, UNREACHABLE, silent, "the chain answers again", after=SILENT_S)

    @property
    def poll_s(self) -> float:
        """How often to ask for the head block, in seconds: twice a block."""
        return max(POLL_FASTEST_S, min(self._chain.block_time / 2, POLL_SLOWEST_S))

    @property
    def block(self) -> int:
        return self._block

    @property
    def weights_by_uid(self) -> dict[int, float]:
        """Own weights on chain as shares that sum to 1."""
        total = sum(value for _, value in self.own_weights)
        return {uid: value / total for uid, value in self.own_weights} if total else {}

    def view(self) -> ChainView:
        own = self.metagraph.by_hotkey(self._hotkey)
        seen = ChainView(
            endpoint=safe(self._chain.endpoint),
            network=self._chain.network,
            netuid=self._netuid,
            reachable=self._reachable,
            block=self._block,
            block_at=self._block_at,
            block_time=self._chain.block_time,
            latency_ms=round(self._latency_ms, 1),
            tempo=self.rules.tempo,
            next_epoch=self.next_epoch,
            balance=self._balance,
            weights_rate_limit=self.rules.weights_rate_limit,
            commit_reveal=self.rules.commit_reveal,
            reveal_period=self.rules.reveal_period,
            registration_cost=self.rules.burn,
        )
        if own is None:
            return seen
        return replace(
            seen,
            uid=own.uid,
            registered=True,
            validator_permit=own.validator_permit,
            stake=own.stake,
            validator_trust=own.validator_trust,
            incentive=own.incentive,
            dividends=own.dividends,
            immune_until=own.registered_at + self.rules.immunity_period,
            axon=at_port(own.ip, own.port) if own.serving else "",
            last_weights_block=own.last_update,
            next_weights_block=own.last_update + self.rules.weights_rate_limit,
        )

    def _miss_registration(self) -> None:
        """Without a uid nothing can start; who loses it later goes on, and may register again."""
        where = f"hotkey {self._hotkey} is not registered on netuid {self._netuid} of {self._chain.network}"
        if not self._was_registered:
            raise Fatal(f"{where}: register it, then start again", NOT_REGISTERED)
        lost = f"{where} any more: another neuron has its uid, register it again"
        self._feed.hold_attention("error", UNREGISTERED, lost)

    async def _read_block(self) -> None:
        began = time.monotonic()
        block = await self._chain.block()
        self._latency_ms = (time.monotonic() - began) * 1000
        self._reachable = True
        if block != self._block:
            self._block, self._block_at = block, time.time()


class ChainPoll:
    """A service: refreshes a watch as blocks come, and tells each metagraph to the listeners."""

    def __init__(self, watch: ChainWatch, listeners: Sequence[Callable[[Metagraph], None]]) -> None:
        self._watch = watch
        self._listeners = listeners

    async def run(self, started: Callable[[], None]) -> None:
        watch = self._watch
        with watch.impatience():
            await self.refresh()
        started()
        refreshed_at, refreshed_block = time.monotonic(), watch.block
        while True:
            await asyncio.sleep(watch.poll_s)
            try:
                with watch.impatience():
                    await watch.refresh_block()
                    due = time.monotonic() - refreshed_at >= METAGRAPH_EVERY_S
                    if due or watch.block - refreshed_block >= METAGRAPH_EVERY_BLOCKS:
                        await self.refresh()
                        refreshed_at, refreshed_block = time.monotonic(), watch.block
            except ChainUnavailable as error:
                watch.lose(str(error))

    async def refresh(self) -> None:
        """Read everything once, and tell. Raises as `ChainWatch.refresh` does."""
        await self._watch.refresh()
        for tell in self._listeners:
            tell(self._watch.metagraph)
