"""The Inference Subnet Template's requests: the sum or product of two whole numbers, and nothing else, in the clear.

A validator signs `miner:validator:time in ns`. The template's own miner verifies that with the miner's key, which never
succeeds; here it is verified with the named sender's key. The signature covers neither route nor body, so a request is
valid for one miner, once, and for 32 s.

Any other question cannot be asked in this dialect, and counts as a failure: otherwise a miner could speak only this one
and skip everything harder. A network of such miners is asked only sums (`--kind arithmetic`, with `probe_share = 1`).
"""

import re
import time
from collections.abc import Callable
from functools import partial

import msgspec
from msgspec import Struct

from engine.keys import SS58_LENGTH, signature_hex
from engine.sums import Operation, read
from engine.transport.description import RouteDoc, integers
from engine.transport.dialect import (
    ChallengeRoute,
    Dialect,
    MinerEnd,
    Probe,
    Received,
    Response,
    Routes,
    SymmetricKey,
    TimedAnswer,
    ValidatorEnd,
    header_of,
    require_headers,
)
from engine.transport.errors import Refusal, WireError, misfit
from engine.transport.exchange import OptionalAvailability, refused
from engine.transport.gate import Claim
from engine.transport.http import HttpReply, within
from engine.transport.wire import Completion, load_json, with_whole
from engine.values import Challenge, Peer, Reply, Request

ADD_PATH = "/api/add"
MULTIPLY_PATH = "/api/multiply"
FORWARD = "/api/forward"
"""The suffix that the template's validator appends to either path."""

MESSAGE_HEADER = "bt_message"
SIGNATURE_HEADER = "bt_signature"
HEADERS = (MESSAGE_HEADER, SIGNATURE_HEADER)
BEARS = (MESSAGE_HEADER.encode(), SIGNATURE_HEADER.encode())

OLDEST_S = 32.0
"""In seconds: how old a signed time may be."""

LONGEST_NONCE = 21
"""In digits; nanoseconds have 19 until the year 2286."""

LARGEST = 10**18
"""Exclusive: `engine.sums` does not read longer numbers."""

MAX_TOKENS = 64
"""A model's room for one number."""

_WHOLE = re.compile(r"-?[0-9]{1,37}\Z")
"""An answer that is the number alone needs no reading, which costs as much as the rest of the request."""


def signed_headers(end: ValidatorEnd, miner: str) -> dict[str, str]:
    """The two headers of a request to `miner`."""
    message = f"{miner}:{end.signer.ss58_address}:{time.time_ns()}"
    return {MESSAGE_HEADER: message, SIGNATURE_HEADER: signature_hex(end.signer, message.encode())}


# -- the validator's end ---------------------------------------------------------------------------------------


class TemplateCaller(OptionalAvailability):
    """Asks miners for sums. A `dialect.Caller`."""

    def __init__(self, end: ValidatorEnd) -> None:
        super().__init__(end.clients)
        self._end = end

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        payload = read(challenge.request.question)
        if payload is None:
            raise WireError("refused", "the template's dialect asks for the sum or product of two whole numbers only")
        path = MULTIPLY_PATH if payload.multiply else ADD_PATH
        body = msgspec.json.encode({"a": payload.a, "b": payload.b})
        headers = {"Content-Type": "application/json", **signed_headers(self._end, peer.hotkey)}
        async with within(timeout):
            reply = await self._clients.post(peer, path, body, headers, max_bytes=max_bytes)
        if not reply.ok:
            raise refused(reply, "challenge")
        text = str(_result(reply.body))
        if on_text is not None:
            on_text(text)
        return TimedAnswer(Completion(text=text), reply.ms)


def _result(body: bytes) -> int:
    result = load_json(body).get("result")
    if not isinstance(result, int) or isinstance(result, bool) or abs(result) >= LARGEST**2:
        raise WireError("malformed", "result is not a whole number of the size that was asked for")
    return result


# -- the miner's end -------------------------------------------------------------------------------------------


class _Sum(Struct):
    a: int
    b: int


class TemplateMiner:
    """The state shared by one miner's routes."""

    def __init__(self, end: MinerEnd) -> None:
        self._hotkey = end.signer.ss58_address

    def claim(self, call: Received) -> Claim:
        message = header_of(call, MESSAGE_HEADER)
        miner, sender, nonce = _parts(message)
        if miner != self._hotkey:
            raise Refusal(401, "the request is signed for another miner")
        if len(nonce) > LONGEST_NONCE or not (nonce.isascii() and nonce.isdigit()):
            raise Refusal(401, "the message does not end with a time in ns")
        return Claim(
            hotkey=sender,
            timestamp=int(nonce) / 1e9,
            nonce=nonce,
            message=message.encode("latin-1"),
            signature=header_of(call, SIGNATURE_HEADER),
        )


def _routes(end: MinerEnd) -> Routes:
    miner = TemplateMiner(end)
    return Routes(
        routes=tuple(
            ChallengeRoute(
                path=path + behind,
                claimant=_claimant,
                claim=miner.claim,
                read=partial(_read, multiply),
                respond=partial(_respond, multiply),
                bears=BEARS,
                doc=RouteDoc(
                    about="The product of two numbers" if multiply else "The sum of two numbers",
                    headers=HEADERS,
                    asks=integers("a", "b"),
                    answers=integers("result"),
                ),
            )
            for path, multiply in ((ADD_PATH, False), (MULTIPLY_PATH, True))
            for behind in ("", FORWARD)
        ),
        window=OLDEST_S,
    )


def _claimant(call: Received) -> str:
    require_headers(call, (MESSAGE_HEADER, SIGNATURE_HEADER))
    return _parts(header_of(call, MESSAGE_HEADER))[1]


def _parts(message: str) -> tuple[str, str, str]:
    """The miner, the validator and the time in a message. Raises Refusal."""
    parts = message.split(":") if len(message) <= 2 * SS58_LENGTH + LONGEST_NONCE + 2 else []
    if len(parts) != 3:
        raise Refusal(401, "the message is not miner:validator:time in ns")
    return parts[0], parts[1], parts[2]


def _payload(multiply: bool, body: bytes, limit: int) -> Operation:
    """Raises WireError."""
    try:
        numbers = msgspec.convert(with_whole(load_json(body, max_bytes=limit), ("a", "b")), _Sum)
    except msgspec.ValidationError as error:
        raise WireError("malformed", misfit(error)) from None
    if max(abs(numbers.a), abs(numbers.b)) >= LARGEST:
        raise WireError("malformed", "a and b may have 18 digits each")
    return Operation(numbers.a, numbers.b, multiply)


def _read(multiply: bool, body: bytes, limit: int) -> Request:
    return Request(prompt=_payload(multiply, body, limit).question, max_tokens=MAX_TOKENS, temperature=0.0)


def _respond(multiply: bool, call: Received, _: SymmetricKey | None, completion: Completion) -> Response:
    """Respond with the whole number in the model's answer."""
    text = completion.text.strip()
    result = int(text) if _WHOLE.match(text) else _in_words(multiply, call, text)
    if result is None:
        raise Refusal(502, "the model gave no whole number")
    return Response(msgspec.json.encode({"result": result}))


def _in_words(multiply: bool, call: Received, text: str) -> int | None:
    from engine.answers.number import Number  # takes a while, and most models give a number

    question = _payload(multiply, call.body, len(call.body)).question
    answer = Number().read(Reply(uid=0, hotkey="", text=text), question)
    try:
        return int(answer.key) if answer is not None else None
    except ValueError:
        return None


def _spoken(reply: HttpReply) -> bool:
    """Whether the reply shows that the route accepts only POST."""
    return reply.status == 405


TEMPLATE = Dialect("template", TemplateCaller, _routes, (Probe(ADD_PATH, _spoken),))
