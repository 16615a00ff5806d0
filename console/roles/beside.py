"""A validator's side of what runs beside it: tells gateways and workers what they need, and judges workers' rounds."""

from contextlib import AsyncExitStack
from uuid import uuid4

from console.errors import ConsoleError
from console.roles.session import Session
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.api_keys import ApiKeys
from engine.gateway.board import Pinner, pinned_miners
from engine.gateway.judged_elsewhere import JudgeForOthers
from engine.gateway.messages import KEYS, MINERS, write
from engine.gateway.organic import Earnings
from engine.node.part import Part
from engine.streams.on_redis import RedisStreams
from engine.transport.callers import Callers
from engine.validator.round_runner import RoundRunner
from engine.validator.selection import Selection


def streams_of(url: str, netuid: int) -> RedisStreams:
    """The streams of a subnet. Raises ConsoleError."""
    if not url:
        raise ConsoleError("--redis URL is needed: the Redis that the validator uses too")
    try:
        return RedisStreams(url, f"subnet-console:{netuid}")
    except ValueError as error:
        raise ConsoleError(f"--redis: {error}") from None


def beside(
    session: Session,
    stack: AsyncExitStack,
    rounds: RoundRunner,
    selection: Selection,
    scores: Earnings,
    caller: Callers,
) -> Part:
    """What gateways and workers need of this validator, if the operator names a Redis. Raises `ConsoleError` and
    KeyFileError."""
    if not session.settings.redis:
        return Part()
    streams = streams_of(session.settings.redis, session.settings.netuid)
    stack.push_async_callback(streams.close)
    keys = ApiKeys(session.folder / KEY_FILE)
    name = f"validator-{uuid4().hex}"
    return Part(
        services={
            "miners for workers": lambda: Pinner(
                streams, MINERS, lambda: pinned_miners(selection, scores, lambda one: caller.dialect_of(one.peer))
            ),
            "keys for gateways": lambda: Pinner(streams, KEYS, lambda: write(keys.all)),
            "judge for workers": lambda: JudgeForOthers(name, streams, rounds),
        }
    )
