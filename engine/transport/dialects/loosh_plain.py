"""Loosh's `/inference`, deprecated there: challenge and answer in the clear, without proof of the sender.

A miner answers it only if its operator has turned it on, and a validator uses it only if it was chosen.
"""

from collections.abc import Callable

from engine.transport.clear import respond_clear
from engine.transport.description import CHALLENGE, REPLY, RouteDoc
from engine.transport.dialect import (
    Availability,
    Dialect,
    MinerEnd,
    Received,
    Routes,
    TimedAnswer,
    UnprovenRoute,
    ValidatorEnd,
)
from engine.transport.errors import Refusal
from engine.transport.exchange import availability, refused
from engine.transport.http import within
from engine.transport.wire import challenge_json, read_completion
from engine.values import Challenge, Peer

INFERENCE_PATH = "/inference"
VALIDATOR_HEADER = "validator-hotkey"


class LooshPlainCaller:
    """Asks miners at Loosh's `/inference`. A `dialect.Caller`."""

    def __init__(self, end: ValidatorEnd) -> None:
        self._clients = end.clients
        self._hotkey = end.signer.ss58_address

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        return await availability(self._clients, peer, timeout=timeout)

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        headers = {"Content-Type": "application/json", VALIDATOR_HEADER: self._hotkey}
        async with within(timeout):
            reply = await self._clients.post(
                peer, INFERENCE_PATH, challenge_json(challenge), headers, max_bytes=max_bytes
            )
        if not reply.ok:
            raise refused(reply, "challenge")
        completion = read_completion(reply.body)
        if on_text is not None:
            on_text(completion.text)
        return TimedAnswer(completion, reply.ms)


CLOSED = "challenges that prove no sender are answered only if the operator has turned loosh_plain on"


def _routes(end: MinerEnd) -> Routes:
    if not end.unproven:
        return Routes(routes=(), closed={INFERENCE_PATH: CLOSED})
    route = UnprovenRoute(
        path=INFERENCE_PATH,
        claimant=_claimant,
        respond=respond_clear,
        doc=RouteDoc(
            about="An unauthenticated challenge, and its answer in the clear",
            headers=(VALIDATOR_HEADER,),
            asks=CHALLENGE,
            answers=REPLY,
        ),
    )
    return Routes(routes=(route,))


def _claimant(call: Received) -> str:
    hotkey = call.header(VALIDATOR_HEADER.encode())
    if hotkey is None:
        raise Refusal(422, [{"type": "missing", "loc": ["header", VALIDATOR_HEADER], "msg": "Field required"}])
    return hotkey


LOOSH_PLAIN = Dialect("loosh-plain", LooshPlainCaller, _routes)
