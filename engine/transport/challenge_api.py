"""A client for Challenge APIs: plain JSON over HTTP, each request signed by the caller's hotkey.

Loosh's scheme: X-Signature signs `nonce:hotkey:sha256 of the body`, without the last part if there is no body, and the
nonce is the unix time in seconds. If there is an API key, it is sent as well.
"""

import asyncio
import time
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from engine import foreign_json
from engine.foreign_json import fields
from engine.keys import Signer, is_address, signature_hex
from engine.text import safe
from engine.transport.gate import Claim

ACTIVE_HOTKEYS_PATH = "/validators/active-hotkeys"

OK = 200

REPLY_S = 10.0
"""Loosh's miner waits as long."""

MOST_BYTES = 4 * 1024 * 1024
"""Enough for 10,000 hotkeys of 400 bytes each; a subnet has at most 256."""

NONCE_WIDTH = 32
"""Unix seconds with microseconds take 18 characters."""

REASON_WIDTH = 160
"""Characters kept of what the Challenge API says of a failure."""


class ChallengeApiError(Exception):
    """The API gave no usable answer; the message says why."""


def signed_headers(signer: Signer, body: bytes = b"") -> dict[str, str]:
    """The headers that prove that the hotkey is sending this body now."""
    nonce, hotkey = repr(time.time()), signer.ss58_address
    message = ":".join((nonce, hotkey, sha256(body).hexdigest()) if body else (nonce, hotkey))
    return {"X-Hotkey": hotkey, "X-Nonce": nonce, "X-Signature": signature_hex(signer, message.encode())}


def signed_claim(headers: Mapping[str, str], body: bytes = b"") -> Claim:
    """What such headers claim, at the called end. Raises ValueError for a nonce that is no time."""
    nonce, hotkey = headers.get("x-nonce", ""), headers.get("x-hotkey", "")
    message = ":".join((nonce, hotkey, sha256(body).hexdigest()) if body else (nonce, hotkey))
    return Claim(
        hotkey=hotkey,
        timestamp=float(nonce[:NONCE_WIDTH]),
        nonce=nonce,
        message=message.encode(errors="surrogateescape"),
        signature=headers.get("x-signature", ""),
    )


class ChallengeApi:
    """One Challenge API at the base `url`, called as `signer`. Follows no redirects and keeps nothing between calls."""

    def __init__(self, url: str, signer: Signer, *, key: str = "") -> None:
        self._url = url.rstrip("/")
        self._signer = signer
        self._key = key

    @property
    def name(self) -> str:
        """Its host, without any secret in the URL."""
        try:
            host = urlsplit(self._url).hostname
        except ValueError:
            host = None
        return safe(host or "the Challenge API", REASON_WIDTH)

    async def active_hotkeys(self) -> dict[str, str]:
        """The status of each validator that it lists; "" if it gives none. Raises ChallengeApiError."""
        headers = signed_headers(self._signer) | ({"X-API-Key": self._key} if self._key else {})
        status, body = await fetch("GET", self._url + ACTIVE_HOTKEYS_PATH, headers)
        if status != OK:
            raise ChallengeApiError(f"{status}{told_by(body)}")
        return statuses(body)


async def fetch(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
    """The status and the body of what a Challenge API answers. Raises ChallengeApiError."""
    import httpx

    try:
        _ = urlsplit(url).port  # raises ValueError for an impossible port, which httpx does not notice
        async with (
            asyncio.timeout(REPLY_S),
            httpx.AsyncClient(verify=url.startswith("https:"), trust_env=False, timeout=REPLY_S) as http,
            http.stream(method, url, headers=headers, content=body or None) as reply,
        ):
            read = bytearray()
            async for piece in reply.aiter_bytes():
                read += piece
                if len(read) > MOST_BYTES:
                    raise ChallengeApiError(f"the answer is longer than {MOST_BYTES} bytes")
    except TimeoutError:
        raise ChallengeApiError(f"no answer within {REPLY_S:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ChallengeApiError(safe(str(error) or type(error).__name__, REASON_WIDTH)) from None
    return reply.status_code, bytes(read)


def statuses(body: bytes) -> dict[str, str]:
    """The status of each hotkey in a list of them. Raises ChallengeApiError.

    An entry is an object with `hotkey_ss58` and `status`, or just the hotkey; anything else is ignored.
    """
    try:
        listed = foreign_json.read(body)
    except ValueError:
        raise ChallengeApiError("the answer is not JSON") from None
    if not isinstance(listed, list):
        raise ChallengeApiError(f"a list of hotkeys was expected, not {type(listed).__name__}")
    named = [(entry, "") if isinstance(entry, str) else _status(fields(entry)) for entry in listed]
    return {hotkey: status for hotkey, status in named if is_address(hotkey)}


def _status(entry: dict[str, object]) -> tuple[str, str]:
    hotkey, status = entry.get("hotkey_ss58"), entry.get("status")
    return (hotkey if isinstance(hotkey, str) else ""), "" if status is None else str(status)


def told_by(body: bytes) -> str:
    """The API's own words for a refusal, behind a colon; "" without any."""
    try:
        detail = fields(foreign_json.read(body)).get("detail")
    except ValueError:
        return ""
    return f": {safe(detail, REASON_WIDTH)}" if isinstance(detail, str) else ""
