"""The four services as applications: paths, bodies and answers are the template's."""

import math
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.roles.pushing import answering, read_body
from console.template.book import Book
from console.template.nodes import NODES, TemplateNode, read_nodes, write_nodes
from engine.quotas import QuotaTerms, UseBook, allowed, draw, quotas
from engine.streams.interface import Streams, StreamsGone
from engine.sums import Operation
from engine.text import safe
from engine.transport.errors import Refusal

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]

MOST = 4096
"""Miners or replies in one call: more than any subnet has."""

LARGEST = 10**9
"""Of a number in a question."""

Hotkey = Annotated[str, Meta(min_length=1, max_length=64)]
Score = Annotated[float, Meta(ge=0, le=1)]
Challenge = Literal["add", "multiply"]


class Consume(Struct, frozen=True):
    """A validator wants to ask miners: this one, or a sample; `top_score` of them by their scores."""

    validator_hotkey: Hotkey
    miner_hotkey: Hotkey | None = None
    rate_limit_threshold: Annotated[float, Meta(gt=0, le=1)] = 1.0
    sample_size: Annotated[int, Meta(ge=1, le=MOST)] = 1
    top_score: Annotated[float, Meta(ge=0, le=1)] = 1.0


class UpdateScore(Struct, frozen=True):
    miner_hotkeys: Annotated[tuple[Hotkey, ...], Meta(max_length=MOST)]
    scores: Annotated[tuple[Score, ...], Meta(max_length=MOST)]


class GetPayload(Struct, frozen=True):
    challenge: str


class ScoredPayload(Struct, frozen=True):
    """A question; `challenge` says which, where whoever hands it on keeps it."""

    a: int
    b: int
    challenge: str = ""


class Scoring(Struct, frozen=True):
    miner_responses: Annotated[tuple[Any, ...], Meta(max_length=MOST)]
    base_payload: ScoredPayload


def sidecar(nodes: Callable[[], tuple[TemplateNode, ...] | None], status: Callable[[], dict[str, Any]]) -> Starlette:
    """The subnet's nodes, and this validator's own standing."""

    async def listed(_: Request) -> Response:
        known = nodes()
        if known is None:
            raise Refusal(503, "the subnet has not been read yet", retry_after=5.0)
        return Response(b'{"nodes":' + write_nodes(known) + b"}", media_type="application/json")

    async def standing(_: Request) -> Response:
        return JSONResponse(status())

    return _app(("GET", "/api/nodes", listed), ("GET", "/api/status", standing))


def managing(
    streams: Streams, book: Book, use: UseBook, terms: QuotaTerms, *, chance: Callable[[], float] | None = None
) -> Starlette:
    """Quotas by stake for each validator and miner, and the miners' scores."""
    lot = chance or random.SystemRandom().random

    async def consume(request: Request) -> Response:
        asked = await _asked(request, Consume)
        nodes = await _nodes(streams)
        quota = quotas({node.hotkey: node.stake for node in nodes}, terms).get(asked.validator_hotkey, 0)
        limit = allowed(quota, asked.rate_limit_threshold)
        if not limit:
            raise Refusal(429, "this validator has no quota: its stake is too small, or it is not registered")
        miners = await _candidates(asked, nodes, book)
        if not miners:
            raise Refusal(404, "no such miner can be asked")
        now = time.time()
        used = await use.used(terms.epoch(now), asked.validator_hotkey, list(miners))
        left = {miner: limit - taken.total for miner, taken in zip(miners, used, strict=True) if taken.total < limit}
        taken = await use.take(
            terms.epoch(now),
            asked.validator_hotkey,
            dict.fromkeys(draw(left, lot), limit),
            asked.sample_size,
            "organic" if asked.rate_limit_threshold == 1 else "synthetic",
        )
        if not taken:
            raise Refusal(429, "the quota of this epoch is used up", retry_after=terms.ends_in(now))
        chosen = [miners[miner] for miner in taken]
        return JSONResponse(
            {
                "miner_hotkeys": list(taken),
                "uids": [node.uid for node in chosen],
                "axons": [{"ip": node.ip, "port": node.port, "hotkey": node.hotkey} for node in chosen],
            }
        )

    async def update(request: Request) -> Response:
        given = await _asked(request, UpdateScore)
        if len(given.miner_hotkeys) != len(given.scores):
            raise Refusal(422, f"{len(given.miner_hotkeys)} miners and {len(given.scores)} scores")
        for miner, score in zip(given.miner_hotkeys, given.scores, strict=True):
            await book.add_score(miner, score)
        return JSONResponse({"success": True, "miner_hotkeys": list(given.miner_hotkeys)})

    async def scores(_: Request) -> Response:
        averages = {node.hotkey: await book.average(node.hotkey) for node in await _nodes(streams)}
        return JSONResponse({"scores": {one: average for one, average in averages.items() if average is not None}})

    return _app(
        ("POST", "/api/consume", consume), ("POST", "/api/update-score", update), ("GET", "/api/get-scores", scores)
    )


def synthesizing(*, number: Callable[[], int] | None = None) -> Starlette:
    """Questions: whole numbers to add or to multiply."""
    draw_number = number or (lambda: secrets.randbelow(1000))

    async def payload(request: Request) -> Response:
        name = (await _asked(request, GetPayload)).challenge
        if name not in ("add", "addition", "addiction", "multiply", "multiplication"):
            raise Refusal(404, f"there is no challenge {safe(name, 40)}: there are add and multiply")
        return JSONResponse({"a": draw_number(), "b": draw_number(), "challenge": name})

    return _app(("POST", "/api/get-payload", payload))


def scoring() -> Starlette:
    """1 for a right answer, 0 for any other."""

    async def score(request: Request) -> Response:
        asked = await _asked(request, Scoring)
        payload, results = asked.base_payload, [_result(one) for one in asked.miner_responses]
        if max(abs(payload.a), abs(payload.b)) > LARGEST:
            raise Refusal(422, f"a and b may be up to {LARGEST:,}")
        right = _right(payload, results)
        return JSONResponse({"scores": [float(result == right) for result in results]})

    return _app(("POST", "/api/score", score))


def _right(payload: ScoredPayload, results: list[int | None]) -> int:
    """The right answer. A payload that does not name its challenge is the one that more have answered rightly."""
    total, product = (Operation(payload.a, payload.b, multiply=one).result for one in (False, True))
    if payload.challenge:
        return product if payload.challenge.startswith("multipl") else total
    return product if results.count(product) > results.count(total) else total


def _result(response: Any) -> int | None:
    """What a miner answered: `{"result": n}`, or the number alone; None for anything else."""
    found = response.get("result") if isinstance(response, dict) else response
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return int(found) if found == int(found) else None


async def _candidates(asked: Consume, nodes: tuple[TemplateNode, ...], book: Book) -> dict[str, TemplateNode]:
    """The miners that may be asked, by hotkey: those that serve, the best by score if only those are wanted."""
    serving = {node.hotkey: node for node in nodes if node.serves and node.hotkey != asked.validator_hotkey}
    if asked.miner_hotkey is not None:
        return {asked.miner_hotkey: serving[asked.miner_hotkey]} if asked.miner_hotkey in serving else {}
    if asked.top_score == 1:
        return serving
    averages = {hotkey: await book.average(hotkey) for hotkey in serving}
    scored = sorted((one for one in serving if averages[one] is not None), key=lambda one: -(averages[one] or 0.0))
    return {one: serving[one] for one in scored[: max(1, int(len(serving) * asked.top_score))]}


async def _nodes(streams: Streams) -> tuple[TemplateNode, ...]:
    pinned = await streams.look(NODES)
    if pinned is None:
        raise Refusal(502, "the sidecar reports no nodes")
    return read_nodes(pinned)


async def _asked(request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await read_body(request), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(422, safe(str(error), 200)) from None


def _app(*routes: tuple[str, str, Endpoint]) -> Starlette:
    """With health, and refusals instead of failures."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "healthy"})

    return Starlette(
        routes=[
            Route("/api/health", health),
            *(Route(path, answering(_or_gone(endpoint)), methods=[method]) for method, path, endpoint in routes),
        ]
    )


def _or_gone(endpoint: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except StreamsGone as gone:
            raise Refusal(503, safe(str(gone)), retry_after=5.0) from None

    return answer
