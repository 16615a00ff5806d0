"""Pushes challenges to validators, in Loosh's dialect B, and knows which of them take any now."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from engine import foreign_json
from engine.feed import Feed
from engine.foreign_json import fields
from engine.gateway.pushed import SERVICE_NAME
from engine.keys import Signer
from engine.text import safe
from engine.transport.challenge_api import ChallengeApiError
from engine.transport.errors import WireError
from engine.transport.http import PeerClients, within
from engine.transport.sealed_calls import PUSHERS_FIELD, SealedCalls
from engine.values import Peer

CHALLENGE_PATH = "/fiber/challenge"
HEALTH_PATH = "/availability/health"

LOOK_S = 30.0
CALL_S = 15.0
"""As long as Loosh's validator waits for a miner's handshake."""

REPLY_BYTES = 16 * 1024
SUBJECT = "validators"


class Pusher:
    """A service: looks which of the `validators` are up, and pushes to them as `signer`."""

    def __init__(
        self, validators: Callable[[], Sequence[Peer]], signer: Signer, clients: PeerClients, feed: Feed
    ) -> None:
        self._validators = validators
        self._signer = signer
        self._clients = clients
        self._feed = feed
        self._calls: dict[Peer, SealedCalls] = {}
        self._why_not: dict[Peer, str] = {}
        """Why a validator takes nothing now; "" for one that does."""

    @property
    def ready(self) -> tuple[Peer, ...]:
        """Those that take challenges now."""
        return tuple(one for one in self._validators() if self._why_not.get(one) == "")

    @property
    def why_none(self) -> str:
        """Why no validator takes challenges now; "" if one does."""
        known = self._validators()
        if not known:
            return "no validator is known: name one with --validator, or wait for one that announces its address"
        if self.ready:
            return ""
        said = (f"{one.hotkey[:8]}… {self._why_not.get(one, 'was not looked at yet')}" for one in known[:3])
        return f"no validator takes challenges now: {'; '.join(said)}"

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """See which validators are up."""
        known = self._validators()
        for gone in self._why_not.keys() - {*known}:
            del self._why_not[gone]
            self._calls.pop(gone, None)
        for one, why_not in zip(known, await asyncio.gather(*map(self._looked, known)), strict=True):
            self._why_not[one] = why_not
        self._tell()

    async def push(self, peer: Peer, challenge: bytes) -> Literal["taken", "known"]:
        """ "known" if the validator has had it before. Raises ChallengeApiError, Passing where it may be over soon; the
        validator then gets nothing until the next look."""
        calls = self._calls.get(peer)
        if calls is None:
            calls = self._calls[peer] = SealedCalls(partial(self._called, peer), self._signer, named_in=PUSHERS_FIELD)
        try:
            return await calls.deliver(CHALLENGE_PATH, challenge)
        except ChallengeApiError as error:
            self._why_not[peer] = safe(str(error), 160)
            self._tell()
            raise

    async def _called(
        self, peer: Peer, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        try:
            async with within(CALL_S):
                if method == "GET":
                    reply = await self._clients.get(peer, path, max_bytes=REPLY_BYTES)
                else:
                    reply = await self._clients.post(peer, path, body, headers, max_bytes=REPLY_BYTES)
        except WireError as error:
            raise ChallengeApiError(error.reason) from None
        return reply.status, reply.body

    async def _looked(self, peer: Peer) -> str:
        try:
            status, said = await self._called(peer, "GET", HEALTH_PATH, {}, b"")
            name = fields(foreign_json.read(said)).get("service_name") if status == 200 else None
        except ChallengeApiError as error:
            return safe(str(error), 160)
        except ValueError:
            name = None
        return "" if name == SERVICE_NAME else f"does not say at {HEALTH_PATH} that it is a validator"

    def _tell(self) -> None:
        if why := self.why_none:
            self._feed.hold_attention("warning", SUBJECT, why)
        else:
            self._feed.settle(SUBJECT, "challenges are taken again")
