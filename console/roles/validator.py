"""Composes a validator: its source of challenges, the miners named by the operator, its judge and its two halves."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

from msgspec.structs import replace

from console.errors import ConsoleError
from console.roles.beside import beside
from console.roles.gateway import gateway
from console.roles.metrics_door import metrics_door
from console.roles.page_door import page_door
from console.roles.pushing import pushing
from console.roles.session import Session
from engine.chain.embedded import Refused
from engine.challenges.kinds.registry import require
from engine.challenges.sources.file import FileSource
from engine.challenges.sources.source import Source
from engine.challenges.sources.synthetic import ReplaySource, SyntheticSource
from engine.errors import StoreError
from engine.feed import Feed
from engine.gateway.demand import Demand
from engine.gateway.load import Load
from engine.gateway.organic import Organic
from engine.judge.client import Judge
from engine.judge.encoding.basics import EncoderEndpoint, EncoderError
from engine.limit import RollingLimit
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import About
from engine.transport.addresses import checked_address
from engine.transport.callers import Callers
from engine.transport.errors import WireError
from engine.validator.asking_half import VALIDATOR, AskingHalf, selection_of
from engine.validator.paying_half import PayingHalf
from engine.values import Challenge, Peer, at_port

PACKAGED_ENCODER = "minilm"
KINDS = {"chat": 0.8, "arithmetic": 0.2}
"""Shares of the kinds of synthetic challenges, unless `kind` is set."""

STAKE = 1000.0
"""The throwaway validator's on the embedded chain, in tokens: enough for a permit."""

HOUR_S = 3600.0


async def run(session: Session, stack: AsyncExitStack) -> None:
    """Run a validator until it reaches its number of rounds or the end of its challenges."""
    source = await open_source(session)
    await session.join(session.wallet, stake=STAKE)
    extra = await name_neurons(session)
    judge = await open_judge(session, stack)
    await session.node(*await parts(session, stack, source, judge, extra)).run(until=VALIDATOR)


async def open_source(session: Session) -> Source:
    """The source of challenges, positioned after the last one recorded. Raises `ChallengeError`."""
    settings, feed = session.settings, session.feed
    if settings.kind is not None:
        require(settings.kind, settings.encoder)
    source: Source
    if settings.challenges is not None:

        def tell(number: int, reason: str) -> None:
            feed.raise_attention(
                "warning", str(settings.challenges), f"line {number} skipped: {reason}", About("setting", "challenges")
            )

        source = FileSource(settings.challenges, on_bad_line=tell)
    else:
        source = await _synthetic(session)
    source.resume(await session.store.cursor(source.cursor.name) or 0)
    return source


async def _synthetic(session: Session) -> Source:
    settings, store = session.settings, session.store
    budget = await _budget(session)
    synthetic = SyntheticSource(
        kinds_of(settings),
        settings.seed,
        probe_share=settings.probe_share,
        budget=budget,
        worded=settings.scoring == "robust",
    )
    if not settings.replay_share:
        return synthetic

    async def recorded(lot: float) -> Challenge | None:
        try:
            return await store.challenge_from_outside(settings.netuid, lot)
        except StoreError as error:
            session.feed.raise_attention("warning", "store", f"cannot load a recorded question: {error}")
            return None

    return ReplaySource(synthetic, recorded, share=settings.replay_share, budget=budget)


def kinds_of(settings: Settings) -> Mapping[str, float]:
    """The kinds of synthetic challenges with their shares."""
    return KINDS if settings.kind is None else {settings.kind: 1.0}


async def _budget(session: Session) -> RollingLimit | None:
    """The hourly limit on probes, minus those of the last hour. Raises StoreError."""
    settings = session.settings
    if settings.probe_budget is None:
        return None
    budget = RollingLimit(settings.probe_budget, HOUR_S)
    now = time.time()
    for at in await session.store.probes_asked(settings.netuid, now - HOUR_S, now):
        budget.add(at)
    return budget


async def name_neurons(session: Session) -> tuple[Peer, ...]:
    """The miners of --neuron by address. Raises `ConsoleError`.

    On the embedded chain they are known from here on; on a real network only registered ones are asked.
    """
    settings, sandbox = session.settings, session.sandbox
    peers = []
    for named in settings.neurons:
        where = f"--neuron {named.hotkey}@{at_port(named.host, named.port)}"
        if named.hotkey == session.wallet.hotkey.ss58_address:
            raise ConsoleError(f"{where}: this is our own hotkey; name a miner")
        try:
            host = await checked_address(named.host, named.port, allow_private=settings.allow_private, own=frozenset())
            if sandbox is not None:
                await sandbox.adopt(named.hotkey, named.hotkey)
                await sandbox.place(named.hotkey, host, named.port)
        except (WireError, Refused) as error:
            raise ConsoleError(f"{where}: {error}") from error
        peers.append(Peer(named.hotkey, host, named.port))
    return tuple(peers)


def _callers(session: Session) -> Callers:
    settings = session.settings
    chosen = {peer.hotkey: peer.dialect for peer in settings.neurons if peer.dialect}
    try:
        return Callers(
            session.wallet.hotkey, usual=settings.dialect, chosen=chosen, allow_private=settings.allow_private
        )
    except ValueError as error:
        raise ConsoleError(f"--dialect, --neuron: {error}") from error


async def parts(
    session: Session,
    stack: AsyncExitStack,
    source: Source,
    judge: Judge,
    extra: Sequence[Peer],
    names: Mapping[str, str] | None = None,
) -> tuple[Part, ...]:
    """The asking and the paying half, and the doors for users, pushed challenges and readers. Whatever has to be
    closed is pushed onto the stack.

    Raises `ConsoleError` and what the gateway raises.
    """
    caller = _callers(session)
    stack.push_async_callback(caller.close)
    settings, feed, store, chain = session.settings, session.feed, session.store, session.chain
    selection = selection_of(settings, chain.hotkey, extra)
    payer = PayingHalf(
        settings, feed=feed, store=store, chain=chain, wallet=session.wallet, selection=selection, names=names
    )
    asker = AskingHalf(
        settings,
        feed=feed,
        store=store,
        chain=chain,
        source=source,
        caller=caller,
        judge=judge,
        selection=selection,
        scores=payer.scores,
        sybil=payer.sybil,
    )
    await payer.begin()
    await payer.load()
    await asker.load()
    asking = partial(
        Organic,
        asker.rounds,
        selection,
        payer.scores,
        demand=Demand(settings.gateway_rate, settings.gateway_context, settings.challenge_timeout),
        load=Load(),
    )
    return (
        asker.part,
        payer.part,
        gateway(session, asking(asked=settings.gateway_sample)),
        pushing(session, asking(asked=settings.sample)),
        beside(session, stack, asker.rounds, selection, payer.scores, caller),
        metrics_door(settings.metrics, feed),
        page_door(settings.page, feed),
    )


async def open_judge(session: Session, stack: AsyncExitStack) -> Judge:
    """A judge with the chosen encoder, or with the packaged one if fallback is allowed. Raises EncoderError."""
    settings, feed = session.settings, session.feed
    try:
        return await _started(settings, feed, stack)
    except EncoderError as error:
        if not settings.encoder_fallback or settings.encoder == PACKAGED_ENCODER:
            raise
        feed.raise_attention(
            "warning", "encoder", f"{error}; using {PACKAGED_ENCODER} instead", About("setting", "encoder")
        )
        feed.publish(replace(feed.snapshot, encoder=PACKAGED_ENCODER))
        return await _started(replace(settings, encoder=PACKAGED_ENCODER, encoder_device="auto"), feed, stack)


async def _started(settings: Settings, feed: Feed, stack: AsyncExitStack) -> Judge:
    judge = Judge(
        settings.scoring,
        settings.encoder,
        threads=settings.encoder_threads,
        device=settings.encoder_device,
        endpoint=EncoderEndpoint(settings.encoder_url, str(settings.encoder_key)),
        feed=feed,
    )
    stack.push_async_callback(judge.close)
    await judge.start()
    return judge
