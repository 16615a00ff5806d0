"""Loosh dialect A over HTTP (facts/loosh 1.1, 2.2): what a validator asks, sealed, is answered, sealed.

Order of the gates for a challenge: headers, allow-list, a key that we hold, the hotkey's rate, readiness, body,
decryption, which happens once, the queue. Nobody but the holder of a key uses up a hotkey's rate, also not with what
was recorded of it; and who shares a validator's address cannot keep it from a key: telling how to get one costs no more
than a refusal would, and is never refused.
"""

import asyncio
import time

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.routing import Route

from engine.keys import SS58_LENGTH
from engine.transport.errors import Refused, WireError, brief
from engine.transport.loosh.handshake import (
    CHALLENGE_PATH,
    EXCHANGE_BYTES,
    KEY_EXCHANGE_PATH,
    KEY_UUID_HEADER,
    MINER_HEADER,
    PUBLIC_KEY_PATH,
    VALIDATOR_HEADER,
)
from engine.transport.loosh.miner import LooshDesk
from engine.transport.timing import INFERENCE, RESPONSE, Timing, with_stages
from engine.transport.wire import Completion, completion_json, load_json, read_request
from miner_server.admission import Admission
from miner_server.answering import Answering
from miner_server.call import RETRY_S, Call, Reply, json_reply
from miner_server.endpoint import Calls
from miner_server.errors import Refusal
from miner_server.limits import Limits, Room

OCTETS = b"application/octet-stream"
THREAD_ABOVE_BYTES = 64 * 1024

HEARING_S = 10.0
"""How long a claim waits to be checked: validators give a handshake 15 s."""

_VALIDATOR = VALIDATOR_HEADER.encode()
_KEY_UUID = KEY_UUID_HEADER.encode()
_MINER = MINER_HEADER.encode()


class _Claimant(Struct):
    validator_hotkey_ss58: str


class LooshRoutes:
    """One desk's three routes."""

    def __init__(self, desk: LooshDesk, admission: Admission, answering: Answering, limits: Limits) -> None:
        self._desk = desk
        self._admission = admission
        self._answering = answering
        self._limits = limits
        self._room = Room()
        self._miner = desk.hotkey.encode()

    def routes(self, calls: Calls) -> list[Route]:
        return [
            Route(CHALLENGE_PATH, calls.endpoint(CHALLENGE_PATH, self.challenge), methods=["POST"]),
            Route(KEY_EXCHANGE_PATH, calls.endpoint(KEY_EXCHANGE_PATH, self.key_exchange), methods=["POST"]),
            Route(PUBLIC_KEY_PATH, calls.endpoint(PUBLIC_KEY_PATH, self.public_key), methods=["GET"]),
        ]

    async def public_key(self, _: Call) -> Reply:
        """For everyone, as often as they like: a refusal would cost as much."""
        try:
            return json_reply({"public_key": self._desk.public_key_pem()})
        except Refused as refused:
            raise _refusal(refused) from None

    async def key_exchange(self, call: Call) -> Reply:
        body = await call.read(limit=EXCHANGE_BYTES, seconds=self._limits.body_s)
        call.hotkey = self._claimant(call, body)
        self._admission.listed("handshake", call.host, call.route, call.hotkey)
        self._admission.may("handshake", call.hotkey)
        await self._hear(call)
        try:
            hotkey = await self._desk.exchange(body)
        except Refused as refused:
            if refused.status_code != 503:
                self._admission.unproven(call.host)
            raise _refusal(refused) from None
        self._admission.proven(call.host)
        call.prove()
        self._admission.spend("handshake", hotkey)
        return json_reply({"success": True, "message": "key taken"})

    def _claimant(self, call: Call, body: bytes) -> str:
        """Which hotkey an exchange names. One that cannot be read is paid by its address."""
        try:
            said = load_json(body, max_bytes=EXCHANGE_BYTES)
            return msgspec.convert(said, _Claimant).validator_hotkey_ss58[:SS58_LENGTH]
        except WireError as error:
            why = error.reason
        except msgspec.ValidationError as error:
            why = brief(str(error))
        self._admission.stranger("handshake", call.host, call.route)
        raise Refusal(422, why)

    async def challenge(self, call: Call) -> Reply:
        hotkey, key_uuid = self._names(call)
        self._admission.listed("challenge", call.host, call.route, hotkey)
        if not self._desk.knows(hotkey, key_uuid):
            await self._open(hotkey, key_uuid, b"")
        self._admission.may("challenge", hotkey)
        self._answering.require_ready()
        with self._room.share() as grow:
            token = await call.read(limit=self._limits.body_bytes, seconds=self._limits.body_s, grow=grow)
            clear = await self._opened(call, hotkey, key_uuid, token)
        try:
            request = read_request(clear, limit=self._limits.body_bytes)
        except WireError as error:
            raise Refusal(413 if error.status == "too_large" else 422, error.reason) from None
        began = time.time()
        completion = await self._answering.answer(request, call)
        if request.timing is not None:
            completion = _timed(completion, request.timing, began, max(began, time.time()))
        try:
            sealed = self._desk.seal(hotkey, key_uuid, completion_json(completion))
        except Refused as refused:
            raise _refusal(refused) from None
        return Reply(200, sealed, OCTETS, ((_KEY_UUID, key_uuid.encode("latin-1")), (_MINER, self._miner)))

    async def _hear(self, call: Call) -> None:
        """Wait until this claim may be checked; who hangs up meanwhile leaves the line."""
        try:
            async with call.patience(HEARING_S):
                await self._admission.hear(call.host)
        except TimeoutError:
            raise Refusal(503, "too many unproven requests: try again shortly", retry_after=RETRY_S) from None

    async def _opened(self, call: Call, hotkey: str, key_uuid: str, token: bytes) -> bytes:
        """The challenge in clear, paid by the hotkey; what does not open, or did before, is paid by its address.

        The rate is looked at first, so that what is remembered of a hotkey's messages is bounded by it.
        """
        self._admission.may("challenge", hotkey)
        try:
            clear = await self._open(hotkey, key_uuid, token)
        except Refusal:
            self._admission.unproven(call.host)
            raise
        self._admission.proven(call.host)
        call.prove()
        self._admission.spend("challenge", hotkey)
        return clear

    def _names(self, call: Call) -> tuple[str, str]:
        hotkey, key_uuid = call.header(_VALIDATOR), call.header(_KEY_UUID)
        if hotkey is None or key_uuid is None:
            self._admission.stranger("challenge", call.host, call.route)
            given = ((VALIDATOR_HEADER, hotkey), (KEY_UUID_HEADER, key_uuid))
            raise Refusal(422, [_missing(name) for name, value in given if value is None])
        call.hotkey = hotkey[:SS58_LENGTH]
        return hotkey, key_uuid

    async def _open(self, hotkey: str, key_uuid: str, token: bytes) -> bytes:
        """The challenge in clear. A key that we do not hold is refused with what a new handshake needs."""
        try:
            if len(token) > THREAD_ABOVE_BYTES:
                return await asyncio.to_thread(self._desk.open, hotkey, key_uuid, token)
            return self._desk.open(hotkey, key_uuid, token)
        except Refused as refused:
            raise _refusal(refused) from None


def _timed(completion: Completion, timing: Timing, began: float, ended: float) -> Completion:
    """The answer with the challenge's record, in which it says when it was worked on and when it went out."""
    return replace(
        completion, timing=with_stages(timing, (INFERENCE, began, ended), (RESPONSE, ended, max(ended, time.time())))
    )


def _missing(header: str) -> dict[str, object]:
    return {"type": "missing", "loc": ["header", header], "msg": "Field required", "input": None}


def _refusal(refused: Refused) -> Refusal:
    retry_after = 5.0 if refused.status_code == 503 else None
    return Refusal(refused.status_code, refused.detail, retry_after=retry_after, extra=refused.extra)
