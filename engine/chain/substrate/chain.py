"""The real chain as a `Chain`: requests to its process, signatures, deadlines, and the outcome of submissions.

Private keys are used only here: the process gets signatures. A submission is looked for in the blocks that follow, for
as long as its era lasts; a caller that stops waiting can find it with a look at the chain.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Self

from msgspec.structs import replace

from engine.chain.interface import NOT_SENT, CannotSeal, ChainEndpoint, ChainUnavailable, Fate, Look, Sealed
from engine.chain.substrate.endpoints import Endpoints, network_of
from engine.chain.substrate.messages import (
    ERA_BLOCKS,
    Anchor,
    Answer,
    Argument,
    Connect,
    Connected,
    Find,
    HeadBlock,
    Included,
    Known,
    NodeFailed,
    NotYet,
    PalletCall,
    Pooled,
    Prices,
    ReadFate,
    ReadHead,
    ReadLook,
    ReadPrices,
    Rejection,
    Request,
    Seal,
    SealedWeights,
    Seen,
    Send,
    Survey,
    Surveyed,
    Unsigned,
)
from engine.chain.substrate.process import NodeProcess, ProcessGone
from engine.chain.substrate.refusals import BAD_PROOF
from engine.chain.substrate.timelock import obstacle
from engine.keys import Signer
from engine.redaction import url_shown
from engine.values import RAO, Outcome

BLOCK_TIME_S = 12.0
"""Until a node says otherwise: mainnet's."""

CONNECT_S = 25.0
"""Limit for starting a process, connecting and loading the metadata, in seconds: failures show within 30 s."""

ANSWER_S = 20.0
"""Limit for any other request. A look at 256 neurons takes about a second, a new runtime's metadata a few more."""

NODE_S = 10.0
"""Limit for each answer from the node."""

GLANCE_S = 5.0
"""Limit for a survey, which asks every endpoint a few short questions."""

SLOWEST_POLL_S = 3.0
"""How long after a block, at most, it is searched for a submission."""

AXON_PROTOCOL = 4
AXON_VERSION = 1
"""Fields of `serve_axon` that nobody reads: the SDK's protocol, and our version."""

Arguments = dict[str, Argument]


class SubstrateChain:
    """A real network. Safe for several callers at once; their requests are sent one after another.

    A request that an endpoint does not answer goes to the next one, unless it may have been a submission.
    """

    mortality = ERA_BLOCKS

    def __init__(
        self,
        network: str,
        *,
        mechanism: int = 0,
        process: NodeProcess | None = None,
        block_time: float = BLOCK_TIME_S,
    ) -> None:
        """`network` is as in `network_of`; weights are those of one `mechanism` of a subnet.

        Does not connect yet. Raises `ChainUnavailable`.
        """
        named = network_of(network)
        self.network = url_shown(network)
        self.block_time = block_time
        self.mechanism = mechanism
        self._endpoints = Endpoints(named.urls, block_time=block_time)
        self._anchor = Anchor(named.genesis)
        self._process = process or NodeProcess()
        self._turn = asyncio.Lock()
        self._connection = ("", 0)
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        network: str,
        *,
        mechanism: int = 0,
        process: NodeProcess | None = None,
        block_time: float = BLOCK_TIME_S,
    ) -> Self:
        """A connected chain. Raises `ChainUnavailable`."""
        chain = cls(network, mechanism=mechanism, process=process, block_time=block_time)
        try:
            async with chain._turn:
                if len(chain.endpoints) > 1:  # survey them all first, so as not to wait for a dead one
                    await chain._survey(tuple(one.url for one in chain._endpoints.health))
            await chain.block()
        except ChainUnavailable as error:
            await chain.close()
            raise ChainUnavailable(f"{error}; check that it is up, or name another endpoint with --network") from error
        except BaseException:
            await chain.close()
            raise
        return chain

    @property
    def cannot_seal(self) -> str:
        return obstacle()

    @property
    def endpoint(self) -> str:
        return url_shown(self._endpoints.current)

    @property
    def endpoints(self) -> tuple[ChainEndpoint, ...]:
        return tuple(
            replace(one, url=url_shown(one.url), reason=url_shown(one.reason)) for one in self._endpoints.health
        )

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._process.close()

    # -- reading -----------------------------------------------------------------------------------------------

    async def block(self) -> int:
        async with self._turn:
            if due := self._endpoints.to_survey:
                await self._survey(due)
        match await self._ask(ReadHead()):
            case HeadBlock(block):
                return block
            case other:
                raise self._unexpected(other)

    async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
        match await self._ask(ReadLook(netuid=netuid, hotkey=hotkey, coldkey=coldkey, mechanism=self.mechanism)):
            case Seen(look):
                return look
            case Rejection(reason):
                raise ChainUnavailable(f"{self.endpoint}: {reason}")
            case other:
                raise self._unexpected(other)

    # -- acting ------------------------------------------------------------------------------------------------

    async def register(self, netuid: int, *, coldkey: Signer, hotkey: str, limit: float | None = None) -> Outcome:
        """Nodes older than July 2026 have no call with a limit; there, any price is paid."""
        burned = ("burned_register", Arguments(netuid=netuid, hotkey=hotkey))
        if limit is None:
            return await self._extrinsic(coldkey, burned)
        rao = round(limit * RAO)
        limited = ("register_limit", Arguments(netuid=netuid, hotkey=hotkey, limit_price=rao))
        return await self._extrinsic(coldkey, limited, burned)

    async def serve_axon(self, netuid: int, *, hotkey: Signer, ip: str, port: int) -> Outcome:
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return Outcome(status="rejected", reason=f"InvalidIpType: {ip!r} is neither an IPv4 nor an IPv6 address")
        arguments = Arguments(
            netuid=netuid,
            version=AXON_VERSION,
            ip=str(int(address)),  # msgpack has no integers of 128 bits
            port=port,
            ip_type=address.version,
            protocol=AXON_PROTOCOL,
            placeholder1=0,
            placeholder2=0,
        )
        return await self._extrinsic(hotkey, ("serve_axon", arguments))

    async def set_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        version_key: int = 0,
        born: int | None = None,
    ) -> Outcome:
        arguments = Arguments(netuid=netuid, dests=[*uids], weights=[*values], version_key=version_key)
        return await self._extrinsic(hotkey, self._of_mechanism("set{}_weights", arguments), born=born)

    async def commit_weights(
        self, netuid: int, *, hotkey: Signer, commit_hash: str, born: int | None = None
    ) -> Outcome:
        arguments = Arguments(netuid=netuid, commit_hash=commit_hash)
        return await self._extrinsic(hotkey, self._of_mechanism("commit{}_weights", arguments), born=born)

    async def seal_weights(
        self, netuid: int, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
    ) -> Sealed:
        asked = Seal(
            netuid=netuid,
            hotkey=hotkey,
            uids=[*uids],
            values=[*values],
            version_key=version_key,
            block_time=self.block_time,
        )
        match await self._ask(asked):
            case SealedWeights(sealed):
                return sealed
            case Rejection(reason):
                raise CannotSeal(reason)
            case other:
                raise self._unexpected(other)

    async def commit_timelocked(
        self, netuid: int, *, hotkey: Signer, sealed: Sealed, born: int | None = None
    ) -> Outcome:
        arguments = Arguments(
            netuid=netuid,
            commit="0x" + sealed.commit.hex(),
            reveal_round=sealed.reveal_round,
            commit_reveal_version=sealed.version,
        )
        return await self._extrinsic(hotkey, self._of_mechanism("commit_timelocked{}_weights", arguments), born=born)

    async def fate_of(self, netuid: int, *, hotkey: str, commit: str, since: int) -> Fate:
        asked = ReadFate(netuid=netuid, hotkey=hotkey, commit=commit, since=since, mechanism=self.mechanism)
        match await self._ask(asked):
            case Known(fate):
                return fate
            case other:
                raise self._unexpected(other)

    async def prices(self, netuid: int, blocks: Sequence[int]) -> tuple[tuple[int, float], ...]:
        """The price of a registration in each of these blocks, the newest first, as far back as the node keeps them."""
        match await self._ask(ReadPrices(netuid=netuid, blocks=tuple(blocks))):
            case Prices(prices):
                return prices
            case other:
                raise self._unexpected(other)

    async def reveal_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        salt: Sequence[int],
        version_key: int = 0,
    ) -> Outcome:
        arguments = Arguments(netuid=netuid, uids=[*uids], values=[*values], salt=[*salt], version_key=version_key)
        return await self._extrinsic(hotkey, self._of_mechanism("reveal{}_weights", arguments))

    async def add_stake(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        arguments = Arguments(hotkey=hotkey, netuid=netuid, amount_staked=round(amount * RAO))
        return await self._extrinsic(coldkey, ("add_stake", arguments))

    async def remove_stake(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        arguments = Arguments(hotkey=hotkey, netuid=netuid, amount_unstaked=round(amount * RAO))
        return await self._extrinsic(coldkey, ("remove_stake", arguments))

    async def add_collateral(
        self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float, price: float
    ) -> Outcome:
        arguments = Arguments(netuid=netuid, hotkey=hotkey, alpha=round(amount * RAO), limit_price=round(price * RAO))
        return await self._extrinsic(coldkey, ("add_collateral", arguments))

    async def set_min_collateral(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        arguments = Arguments(netuid=netuid, hotkey=hotkey, min_locked=round(amount * RAO))
        return await self._extrinsic(coldkey, ("set_min_collateral", arguments))

    def _of_mechanism(self, name: str, arguments: Arguments) -> tuple[str, Arguments]:
        """A call for the weights of our mechanism: the first mechanism has its own calls, the others share theirs."""
        if self.mechanism == 0:
            return name.format(""), arguments
        return name.format("_mechanism"), {**arguments, "mecid": self.mechanism}

    async def _extrinsic(self, signer: Signer, *forms: tuple[str, Arguments], born: int | None = None) -> Outcome:
        """Sign and send the first of these calls that the runtime has, and follow it to its outcome."""
        call = PalletCall(signer=signer.ss58_address, forms=forms, born=born)
        try:
            composed = await self._composed(call)
        except ChainUnavailable as error:
            return Outcome(status="rejected", reason=f"{NOT_SENT}: {error}")
        sent = await self._sent(signer, composed) if isinstance(composed, Unsigned) else composed
        if isinstance(composed, Unsigned) and isinstance(sent, Rejection) and sent.reason.startswith(BAD_PROOF):
            again = await self._composed(call)  # the runtime may have been upgraded between composing and signing
            if (
                isinstance(again, Unsigned) and again.nonce != composed.nonce
            ):  # a second one could land beside the first
                raise ChainUnavailable(f"{self.endpoint} refused a signature, yet something of this key was included")
            sent = await self._sent(signer, again) if isinstance(again, Unsigned) else again
        if isinstance(sent, Rejection):
            return Outcome(status="rejected", reason=sent.reason)
        return await self._followed(*sent)

    async def _composed(self, call: PalletCall) -> Unsigned | Rejection:
        match await self._ask(call):
            case Unsigned() | Rejection() as composed:
                return composed
            case other:
                raise self._unexpected(other)

    async def _sent(self, signer: Signer, composed: Unsigned) -> tuple[str, int] | Rejection:
        """Its hash, and the first block that may include it."""
        match await self._ask(Send(unsigned=composed, signature=signer.sign(composed.payload))):
            case Pooled(reference):
                return reference, composed.born
            case Rejection() as refused:
                return refused
            case other:
                raise self._unexpected(other)

    async def _followed(self, reference: str, born: int) -> Outcome:
        seen = born
        while True:
            match await self._ask(Find(reference=reference, block=seen + 1)):
                case Included(block=block, error=""):
                    return Outcome(status="ok", block=block, reference=reference)
                case Included(block=block, error=error):
                    return Outcome(status="rejected", reason=error, block=block, reference=reference)
                case NotYet(block):
                    seen = block
                case other:
                    raise self._unexpected(other)
            if seen >= born + ERA_BLOCKS:
                return Outcome(status="rejected", reason=f"NotIncluded: in no block up to {seen}", reference=reference)
            await asyncio.sleep(min(self.block_time / 2, SLOWEST_POLL_S))

    # -- one request at a time ---------------------------------------------------------------------------------

    async def _ask(self, request: Request) -> Answer:
        """The answer of the first endpoint that gives one. Raises `ChainUnavailable`.

        A request that may have submitted something is not repeated.
        """
        async with self._turn:
            failures = []
            for url in self._endpoints.in_turn():
                try:
                    await self._connect(url)
                    answer = await self._exchange(url, request, ANSWER_S)
                except ChainUnavailable as error:
                    failures.append(str(error))
                    if isinstance(request, Send):
                        break
                    continue
                self._endpoints.answered(url, answer.block if isinstance(answer, HeadBlock) else None)
                return answer
            raise ChainUnavailable("; ".join(failures))

    async def _connect(self, url: str) -> None:
        if self._process.pid and self._connection == (url, self._process.pid):
            return
        connected = await self._exchange(url, Connect(url=url, timeout_s=NODE_S, anchor=self._anchor), CONNECT_S)
        if not isinstance(connected, Connected):
            raise self._unexpected(connected)
        self._anchor, self._connection = connected.anchor, (url, self._process.pid)

    async def _survey(self, urls: tuple[str, ...]) -> None:
        """Survey these endpoints and note their health."""
        request = Survey(urls=urls, timeout_s=GLANCE_S, anchor=self._anchor)
        try:
            answer = await self._process.ask(request, deadline_s=ANSWER_S)
        except ProcessGone as error:
            raise ChainUnavailable(f"{self.endpoint}: {error}") from error
        if not isinstance(answer, Surveyed):
            raise self._unexpected(answer)
        self._endpoints.survey(answer.sightings)

    async def _exchange(self, url: str, request: Request, deadline_s: float) -> Answer:
        """Raises `ChainUnavailable` if this endpoint failed."""
        if self._is_closed:
            raise ChainUnavailable(f"the connection to {self.endpoint} is closed")
        try:
            answer = await self._process.ask(request, deadline_s=deadline_s)
        except ProcessGone as error:
            answer = NodeFailed(str(error))
        if isinstance(answer, NodeFailed):
            self._endpoints.failed(url, answer.reason, unfit=answer.unfit)
            raise ChainUnavailable(f"{url_shown(url)}: {answer.reason}")
        return answer

    def _unexpected(self, answer: Answer) -> ChainUnavailable:
        return ChainUnavailable(f"{self.endpoint}: {type(answer).__name__} was not what was asked for")
