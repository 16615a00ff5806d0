"""A Challenge API's HTTP: challenges of bearers of keys, batches and reports of validators, lists for neurons.

Validators seal what they answer (dialect C) and sign everything else, as Loosh's do.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.roles.pushing import EXCHANGES_A_MINUTE, answering, read_body
from engine.api_keys import ApiKey, ApiKeyRing
from engine.errors import StoreError
from engine.gateway.batch import reply_of
from engine.gateway.challenge_book import ChallengeBook, Kept, ReportKind
from engine.gateway.challenge_desk import ChallengeDesk, batch_of
from engine.gateway.known_validators import KnownValidators
from engine.gateway.pushed import Full, Repeated
from engine.text import safe
from engine.transport.brought_keys import BroughtKeys, FromValidator
from engine.transport.challenge_api import signed_claim
from engine.transport.errors import Refusal, WireError, misfit
from engine.transport.gate import WINDOW_S, Gate, GateClosed
from engine.transport.replay_guard import MemoryNonces
from engine.transport.sealed_calls import HOTKEY_HEADER, KEY_UUID_HEADER
from engine.transport.wire import load_json
from miner_server.hosts import network
from miner_server.limits import RateLimiter
from miner_server.openai.budgets import Counting

BATCH_BYTES = 16 << 20
"""256 answers of 64 KiB."""

REPORT_BYTES = 4 << 20
LONGEST_WAIT_S = 60.0
"""For an answer, in one request: proxies give up later than that."""

DAY_S = 86_400.0

Endpoint = Callable[[Request], Any]


class Penalty(Struct, frozen=True):
    miner_hotkey: Annotated[str, Meta(max_length=64)]
    sybil_score: Annotated[float, Meta(ge=0, le=1)] = 0.0


class Penalties(Struct, frozen=True):
    """What a validator penalises; further fields are kept as they came."""

    penalties: Annotated[tuple[Penalty, ...], Meta(max_length=4096)] = ()


class Records(Struct, frozen=True):
    records: Annotated[tuple[dict[str, Any], ...], Meta(max_length=1000)] = ()


class Observations(Struct, frozen=True):
    observations: Annotated[tuple[dict[str, Any], ...], Meta(max_length=4096)] = ()


class Asked(Struct, frozen=True):
    miner_hotkeys: Annotated[tuple[str, ...], Meta(max_length=4096)] = ()


class ChallengeApp:
    """The routes. `keys` may pose challenges, as far as `budgets` allow."""

    def __init__(
        self, desk: ChallengeDesk, book: ChallengeBook, validators: KnownValidators, keys: ApiKeyRing, budgets: Counting
    ) -> None:
        self._desk = desk
        self._book = book
        self._validators = validators
        self._keys = keys
        self._budgets = budgets
        self._exchanges = RateLimiter(EXCHANGES_A_MINUTE)
        self._gate = Gate(MemoryNonces(), allowed=validators.stranger, window=WINDOW_S)
        self.brought = BroughtKeys(validators.refusal, FromValidator)
        """The keys of validators."""
        posts: Mapping[str, Endpoint] = {
            "/challenge": self._pose,
            "/fiber/key-exchange": self._exchange,
            "/fiber/response/batch": self._batch,
            "/response/batch": self._unsealed,
            "/analytics/sybil-scores/batch": self._scores,
            "/analytics/penalty-report": self._penalties,
            "/analytics/sybil-detection/bulk": self._sybil,
            "/analytics/miner-network/bulk": self._miners,
        }
        gets: Mapping[str, Endpoint] = {
            "/health": self._health,
            "/challenge/{id:path}": self._find,
            "/fiber/public-key": self._public_key,
            "/validators": self._listed,
            "/validators/active-hotkeys": self._active,
        }
        self.app = Starlette(
            routes=[
                *(Route(path, answering(_stored(endpoint)), methods=["POST"]) for path, endpoint in posts.items()),
                *(Route(path, answering(_stored(endpoint))) for path, endpoint in gets.items()),
            ]
        )

    async def _health(self, _: Request) -> Response:
        why = self._desk.unwilling
        return JSONResponse({"service_name": "subnet-console-challenge-api", "status": "healthy", "unwilling": why})

    # -- challenges ------------------------------------------------------------------------------------------------

    async def _pose(self, request: Request) -> Response:
        key = self._bearer(request)
        await self._budgets.begin(key)
        raw = _json(await read_body(request))
        try:
            posed = await self._desk.pose(raw, key.name)
        except msgspec.ValidationError as error:
            raise Refusal(400, misfit(error)) from None
        except Repeated as repeated:
            raise Refusal(409, str(repeated)) from None
        except Full as full:
            raise Refusal(503, str(full), retry_after=5.0) from None
        return JSONResponse({"success": True, "id": posed.id, "status": "waiting"}, 201)

    async def _find(self, request: Request) -> Response:
        """A challenge of this key, after `wait` seconds at most."""
        key, id = self._bearer(request), request.path_params["id"]
        wait = _seconds(request.query_params.get("wait", "0"))
        kept = await self._book.find(id)
        if kept is None or kept.posed.requester != key.name:
            raise Refusal(404, f"there is no challenge {safe(id, 64)} of this key")
        if wait:
            kept = await self._desk.outcome(id, wait) or kept
        return JSONResponse(_told(kept))

    def _bearer(self, request: Request) -> ApiKey:
        headers = request.headers
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ").strip()
        found = self._keys.find(given) if given else None
        if found is None:
            raise Refusal(401, "an API key is needed, as X-API-Key or Authorization: Bearer KEY")
        return found

    # -- validators ------------------------------------------------------------------------------------------------

    async def _public_key(self, _: Request) -> Response:
        return JSONResponse({"public_key": self.brought.pem})

    async def _exchange(self, request: Request) -> Response:
        wait = self._exchanges.take(network(request.client.host if request.client else ""))
        if wait:
            raise Refusal(429, "too many key exchanges from this address", retry_after=wait)
        await self.brought.exchange(await read_body(request))
        return JSONResponse({"success": True, "message": "Symmetric key exchanged successfully"})

    async def _batch(self, request: Request) -> Response:
        hotkey, key_uuid = request.headers.get(HOTKEY_HEADER), request.headers.get(KEY_UUID_HEADER)
        if not hotkey or not key_uuid:
            raise Refusal(422, f"the headers {HOTKEY_HEADER} and {KEY_UUID_HEADER} are needed")
        if why := self._validators.refusal(hotkey):
            raise Refusal(403, why)
        self.brought.require(hotkey, key_uuid)
        clear = self.brought.opened_bytes(hotkey, key_uuid, await read_body(request, BATCH_BYTES))
        try:
            load_json(clear)
            taking = await self._desk.settle(hotkey, clear)
        except WireError as error:
            raise Refusal(400, error.reason) from None
        except msgspec.ValidationError as error:
            raise Refusal(400, misfit(error)) from None
        match taking:
            case "known":
                raise Refusal(409, "this challenge was answered before")
            case "unknown":
                raise Refusal(404, "there is no such challenge")
            case "unasked":
                raise Refusal(403, "this challenge was not pushed to this validator")
        return JSONResponse({"success": True}, 201)

    async def _unsealed(self, _: Request) -> Response:
        raise Refusal(403, "answers are taken sealed alone: POST /fiber/response/batch")

    async def _listed(self, request: Request) -> Response:
        await self._signed(request)
        listed = [
            {"hotkey_ss58": hotkey, "validator_permit": permit, "metadata": {"admin_approved": not permit}}
            for hotkey, permit in self._validators.permits.items()
        ]
        return JSONResponse(listed)

    async def _active(self, request: Request) -> Response:
        await self._signed(request)
        listed = [
            {"hotkey_ss58": hotkey, "status": "active", "ip": self._validators.ip_of(hotkey)}
            for hotkey in self._validators.permits
        ]
        return JSONResponse(listed)

    # -- reports ---------------------------------------------------------------------------------------------------

    async def _penalties(self, request: Request) -> Response:
        await self._reported(request, "penalties", Penalties)
        return JSONResponse({"success": True}, 201)

    async def _sybil(self, request: Request) -> Response:
        given = await self._reported(request, "sybil", Records)
        return JSONResponse({"inserted_count": len(given.records)}, 201)

    async def _miners(self, request: Request) -> Response:
        given = await self._reported(request, "miners", Observations)
        return JSONResponse({"upserted": len(given.observations)}, 201)

    async def _scores(self, request: Request) -> Response:
        """Of each miner the median of what validators have reported last, where one that is silent about it says 0: no
        single validator makes a miner a suspect."""
        body = await read_body(request, REPORT_BYTES)
        await self._signed(request, body)
        asked = _form(body, Asked)
        newest: dict[str, dict[str, float]] = {}
        for hotkey, report in await self._book.reports("penalties", time.time() - DAY_S):
            penalties = msgspec.json.decode(report, type=Penalties).penalties
            newest.setdefault(hotkey, {one.miner_hotkey: one.sybil_score for one in penalties})
        found = {}
        for miner in asked.miner_hotkeys:
            score = statistics.median(one.get(miner, 0.0) for one in newest.values()) if newest else 0.0
            found[miner] = {"sybil_score": score, "priority_weight": 1 - score}
        return JSONResponse({"scores": found})

    async def _reported(self, request: Request, kind: ReportKind, form: type[Any]) -> Any:
        body = await read_body(request, REPORT_BYTES)
        hotkey = await self._signed(request, body)
        if why := self._validators.refusal(hotkey):
            raise Refusal(403, why)
        given = _form(body, form)
        await self._book.report(kind, hotkey, body, time.time())
        return given

    async def _signed(self, request: Request, body: bytes = b"") -> str:
        """The hotkey that signed this request. Raises Refusal."""
        try:
            claim = signed_claim(request.headers, body)
        except ValueError:
            raise Refusal(401, "sign with X-Hotkey, X-Nonce (unix seconds) and X-Signature") from None
        try:
            self._gate.check(claim)
            await self._gate.spend(claim)
        except GateClosed as closed:
            raise Refusal(403 if closed.gate == "allow-list" else 401, closed.reason) from None
        return claim.hotkey


def _told(kept: Kept) -> dict[str, Any]:
    """A challenge and its answer, as its requester sees them."""
    batch = batch_of(kept)
    told: dict[str, Any] = {"id": kept.posed.id, "status": kept.stage, "validator_hotkey": kept.validator or None}
    if batch is None or batch.best is None:
        return {**told, "answer": None}
    best = reply_of(batch.best)
    answer = {
        "miner_id": best.hotkey,
        "miner_uid": batch.best.miner_uid,
        "text": best.text,
        "tool_calls": list(best.tool_calls) or None,
        "finish_reason": best.finish_reason,
        "usage": best.usage,
    }
    return {**told, "answer": answer}


def _json(body: bytes) -> dict[str, Any]:
    try:
        return load_json(body)
    except WireError as error:
        raise Refusal(400, error.reason) from None


def _form(body: bytes, form: type[Any]) -> Any:
    try:
        return msgspec.convert(_json(body), form)
    except msgspec.ValidationError as error:
        raise Refusal(422, misfit(error)) from None


def _seconds(given: str) -> float:
    try:
        return min(max(0.0, float(given)), LONGEST_WAIT_S)
    except ValueError:
        raise Refusal(422, "wait is a number of seconds") from None


def _stored(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            found: Response = await endpoint(request)
        except StoreError as error:
            raise Refusal(503, f"challenges cannot be kept at the moment: {safe(str(error), 160)}") from None
        return found

    return answer
