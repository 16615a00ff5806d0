"""A door at which a Challenge API pushes challenges to a validator, as on the Loosh subnet."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.errors import ConsoleError
from console.roles.door import Door
from console.roles.session import Session
from engine.gateway.organic import Organic
from engine.gateway.pushed import MOST_AT_ONCE, SERVICE_NAME, Full, PushedRounds, Repeated
from engine.keys import is_address
from engine.node.part import Part
from engine.text import safe
from engine.transport.batches import BatchSender
from engine.transport.brought_keys import BroughtKeys, pushers
from engine.transport.errors import Refusal, misfit
from engine.transport.sealed_calls import HOTKEY_HEADER, KEY_UUID_HEADER
from engine.transport.sessions import KEY_TTL_S
from engine.values import host_and_port
from miner_server.hosts import network
from miner_server.limits import RateLimiter

SERVICE = "pushed challenges"
OPTION = "--pushed"
BODY_BYTES = 1 << 20
BODY_S = 8.0
EXCHANGES_A_MINUTE = 30
"""From one address: a Challenge API exchanges a key once an hour."""

Endpoint = Callable[[Request], Awaitable[Response]]


class PushDoor:
    """A service, bound from the beginning. Raises MinerError."""

    def __init__(self, host: str, port: int, keys: BroughtKeys, rounds: PushedRounds, *, version: str) -> None:
        self._brought = keys
        self._rounds = rounds
        self._version = version
        self._exchanges = RateLimiter(EXCHANGES_A_MINUTE)
        app = Starlette(
            routes=[
                Route("/availability", answering(self._available)),
                Route("/availability/health", answering(self._health)),
                Route("/availability/healthz", answering(self._health)),
                Route("/challenges/stats", answering(self._received)),
                Route("/fiber/public-key", answering(self._public_key)),
                Route("/fiber/key-exchange", answering(self._exchange), methods=["POST"]),
                Route("/fiber/challenge", answering(self._challenge), methods=["POST"]),
                Route("/fiber/stats", answering(self._keys)),
            ]
        )
        self.door = Door(host, port, app, name=SERVICE, option=OPTION)

    async def run(self, started: Callable[[], None]) -> None:
        await self._brought.start()
        try:
            await self.door.run(started)
        finally:
            await self._rounds.close()

    async def _available(self, _: Request) -> Response:
        return JSONResponse({"available": True})

    async def _health(self, _: Request) -> Response:
        waiting = self._rounds.waiting
        free = max(0, MOST_AT_ONCE - waiting)
        stats = {
            "queue_size": max(0, waiting - MOST_AT_ONCE),
            "challenge_mode": "push",
            "active_challenges": min(waiting, MOST_AT_ONCE),
            "max_concurrent": MOST_AT_ONCE,
            "available_capacity": free,
            "semaphore_available": free,
        }
        told = {
            "service_name": SERVICE_NAME,
            "version": self._version,
            "status": "healthy",
            "queue_size": stats["queue_size"],
        }
        return JSONResponse({**told, "processing_stats": stats})

    async def _received(self, _: Request) -> Response:
        return JSONResponse({"queue_size": self._rounds.waiting, "total_received": self._rounds.received})

    async def _keys(self, _: Request) -> Response:
        keys = len(self._brought)
        return JSONResponse({"active_hotkeys": keys, "total_symmetric_keys": keys, "key_ttl_seconds": int(KEY_TTL_S)})

    async def _public_key(self, _: Request) -> Response:
        return JSONResponse({"public_key": self._brought.pem})

    async def _exchange(self, request: Request) -> Response:
        wait = self._exchanges.take(network(request.client.host if request.client else ""))
        if wait:
            raise Refusal(429, "too many key exchanges from this address", retry_after=wait)
        await self._brought.exchange(await read_body(request))
        return JSONResponse({"success": True, "message": "Symmetric key exchanged successfully"})

    async def _challenge(self, request: Request) -> Response:
        hotkey, key_uuid = request.headers.get(HOTKEY_HEADER), request.headers.get(KEY_UUID_HEADER)
        if not hotkey or not key_uuid:
            raise Refusal(422, f"the headers {HOTKEY_HEADER} and {KEY_UUID_HEADER} are needed")
        given = self._brought.opened(hotkey, key_uuid, await read_body(request))
        try:
            taken = self._rounds.take(given)
        except msgspec.ValidationError as error:
            raise Refusal(400, misfit(error)) from None
        except Repeated as repeated:
            raise Refusal(409, str(repeated)) from None
        except Full as full:
            raise Refusal(503, str(full), retry_after=5.0) from None
        told = {"success": True, "message": "Challenge received successfully", "challenge_id": taken}
        return JSONResponse(told, 201)


def answering(endpoint: Endpoint) -> Endpoint:
    """Refusals in the form of Loosh's validator."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            headers = {} if refusal.retry_after is None else {"retry-after": str(int(refusal.retry_after) + 1)}
            return JSONResponse(refusal.body(), refusal.status, headers)

    return answer


async def read_body(request: Request, most: int = BODY_BYTES) -> bytes:
    """Raises Refusal: 413 for one that is too large, 408 for one that is too slow or breaks off."""
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                read += piece
                if len(read) > most:
                    raise Refusal(413, f"the body is larger than {most} bytes")
    except (TimeoutError, ClientDisconnect):
        raise Refusal(408, f"the body did not arrive within {BODY_S:g} s") from None
    return bytes(read)


def pushing(session: Session, organic: Organic) -> Part:
    """The door for pushed challenges, if the operator wants one. Raises `ConsoleError` and `MinerError`."""
    settings, feed = session.settings, session.feed
    if not settings.pushed:
        return Part()
    if not settings.challenge_api:
        raise ConsoleError("--pushed needs --challenge-api URL, to which the answers go")
    if not settings.pushers:
        raise ConsoleError("--pushed needs --pusher HOTKEY: the Challenge API's hotkey, which alone may push")
    for pusher in settings.pushers:
        if not is_address(pusher):
            raise ConsoleError(f"--pusher {safe(pusher, 60)}: not a hotkey's address")
    hotkey = session.wallet.hotkey
    rounds = PushedRounds(organic, BatchSender(settings.challenge_api, hotkey), feed, hotkey.ss58_address)
    keys = pushers(settings.pushers, unsigned=settings.pushed_unsigned)
    pushed = PushDoor(*host_and_port(settings.pushed), keys, rounds, version=feed.snapshot.version)
    feed.raise_attention("info", SERVICE, f"a Challenge API may push to {pushed.door.url}")
    return Part(services={SERVICE: lambda: pushed})
