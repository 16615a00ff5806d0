"""btauth/1, the signed HTTP requests of Bittensor's SDK since version 11 (bittensor.http_auth): all in the clear.

A validator signs eight lines: the protocol, the scheme, the method, the path with its query, the SHA-256 of the body,
a nonce, its own hotkey and the miner's. The nonce is the unix time in ns and at most 10 s old. So a request is valid
for one miner, one route and one body, once. The SDK knows other schemes; this miner accepts sr25519, the default.
"""

import time
from collections.abc import Callable
from hashlib import sha256

from engine.keys import signature_hex
from engine.transport.clear import AnswerEvents, answered_clear
from engine.transport.description import CHALLENGE, RouteDoc
from engine.transport.dialect import (
    Dialect,
    MinerEnd,
    Probe,
    QuestionRoute,
    Received,
    Routes,
    StatusRoute,
    TimedAnswer,
    ValidatorEnd,
    header_of,
    require_headers,
)
from engine.transport.errors import Refusal
from engine.transport.exchange import OptionalAvailability, refused
from engine.transport.gate import Claim
from engine.transport.http import HttpReply, within
from engine.transport.wire import challenge_json, read_completion
from engine.values import Challenge, Peer

CHALLENGE_PATH = "/challenge"
STREAM_PATH = "/challenge/stream"
STATUS_PATH = "/status"

VERSION_HEADER = "x-bittensor-version"
HOTKEY_HEADER = "x-bittensor-hotkey"
RECEIVER_HEADER = "x-bittensor-receiver"
NONCE_HEADER = "x-bittensor-nonce"
CRYPTO_HEADER = "x-bittensor-crypto"
SIGNATURE_HEADER = "x-bittensor-signature"
REQUIRED = (VERSION_HEADER, HOTKEY_HEADER, RECEIVER_HEADER, NONCE_HEADER, SIGNATURE_HEADER)

PROTOCOL = "btauth/1"
VERSION = "1"
SCHEME = "sr25519"
SCHEME_NUMBER = "1"
"""The SDK takes either for the same."""

OLDEST_S = 10.0
AHEAD_S = 2.0
"""The SDK's defaults: it refuses requests that are older, or further ahead of its clock."""

LONGEST_NONCE = 21
"""In digits; nanoseconds have 19 until the year 2286."""


def signed_lines(method: str, target: str, body: bytes, nonce: str, sender: str, receiver: str) -> bytes:
    """The text to sign. `target` is the path with its query, as sent."""
    lines = (PROTOCOL, SCHEME, method, target, sha256(body).hexdigest(), nonce, sender, receiver)
    return "\n".join(lines).encode()


# -- the validator's end ---------------------------------------------------------------------------------------


class BtauthCaller(OptionalAvailability):
    """Asks miners with requests signed for them. A `dialect.Caller`."""

    def __init__(self, end: ValidatorEnd) -> None:
        super().__init__(end.clients)
        self._signer = end.signer

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        body = challenge_json(challenge)
        events = AnswerEvents(on_text) if on_text is not None else None
        path = CHALLENGE_PATH if events is None else STREAM_PATH
        headers = {"Content-Type": "application/json", **self._headers(peer, path, body)}
        async with within(timeout):
            reply = await self._clients.post(
                peer, path, body, headers, max_bytes=max_bytes, on_piece=None if events is None else events.feed
            )
        if not reply.ok:
            raise refused(reply, "challenge")
        return TimedAnswer(read_completion(reply.body) if events is None else events.completion(), reply.ms)

    def _headers(self, peer: Peer, path: str, body: bytes) -> dict[str, str]:
        nonce, sender = str(time.time_ns()), self._signer.ss58_address
        return {
            VERSION_HEADER: VERSION,
            HOTKEY_HEADER: sender,
            RECEIVER_HEADER: peer.hotkey,
            NONCE_HEADER: nonce,
            SIGNATURE_HEADER: signature_hex(self._signer, signed_lines("POST", path, body, nonce, sender, peer.hotkey)),
        }


# -- the miner's end -------------------------------------------------------------------------------------------


class BtauthMiner:
    """The state shared by one miner's routes."""

    def __init__(self, end: MinerEnd) -> None:
        self._hotkey = end.signer.ss58_address

    def post_claim(self, call: Received) -> Claim:
        return self._claim("POST", call)

    def get_claim(self, call: Received) -> Claim:
        return self._claim("GET", call)

    def _claim(self, method: str, call: Received) -> Claim:
        if header_of(call, VERSION_HEADER) != VERSION:
            raise Refusal(401, f"{VERSION_HEADER} is not {VERSION}")
        if (call.header(CRYPTO_HEADER.encode()) or SCHEME).strip().lower() not in (SCHEME, SCHEME_NUMBER):
            raise Refusal(401, f"{CRYPTO_HEADER} is not {SCHEME}")
        if header_of(call, RECEIVER_HEADER) != self._hotkey:
            raise Refusal(401, "the request is signed for another miner")
        nonce, sender, signature = (header_of(call, name) for name in (NONCE_HEADER, HOTKEY_HEADER, SIGNATURE_HEADER))
        if len(nonce) > LONGEST_NONCE or not (nonce.isascii() and nonce.isdigit()):
            raise Refusal(401, f"{NONCE_HEADER} is not a time in ns")
        return Claim(
            hotkey=sender,
            timestamp=int(nonce) / 1e9,
            nonce=nonce,
            message=signed_lines(method, call.target, call.body, nonce, sender, self._hotkey),
            signature="0x" + signature.removeprefix("0x"),
        )


def _routes(end: MinerEnd) -> Routes:
    miner = BtauthMiner(end)
    bears = (SIGNATURE_HEADER.encode(),)
    return Routes(
        routes=(
            *answered_clear(
                QuestionRoute(
                    path=CHALLENGE_PATH,
                    claimant=_claimant,
                    claim=miner.post_claim,
                    bears=bears,
                    doc=RouteDoc(
                        about="A challenge that is signed, and its answer in the clear",
                        headers=REQUIRED,
                        asks=CHALLENGE,
                    ),
                ),
                STREAM_PATH,
            ),
            StatusRoute(
                path=STATUS_PATH,
                claimant=_claimant,
                claim=miner.get_claim,
                bears=bears,
                doc=RouteDoc(about="What this miner says of itself", headers=REQUIRED),
            ),
        ),
        window=OLDEST_S,
        ahead=AHEAD_S,
    )


def _claimant(call: Received) -> str:
    require_headers(call, REQUIRED)
    return header_of(call, HOTKEY_HEADER)


def _spoken(reply: HttpReply) -> bool:
    """Whether the reply asks for this dialect's headers."""
    return reply.status in (401, 403, 422)


BTAUTH = Dialect(
    "btauth", BtauthCaller, _routes, (Probe(STATUS_PATH, _spoken), Probe(CHALLENGE_PATH, _spoken, bare=True))
)
"""A neuron of the SDK need not have our status route; Fiber's server has been tried before on its challenge route."""
