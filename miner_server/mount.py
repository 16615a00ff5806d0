"""Dialects at this miner: what their routes let in, and only through its gates.

The order of the gates is the same for every dialect. A handshake: body, the name in it, allow-list, rate, its turn to
be heard, signature and nonce. A challenge: the name and the key in its headers, allow-list, a key that we hold, rate,
readiness, body, what it proves, which holds once, the queue. Nobody but the holder of a hotkey or of its key uses up a
hotkey's rate, also not with what was recorded of it; and who shares a validator's address cannot keep it from a key:
telling how to get one costs no more than a refusal would, and is never refused.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace
from starlette.routing import Route

from engine.keys import SS58_LENGTH
from engine.transport.desk import Desk
from engine.transport.dialect import EXCHANGE_BYTES, Handshake, Lookup, Question
from engine.transport.errors import Refused, WireError
from engine.transport.timing import INFERENCE, RESPONSE, Timing, with_stages
from engine.transport.wire import Completion
from miner_server.admission import Admission, Gate
from miner_server.answering import Answering
from miner_server.call import Call, Reply
from miner_server.endpoint import Calls, Handler
from miner_server.limits import Limits, Room

HEARING_S = 10.0
"""How long a claim waits to be checked: validators give a handshake 15 s."""


class Mount:
    """One dialect's routes at this miner."""

    def __init__(self, desk: Desk, admission: Admission, answering: Answering, limits: Limits, room: Room) -> None:
        self.desk = desk
        self._admission = admission
        self._answering = answering
        self._limits = limits
        self._room = room

    async def look_up(self, lookup: Lookup, _: Call) -> Reply:
        """For everyone, as often as they like: a refusal would cost as much."""
        return Reply(200, lookup.answer())

    async def handshake(self, handshake: Handshake, call: Call) -> Reply:
        await call.read(limit=EXCHANGE_BYTES, seconds=self._limits.body_s)
        hotkey = self._named(handshake.claimant, "handshake", call)
        self._admission.listed("handshake", call.host, call.route, hotkey)
        self._admission.may("handshake", hotkey)
        await self._hear(call)
        try:
            hotkey = await self.desk.exchange(handshake, call)
        except Refused as refused:
            if refused.status != 503:
                self._admission.unproven(call.host)
            raise
        self._proven("handshake", hotkey, call)
        return Reply(200, handshake.answer)

    async def question(self, question: Question, call: Call) -> Reply:
        hotkey = self._named(question.claimant, "challenge", call)
        self._admission.listed("challenge", call.host, call.route, hotkey)
        self.desk.require_key(question, call, hotkey)
        self._admission.may("challenge", hotkey)
        self._answering.require_ready()
        with self._room.share() as grow:
            await call.read(limit=self._limits.body_bytes, seconds=self._limits.body_s, grow=grow)
            if question.claim is not None:
                await self._hear(call)
            # Once more, so that what is remembered of a hotkey's messages is bounded by its rate.
            self._admission.may("challenge", hotkey)
            try:
                opened = await self.desk.open(question, call, hotkey)
            except Refused as refused:
                if refused.status != 503:
                    self._admission.unproven(call.host)
                raise
            self._proven("challenge", hotkey, call)
        try:
            request = question.read(opened.clear, self._limits.body_bytes)
        except WireError as error:
            raise Refused(413 if error.status == "too_large" else 422, error.reason) from None
        began = time.time()
        completion = await self._answering.answer(request, call)
        if request.timing is not None:
            completion = _timed(completion, request.timing, began, max(began, time.time()))
        body, media, headers = question.respond(call, opened.key, completion)
        return Reply(200, body, media, headers)

    def stranger(self, gate: Gate, call: Call) -> None:
        """A request that names no hotkey is paid by its address. Raises Refused 429."""
        self._admission.stranger(gate, call.host, call.route)

    def _named(self, claimant: Callable[[Call], str], gate: Gate, call: Call) -> str:
        try:
            hotkey = claimant(call)
        except Refused:
            self.stranger(gate, call)
            raise
        call.hotkey = hotkey[:SS58_LENGTH]
        return hotkey

    async def _hear(self, call: Call) -> None:
        """Wait until this claim may be checked; who hangs up meanwhile leaves the line."""
        try:
            async with call.patience(HEARING_S):
                await self._admission.hear(call.host)
        except TimeoutError:
            raise Refused(503, "too many unproven requests: try again shortly") from None

    def _proven(self, gate: Gate, hotkey: str, call: Call) -> None:
        self._admission.proven(call.host)
        call.prove()
        self._admission.spend(gate, hotkey)


class _Way(NamedTuple):
    """One of the routes that share a path."""

    dialect: str
    bears: tuple[bytes, ...]
    handler: Handler


class _Fork:
    """A path that several routes share: each request goes the first way whose headers it bears. A `Handler`."""

    def __init__(self, ways: Sequence[_Way], stranger: Callable[[Gate, Call], None]) -> None:
        self._ways = ways
        self._stranger = stranger

    async def __call__(self, call: Call) -> Reply:
        met = [way for way in self._ways if all(call.header(name) is not None for name in way.bears)]
        if len({way.dialect for way in met}) == 1:
            return await met[0].handler(call)
        self._stranger("challenge", call)
        if not met:
            raise Refused(422, "the headers are those of no dialect that is spoken here")
        raise Refused(400, "the headers are those of two dialects: speak one of them")


def routes_of(mounts: Sequence[Mount], calls: Calls) -> Iterator[Route]:
    """The routes of all mounts; where they share a path, one that looks at the headers.

    Raises ValueError for two routes of one path that cannot be told apart.
    """
    looked: set[str] = set()
    shared: dict[str, list[_Way]] = {}
    for mount in mounts:
        for route in mount.desk.routes:
            match route:
                case Lookup():
                    if route.path in looked:
                        raise ValueError(f"GET {route.path} of {mount.desk.dialect} is another dialect's already")
                    looked.add(route.path)
                    yield Route(route.path, calls.endpoint(route.path, partial(mount.look_up, route)), methods=["GET"])
                case Handshake():
                    way = _Way(mount.desk.dialect, route.bears, partial(mount.handshake, route))
                    shared.setdefault(route.path, []).append(way)
                case Question():
                    way = _Way(mount.desk.dialect, route.bears, partial(mount.question, route))
                    shared.setdefault(route.path, []).append(way)
    for path, ways in shared.items():
        told = {frozenset(way.bears) for way in ways}
        if len(ways) > 1 and (len(told) < len(ways) or frozenset() in told):
            names = " and ".join(way.dialect for way in ways)
            raise ValueError(f"POST {path} of {names} cannot be told apart by their headers")
        handler = ways[0].handler if len(ways) == 1 else _Fork(ways, mounts[0].stranger)
        yield Route(path, calls.endpoint(path, handler), methods=["POST"])


def _timed(completion: Completion, timing: Timing, began: float, ended: float) -> Completion:
    """The answer with the challenge's record, in which it says when it was worked on and when it went out."""
    return replace(
        completion, timing=with_stages(timing, (INFERENCE, began, ended), (RESPONSE, ended, max(ended, time.time())))
    )
