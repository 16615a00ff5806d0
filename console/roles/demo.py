"""The demo subnet: a validator and a cast of miners, each with its own keys, server and socket."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.demo import phrases
from console.demo.answer_key import AnswerKey, file_key, no_encoder, seeded_key
from console.demo.cast import USUAL, Persona, cast
from console.demo.personas import Board, PersonaBackend
from console.errors import ConsoleError
from console.roles import validator
from console.roles.miner import allow_list, axon_of, permits_of, serve
from console.roles.session import Session
from engine.chain.wallets import throwaway
from engine.challenges.kinds.registry import KINDS
from engine.challenges.sources.source import Source
from engine.feed import Feed
from engine.folders import usable
from engine.node.axons import Axons
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.validator.asking_half import VALIDATOR
from miner_server.backends.interface import Backend
from miner_server.backends.registry import open_backend
from miner_server.errors import MinerError

if TYPE_CHECKING:
    from engine.challenges.kinds.base import Encode

LOOPBACK = "127.0.0.1"


async def run(session: Session, stack: AsyncExitStack) -> None:
    """Run the demo until the validator reaches its number of rounds or the end of its challenges."""
    try:
        personas = cast(session.settings.miners or USUAL)
    except ValueError as error:
        raise ConsoleError(f"--miners: {error}") from error
    source = await validator.open_source(session)
    await session.join(session.wallet, stake=validator.STAKE)
    extra = await validator.name_neurons(session)
    judge = await validator.open_judge(session, stack)
    encode = await asyncio.to_thread(_encoder, session.settings)
    miners = await _miners(session, personas, answer_key(session, source, encode), stock_answer(session))
    asking = await validator.parts(session, stack, source, judge, extra, miners.names)
    await session.node(*asking, miners).run(until=VALIDATOR)


async def _miners(session: Session, personas: Sequence[Persona], key: AnswerKey, stock: str) -> Part:
    """The cast, registered, each with a server whose address is announced on the chain."""
    settings, board = session.settings, Board()
    allow = allow_list(session, session.wallet.hotkey.ss58_address)
    services, names, axons = {}, {}, []
    for persona in able_to_answer(personas, settings.model_path, session.feed):
        with usable(session.wallets):
            wallet = throwaway(session.wallets, persona.name)
        await session.join(wallet)
        playing = partial(PersonaBackend, persona, seed=settings.seed or 0, key=key, board=board, stock=stock)
        backend = partial(_backend, persona, settings.model_path, playing)
        serving = serve(session, wallet, backend, allow, LOOPBACK, 0)
        services[persona.name] = serving
        names[wallet.hotkey.ss58_address] = persona.name
        axons.append(axon_of(wallet, serving))
    if session.sandbox is not None:
        await Axons(session.chain, axons, session.feed).announce()
    return Part(services=services, names=names, on_metagraph=(permits_of(allow),))


def able_to_answer(personas: Sequence[Persona], model: Path | None, feed: Feed) -> list[Persona]:
    """All personas; without the language model where llama.cpp or its model is missing, which is reported."""
    able = []
    for persona in personas:
        try:
            if persona.role == "llm":
                open_backend("llamacpp", model_path=model)
        except MinerError as error:
            feed.raise_attention("info", persona.name, f"the demo runs without it: {error}")
        else:
            able.append(persona)
    return able


def _backend(persona: Persona, model: Path | None, playing: Callable[[], Backend]) -> Backend:
    return open_backend("llamacpp", model_path=model) if persona.role == "llm" else playing()


def stock_answer(session: Session) -> str:
    """The one answer of a lazy miner: in a subnet of one kind, of the form that is asked for there."""
    name = session.settings.kind
    return phrases.LAZY_ANSWER if name is None else KINDS[name].stock_answer


def _encoder(settings: Settings) -> "Encode":
    """What the miners make vectors with, where vectors are asked for."""
    name = None if settings.kind is None else KINDS[settings.kind].encoder
    if name is None:
        return no_encoder
    from engine.judge.encoding.encoders import CachedEncoder, open_encoder

    return CachedEncoder(open_encoder(name)).encode


def answer_key(session: Session, source: Source, encode: "Encode" = no_encoder) -> AnswerKey:
    """The personas' knowledge of the questions that `source` asks from now on."""
    settings, position = session.settings, source.cursor.position
    if settings.challenges is not None:
        return file_key(settings.challenges, position=position)
    return seeded_key(
        settings.seed or 0,
        validator.kinds_of(settings),
        probe_share=settings.probe_share,
        has_budget=settings.probe_budget is not None,
        position=position,
        encode=encode,
    )


def earnings(snapshot: Snapshot) -> list[dict[str, Any]]:
    """One record per miner, the best paid first: its score, its weight on chain and the tokens it earned."""
    stakes = {one.uid: one.stake for one in snapshot.metagraph.neurons} if snapshot.metagraph else {}
    paid = sorted(snapshot.miners, key=lambda miner: (-miner.weight, -miner.ema, miner.uid))
    return [
        {
            "uid": miner.uid,
            "name": miner.name,
            "rounds": miner.rounds,
            "answered": miner.answered,
            "ema": round(miner.ema, 4),
            "weight": round(miner.weight, 4),
            "earned": round(stakes.get(miner.uid, 0.0), 4),
        }
        for miner in paid
    ]
