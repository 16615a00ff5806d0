"""Dialects mounted at this miner: their routes behind its gates.

The gates have the same order in every dialect. A handshake: body, the hotkey that it names, allow-list, rate, its turn
to be heard, signature, nonce. A challenge: hotkey and key in its headers, allow-list, a key that we hold, rate, quota,
readiness, room in the queue, body, its proof, which is valid only once, the queue itself. So whoever comes to a full
queue costs no signature, leaves no nonce and uses up none of its rate and quota. A call's `gate` is the last gate that
it has reached, and is recorded with a refusal. Only the holder of a hotkey or of its key uses up the hotkey's rate;
replays do not. Nor can a neighbour at a validator's address keep it from getting a key: telling a caller how to get one
is as cheap as a refusal, and is never refused.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace
from starlette.routing import Route

from engine.keys import SS58_LENGTH
from engine.transport.desk import Desk
from engine.transport.dialect import (
    EXCHANGE_BYTES,
    AnswerStream,
    AnyRoute,
    ChallengeRoute,
    HandshakeRoute,
    LookupRoute,
    QuestionRoute,
    Response,
    StatusRoute,
    StreamedRoute,
    UnprovenRoute,
)
from engine.transport.errors import Refusal, WireError
from engine.transport.timing import INFERENCE, RESPONSE, Timing, with_stages
from engine.transport.wire import Completion
from miner_server.admission import Admission, Gate
from miner_server.answering import Answering
from miner_server.backends.interface import OnText
from miner_server.call import Call, json_response
from miner_server.endpoint import Calls, Handler
from miner_server.errors import ClientGone
from miner_server.limits import Limits, Room
from miner_server.quotas import Quotas
from miner_server.stream import ReplyStream

HEARING_S = 10.0
"""How long a claim may wait to be checked: validators allow 15 s for a handshake."""


class Mount:
    """One dialect's routes at this miner."""

    def __init__(
        self, desk: Desk, admission: Admission, quotas: Quotas, answering: Answering, limits: Limits, room: Room
    ) -> None:
        self.desk = desk
        self._admission = admission
        self._quotas = quotas
        self._answering = answering
        self._limits = limits
        self._room = room

    def handler(self, route: AnyRoute) -> Handler:
        """The handler of one of this dialect's routes."""
        match route:
            case LookupRoute():
                return partial(self.look_up, route)
            case HandshakeRoute():
                return partial(self.handshake, route)
            case ChallengeRoute() | StreamedRoute():
                return partial(self.challenge, route)
            case StatusRoute():
                return partial(self.status, route)
            case UnprovenRoute():
                return partial(self.unproven, route)

    async def look_up(self, route: LookupRoute, _: Call) -> Response:
        """Serve anyone, without a limit: a refusal would cost as much."""
        return Response(route.answer())

    async def handshake(self, route: HandshakeRoute, call: Call) -> Response:
        """Take a key from a caller that proves itself. Raises Refusal."""
        call.dialect, call.gate = self.desk.dialect, "body"
        await call.read(limit=EXCHANGE_BYTES, seconds=self._limits.body_s)
        hotkey = self._named(route.claimant, "handshake", call)
        self._listed("handshake", hotkey, call)
        self._admission.may("handshake", hotkey)
        await self._hear(call)
        call.gate = "proof"
        try:
            hotkey = await self.desk.exchange(route, call)
        except Refusal as refused:
            if refused.status != 503:
                self._admission.unproven(call.host)
            raise
        self._proven("handshake", hotkey, call)
        return Response(route.answer)

    async def challenge(self, route: ChallengeRoute | StreamedRoute, call: Call) -> Response:
        """Answer a challenge of a caller that proves itself. Raises Refusal."""
        call.dialect = self.desk.dialect
        hotkey = self._named(route.claimant, "challenge", call)
        self._listed("challenge", hotkey, call)
        call.gate = "key"
        self.desk.require_key(route, call, hotkey)
        self._admission.may("challenge", hotkey)
        call.gate = "quota"
        self._quotas.may(hotkey)
        self._answering.require_ready()
        self._answering.require_room(hotkey)
        call.gate = "body"
        with self._room.share() as grow:
            await call.read(limit=self._limits.body_bytes, seconds=self._limits.body_s, grow=grow)
            if route.claim is not None:
                await self._hear(call)
            # Check again, since other requests may have arrived: the rate bounds what is remembered about a hotkey.
            self._admission.may("challenge", hotkey)
            call.gate = "proof"
            try:
                opened = await self.desk.open(route, call, hotkey)
            except Refusal as refused:
                if refused.status != 503:
                    self._admission.unproven(call.host)
                raise
            self._proven("challenge", hotkey, call)
            call.gate = "quota"
            self._quotas.consume(hotkey)
        if isinstance(route, ChallengeRoute):
            return route.respond(call, opened.key, await self._answer(route, opened.clear, call))
        told = _Told(route.stream(call, opened.key), call.stream)
        completion = await self._answer(route, opened.clear, call, told.add)
        if call.stream is not None and call.stream.is_given_up:
            raise ClientGone("the caller read its answer too slowly")
        return told.end(completion)

    async def unproven(self, route: UnprovenRoute, call: Call) -> Response:
        """A challenge that anyone may have sent: charged to its address, like a stranger's."""
        call.dialect = self.desk.dialect
        hotkey = self._named(route.claimant, "challenge", call)
        self._listed("challenge", hotkey, call)
        self.stranger("challenge", call)
        self._answering.require_ready()
        call.gate = "body"
        with self._room.share() as grow:
            await call.read(limit=self._limits.body_bytes, seconds=self._limits.body_s, grow=grow)
        return route.respond(call, None, await self._answer(route, call.body, call))

    async def status(self, route: StatusRoute, call: Call) -> Response:
        """What a validator needs to know before it asks; shares the rate of challenges."""
        call.dialect = self.desk.dialect
        hotkey = self._named(route.claimant, "challenge", call)
        self._listed("challenge", hotkey, call)
        self._admission.may("challenge", hotkey)
        await self._hear(call)
        call.gate = "proof"
        try:
            await self.desk.admit(route, call, hotkey)
        except Refusal as refused:
            if refused.status != 503:
                self._admission.unproven(call.host)
            raise
        self._proven("challenge", hotkey, call)
        return json_response(self._answering.status())

    async def _answer(
        self,
        route: QuestionRoute | UnprovenRoute,
        clear: bytes,
        call: Call,
        on_text: OnText | None = None,
    ) -> Completion:
        call.gate = "content"
        try:
            request = route.read(clear, self._limits.body_bytes)
        except WireError as error:
            raise Refusal(413 if error.status == "too_large" else 422, error.reason) from None
        call.gate = "backend"
        began = time.time()
        completion = await self._answering.answer(request, call, on_text=on_text)
        if request.timing is not None:
            completion = _timed(completion, request.timing, began, max(began, time.time()))
        return completion

    def stranger(self, gate: Gate, call: Call) -> None:
        """Charge a request that names no hotkey to its address. Raises Refusal 429."""
        self._admission.stranger(gate, call.host, call.route)

    def _named(self, claimant: Callable[[Call], str], gate: Gate, call: Call) -> str:
        call.gate = "headers"
        try:
            hotkey = claimant(call)
        except Refusal:
            self.stranger(gate, call)
            raise
        call.hotkey = hotkey[:SS58_LENGTH]
        return hotkey

    def _listed(self, gate: Gate, hotkey: str, call: Call) -> None:
        call.gate = "allow-list"
        self._admission.listed(gate, call.host, call.route, hotkey)

    async def _hear(self, call: Call) -> None:
        """Wait until this claim may be checked; a caller that hangs up leaves the line."""
        call.gate = "line"
        if self._admission.is_heard(call.host):
            return
        try:
            with call.patience(HEARING_S):
                await self._admission.hear(call.host)
        except TimeoutError:
            raise Refusal(503, "too many unproven requests: try again shortly") from None

    def _proven(self, gate: Gate, hotkey: str, call: Call) -> None:
        self._admission.proven(call.host)
        call.prove()
        self._admission.spend(gate, hotkey)


class _Way(NamedTuple):
    """One of several routes that share a path."""

    dialect: str
    bears: tuple[bytes, ...]
    handler: Handler


class _Fork:
    """A path shared by several routes: a request goes to the first one whose headers it has. A `Handler`."""

    def __init__(self, ways: Sequence[_Way], stranger: Callable[[Gate, Call], None]) -> None:
        self._ways = ways
        self._stranger = stranger

    async def __call__(self, call: Call) -> Response:
        call.gate = "dialect"
        met = [way for way in self._ways if all(call.header(name) is not None for name in way.bears)]
        if len({way.dialect for way in met}) == 1:
            return await met[0].handler(call)
        self._stranger("challenge", call)
        if not met:
            raise Refusal(422, "the headers match none of the dialects spoken here")
        raise Refusal(400, "the headers match more than one dialect: use one")


def routes_of(mounts: Sequence[Mount], calls: Calls) -> Iterator[Route]:
    """The routes of all mounts; if they share a path, the headers decide.

    Raises ValueError for routes on one path that cannot be told apart.
    """
    shared: dict[tuple[str, str], list[_Way]] = {}
    for mount in mounts:
        for route in mount.desk.routes:
            way = _Way(mount.desk.dialect, route.bears, mount.handler(route))
            shared.setdefault((route.method, route.path), []).append(way)
    for (method, path), ways in shared.items():
        told = {frozenset(way.bears) for way in ways}
        if len(ways) > 1 and (len(told) < len(ways) or frozenset() in told):
            names = " and ".join(way.dialect for way in ways)
            raise ValueError(f"{method} {path} of {names} cannot be told apart by their headers")
        handler = ways[0].handler if len(ways) == 1 else _Fork(ways, mounts[0].stranger)
        yield Route(path, calls.endpoint(path, handler), methods=[method])


class _Told:
    """An answer that a caller is told while it is being given. Without an `out` it is told all of it at the end."""

    def __init__(self, writer: AnswerStream, out: ReplyStream | None) -> None:
        self._writer = writer
        self._out = out
        self._characters = 0

    def add(self, text: str, _logprobs: Sequence[dict[str, Any]] = (), /) -> None:
        """The log probabilities come with the end: the dialects' events have no room for them."""
        if self._out is not None:
            self._out.put(self._writer.piece(text), self._writer.media)
            self._characters += len(text)

    def end(self, completion: Completion) -> Response:
        rest = replace(completion, text=completion.text[self._characters :])
        return Response(self._writer.end(rest), self._writer.media)


def _timed(completion: Completion, timing: Timing, began: float, ended: float) -> Completion:
    """The answer with the challenge's timing record, extended by the miner's two stages."""
    return replace(
        completion, timing=with_stages(timing, (INFERENCE, began, ended), (RESPONSE, ended, max(ended, time.time())))
    )
