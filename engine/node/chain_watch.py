"""Keeps this neuron's look at the chain fresh as blocks arrive, and reports what it shows: an outage, a lost uid."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.commitment import largest_commit
from engine.chain.earning import missing
from engine.chain.interface import TIMELOCKED, Chain, ChainUnavailable, Look
from engine.chain.standing import leaving, no_place, subnet_view
from engine.feed import Feed
from engine.node.supervisor import Fatal
from engine.patience import impatience
from engine.snapshot import About, ChainView, EndpointView, SubnetView
from engine.text import safe
from engine.values import IfDeregistered, Metagraph, at_port

LOOK_EVERY_S = 60.0
LOOK_EVERY_BLOCKS = 5
"""A minute of mainnet, either way: a metagraph of 256 neurons is some hundred kilobytes."""

POLL_FASTEST_S = 0.25
POLL_SLOWEST_S = 6.0
"""The block number is asked for twice a block: a test chain's takes half a second, mainnet's 12."""

SILENT_S = 10.0
"""Without an answer for this long the chain is said to be silent: shorter than one block of mainnet."""

UNREACHABLE = "chain"
ENDPOINT = "chain endpoint"
UNREGISTERED = "registration"
NEXT_TO_GO = "place on the subnet"
"""Subjects of attention lines."""

PRICES_KEPT = 240
"""Registration prices kept, one per look: four hours of them on mainnet."""

ANSWERS = "the chain answers again"


class NotRegistered(Fatal):
    """This hotkey has no uid, without which nothing can start."""


class ChainWatch:
    """A service. The listeners get each new metagraph, whoever triggered the look; `subnet` is the state of the subnet.

    `if_lost` decides whether a neuron that loses its uid keeps running, and may register again, or stops.
    """

    def __init__(
        self,
        chain: ChainClient,
        feed: Feed,
        listeners: Sequence[Callable[[Metagraph], None]],
        *,
        if_lost: IfDeregistered = "pause",
    ) -> None:
        self._chain = chain
        self._feed = feed
        self._listeners = listeners
        self._if_lost = if_lost
        self._told: Look | None = None
        self._was_registered = False
        self._prices: deque[tuple[int, float]] = deque(maxlen=PRICES_KEPT)
        self.subnet: SubnetView | None = None

    async def run(self, started: Callable[[], None]) -> None:
        with self._impatience():
            await self.refresh()
        self._feed.settle(UNREACHABLE, ANSWERS)
        started()
        poll_s = max(POLL_FASTEST_S, min(self._chain.block_time / 2, POLL_SLOWEST_S))
        while True:
            await asyncio.sleep(poll_s)
            try:
                with self._impatience():
                    await self._follow()
            except ChainUnavailable as error:
                self._feed.hold_attention("error", UNREACHABLE, str(error), About("chain"))
            else:
                self._feed.settle(UNREACHABLE, ANSWERS)

    async def refresh(self) -> None:
        """Look at the newest block. Raises `ChainUnavailable`, or `NotRegistered` if this hotkey never was on it."""
        await self._chain.look()
        await self._tell()

    async def _follow(self) -> None:
        """Check for a new block, and look at it if the last look is too old."""
        blocks_old = await self._chain.read_head() - self._chain.seen.block
        self._tell_endpoint()
        if blocks_old >= LOOK_EVERY_BLOCKS or self._chain.age_s >= LOOK_EVERY_S:
            await self._chain.look()
        await self._tell()

    async def _tell(self) -> None:
        """Report what the last look shows, once. Raises `NotRegistered`."""
        look = self._chain.seen
        if look is self._told:
            return
        if not look.hotkey or self._feed.snapshot.role == "challenge-api":
            pass  # watching a subnet without a key, or serving it from outside
        elif look.own is not None:
            self._feed.settle(UNREGISTERED, "this hotkey is registered again")
        elif self._was_registered and self._if_lost == "pause":
            lost = f"{_unregistered(self._chain, 'no longer')}: another neuron took its uid; register again"
            self._feed.hold_attention("error", UNREGISTERED, lost, About("chain"))
        elif self._was_registered:
            raise NotRegistered(f"{_unregistered(self._chain, 'no longer')}: another neuron took its uid")
        else:
            require_registered(self._chain, self._feed.snapshot.role)
        self._told = look
        self._was_registered = self._was_registered or look.own is not None
        for hear in self._listeners:
            hear(look.metagraph)
        self._tell_place(look)
        self._prices.append((look.block, look.rules.burn))
        self.subnet = await asyncio.to_thread(  # a tenth of a second on a subnet with 64 validators
            subnet_view, look, block_time=self._chain.block_time, trend=tuple(self._prices)
        )

    def _tell_place(self, look: Look) -> None:
        """Report that the next registration takes this neuron's uid."""
        full = len(look.metagraph.neurons) >= look.rules.max_uids
        if full and look.own is not None and (goes := leaving(look)) and goes[0].uid == look.own.uid:
            lowest = "this neuron earns the least of those outside immunity: the next registration takes its uid"
            self._feed.hold_attention("warning", NEXT_TO_GO, lowest, About("chain"))
        else:
            self._feed.settle(NEXT_TO_GO, "another neuron would give way before this one")

    def _tell_endpoint(self) -> None:
        """Report that an endpoint other than the operator's first is in use, or that its head is stuck."""
        known = {one.url: one for one in self._chain.endpoints}
        first, asked = next(iter(known.values())), known[self._chain.endpoint]
        if asked.reason:
            self._feed.hold_attention("warning", ENDPOINT, f"{asked.url}: {asked.reason}", About("chain"))
        elif asked is not first:
            self._feed.hold_attention(
                "warning", ENDPOINT, f"{asked.url} is asked: {first.url}: {first.reason}", About("chain")
            )
        else:
            self._feed.settle(ENDPOINT, f"{first.url} is asked again")

    def _impatience(self) -> AbstractContextManager[None]:
        """Reports a chain that is silent, and when it answers again."""
        silent = f"{self._chain.endpoint} has not answered for {SILENT_S:g} s"
        return impatience(self._feed, UNREACHABLE, silent, ANSWERS, after=SILENT_S)


def require_registered(chain: ChainClient, role: str) -> None:
    """Raises `NotRegistered`, with what this hotkey still needs to earn, if the last look shows no uid for it."""
    if chain.seen.own is None:
        needs = missing(chain.seen, role=role, coldkey=chain.coldkey)
        listed = " ".join(f"({number}) {need}" for number, need in enumerate(needs, 1))
        raise NotRegistered(f"{_unregistered(chain)}: register it, then start again. To earn, in this order: {listed}")


def _unregistered(chain: ChainClient, how: str = "not") -> str:
    return f"hotkey {chain.hotkey} is {how} registered on netuid {chain.netuid} of {chain.network}"


def endpoint_views(chain: ChainClient | Chain) -> tuple[EndpointView, ...]:
    """The endpoints of a chain as screens show them."""
    newest = max((one.block for one in chain.endpoints), default=0)
    return tuple(
        EndpointView(
            url=safe(one.url),
            state=one.state,
            block=one.block,
            behind=newest - one.block if one.block else 0,
            reason=safe(one.reason),
            in_use=one.url == chain.endpoint,
        )
        for one in chain.endpoints
    )


def chain_view(chain: ChainClient, role: str = "validator") -> ChainView:
    """The chain, and this neuron on it in its role, as screens show them."""
    seen, rules, own = chain.seen, chain.seen.rules, chain.seen.own
    shown = ChainView(
        endpoint=safe(chain.endpoint),
        network=chain.network,
        netuid=chain.netuid,
        reachable=chain.reachable,
        block=chain.head.block,
        block_at=chain.head.at,
        block_time=chain.block_time,
        latency_ms=round(chain.head.latency_ms, 1),
        tempo=rules.tempo,
        next_epoch=seen.next_epoch,
        balance=seen.balance,
        weights_rate_limit=rules.weights_rate_limit,
        commit_reveal=rules.commit_reveal,
        reveal_period=rules.reveal_period,
        timelocked=rules.commit_reveal_version >= TIMELOCKED,
        cannot_seal=chain.cannot_seal,
        mechanism=chain.mechanism,
        mechanisms=seen.subnet.mechanisms,
        registration_cost=rules.burn,
        needs=missing(seen, role=role, coldkey=chain.coldkey) if seen.block else (),
        registration_locked=rules.locked,
        registration_open=rules.registration_allowed,
        no_place=no_place(seen) if own is None else "",
        registration_by_work=rules.pow_registration,
        price=seen.subnet.price,
        coldkey=chain.coldkey,
        stake_threshold=0.0 if chain.hotkey == seen.subnet.owner_hotkey else rules.stake_threshold,
        weights_version=rules.weights_version,
        consensus=rules.consensus,
        largest_commit=largest_commit(rules.consensus, seen.subnet.mechanisms),
        epoch_late=max(0, seen.block - seen.last_epoch - rules.tempo) if seen.block else 0,
        ahead_s=chain.ahead_s,
        endpoints=endpoint_views(chain),
    )
    if own is None:
        return shown
    return replace(
        shown,
        uid=own.uid,
        registered=True,
        validator_permit=own.validator_permit,
        stake=own.stake,
        movable=max(0.0, own.stake - own.inherited - own.root - own.collateral),
        collateral=own.collateral,
        validator_trust=own.validator_trust,
        incentive=own.incentive,
        dividends=own.dividends,
        axon=at_port(own.ip, own.port) if own.serving else "",
        next_axon_block=own.axon_block + rules.serving_rate_limit if own.axon_block else 0,
        last_weights_block=own.last_update,
        next_weights_block=own.last_update + rules.weights_rate_limit,
    )
