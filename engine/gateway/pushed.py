"""Challenges that a Challenge API pushes: each becomes a round, whose answers go back in a batch."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from engine.feed import Feed
from engine.gateway.desk import OrganicError, RoutedRequest
from engine.gateway.organic import Organic
from engine.text import safe
from engine.transport.challenge_api import ChallengeApiError
from engine.values import Reply, Request, Round

SERVICE_NAME = "loosh-inference-validator"
"""By this name a Challenge API knows a validator before it pushes anything to it."""

MOST_AT_ONCE = 15
"""Rounds of pushed challenges, as many as Loosh's validator works on."""

MOST_WAITING = 500
MOST_REMEMBERED = 10_000
"""Ids of challenges that were taken, so that none is asked twice."""

ID_WIDTH = 64
"""Characters of a challenge's id in messages."""

SUBJECT = "pushed challenges"


class Repeated(Exception):
    """A challenge with this id was taken before."""


class Full(Exception):
    """Too many challenges wait."""


class Pushed(Struct, frozen=True, kw_only=True):
    """A challenge as Loosh's Challenge API pushes it, and what ours adds to it (`response_format`, `stop`, `seed`);
    fields that are not named here go back as they came."""

    id: Annotated[str, Meta(min_length=1, max_length=256)]
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    model: str | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    response_format: dict[str, Any] | None = None
    stop: str | Annotated[tuple[str, ...], Meta(max_length=16)] | None = None
    seed: int | None = None

    @property
    def request(self) -> Request:
        """What miners are asked, with Loosh's defaults."""
        return Request(
            prompt=self.prompt,
            messages=self.messages or (),
            tools=self.tools or (),
            tool_choice=self.tool_choice,
            model=self.model or "",
            max_tokens=self.max_tokens or 12_288,
            temperature=0.7 if self.temperature is None else self.temperature,
            top_p=0.95 if self.top_p is None else self.top_p,
            response_format=self.response_format,
            stop=(self.stop,) if isinstance(self.stop, str) else self.stop or (),
            seed=self.seed,
        )


def read_pushed(raw: Mapping[str, Any]) -> Pushed:
    """Raises msgspec.ValidationError, also where nothing is asked."""
    pushed = msgspec.convert(raw, Pushed)
    if not (pushed.prompt or pushed.messages):
        raise msgspec.ValidationError("a challenge needs a prompt or messages")
    return pushed


class Sender(Protocol):
    """Where batches go."""

    async def send(self, batch: Mapping[str, object]) -> Literal["taken", "known"]:
        """Raises ChallengeApiError."""


class PushedRounds:
    """Takes challenges, has each asked once, and sends its batch. `hotkey` is the validator's."""

    def __init__(self, organic: Organic, sender: Sender, feed: Feed, hotkey: str) -> None:
        self._organic = organic
        self._sender = sender
        self._feed = feed
        self._hotkey = hotkey
        self._known: OrderedDict[str, None] = OrderedDict()
        self._going: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self.received = 0
        """Challenges that were taken in this run."""

    @property
    def waiting(self) -> int:
        """Challenges that are not answered yet."""
        return len(self._going)

    def take(self, raw: Mapping[str, Any]) -> str:
        """Take a challenge and return its id. Raises Repeated, Full, and msgspec.ValidationError."""
        pushed = read_pushed(raw)
        if pushed.id in self._known:
            raise Repeated(f"challenge {safe(pushed.id, ID_WIDTH)} already exists")
        if self.waiting >= MOST_WAITING:
            raise Full(f"{MOST_WAITING} challenges wait already")
        self._known[pushed.id] = None
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        self.received += 1
        going = asyncio.create_task(self._answer(pushed, raw), name="pushed challenge")
        self._going.add(going)
        going.add_done_callback(self._going.discard)
        return pushed.id

    async def close(self) -> None:
        """Abandon what is not answered."""
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    async def _answer(self, pushed: Pushed, raw: Mapping[str, Any]) -> None:
        named = safe(pushed.id, ID_WIDTH)
        async with self._places:
            try:
                judged, chosen = await self._organic.judged(RoutedRequest("consensus"), pushed.request)
                await self._tried(partial(self._sender.send, batch(pushed.id, judged, chosen, self._hotkey, raw)))
            except OrganicError as error:
                self._feed.raise_attention("warning", SUBJECT, f"{named} is not answered: {error}")
            except ChallengeApiError as error:
                self._feed.raise_attention("warning", SUBJECT, f"the answers to {named} are not delivered: {error}")

    async def _tried(self, send: Callable[[], Awaitable[Literal["taken", "known"]]]) -> None:
        if await send() == "known":
            self._feed.raise_attention("info", SUBJECT, "another validator had answered before")


def batch(
    challenge: str, judged: Round, chosen: Reply | None, hotkey: str, original: Mapping[str, Any]
) -> dict[str, Any]:
    """The answers to a challenge and what they earned, as Loosh's validator submits them."""
    verdicts = judged.judgement.verdicts
    return {
        "challenge_id": challenge,
        "responses": [_response(reply) for reply in judged.replies if reply.status == "ok"],
        "evaluation": {
            "consensus_score": judged.judgement.consensus,
            "emissions": {verdict.hotkey: verdict.emission for verdict in verdicts},
            "best_miner_id": None if chosen is None else chosen.hotkey,
            "heatmap_path": None,
            "narrative": None,
            "sybil_detection": None,
        },
        "validator_hotkey": hotkey,
        "original_request": dict(original),
    }


def _response(reply: Reply) -> dict[str, Any]:
    counted = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {
        "miner_id": reply.hotkey,
        "miner_uid": reply.uid,
        "text": reply.text,
        "tool_calls": list(reply.tool_calls) or None,
        "finish_reason": reply.finish_reason or "stop",
        "response_time_ms": round(reply.ms),
        "usage": {name: reply.usage.get(name, 0) for name in counted},
    }
