"""The Challenge API's client against a real local server that checks what Loosh's would."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from substrateinterface import Keypair

from console.roles.active_hotkeys import SUBJECT, ActiveHotkeys
from engine.feed import Feed
from engine.transport import challenge_api
from engine.transport.challenge_api import ChallengeApi, ChallengeApiError, signed_headers
from miner_server.allowlist import AllowList
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER
from tests.unit.tui_helpers import snapshot

LISTED = [
    {"hotkey_ss58": ALICE.ss58_address, "status": "active", "ip": "203.0.113.5"},
    {"hotkey_ss58": EVE.ss58_address, "status": "inactive", "ip": None},
    BOB.ss58_address,
]


def proven(headers: Mapping[str, str], body: bytes) -> bool:
    """HKSIG as the facts have it, verified with the field's own library."""
    nonce, hotkey = headers["x-nonce"], headers["x-hotkey"]
    said = f"{nonce}:{hotkey}:{hashlib.sha256(body).hexdigest()}" if body else f"{nonce}:{hotkey}"
    return abs(time.time() - float(nonce)) < 60 and Keypair(hotkey).verify(said, headers["x-signature"])


class Api:
    """Answers what it is told to, to those that prove themselves."""

    def __init__(self) -> None:
        self.answer: Response = JSONResponse(LISTED)
        self.keys: list[str | None] = []
        self.port = 0

    async def active(self, request: Request) -> Response:
        if not proven(request.headers, await request.body()):
            return JSONResponse({"detail": "Invalid signature"}, 401)
        self.keys.append(request.headers.get("x-api-key"))
        return self.answer

    def client(self, key: str = "") -> ChallengeApi:
        return ChallengeApi(f"http://127.0.0.1:{self.port}/", MINER, key=key)


@asynccontextmanager
async def an_api() -> AsyncIterator[Api]:
    api = Api()
    app = Starlette(routes=[Route("/validators/active-hotkeys", api.active)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    api.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield api
    finally:
        server.should_exit = True
        await serving


async def test_the_active_hotkeys_are_read_in_both_forms_with_what_is_said_of_them() -> None:
    async with an_api() as api:
        assert await api.client("a-key").active_hotkeys() == {
            ALICE.ss58_address: "active",
            EVE.ss58_address: "inactive",
            BOB.ss58_address: "",
        }
        await api.client().active_hotkeys()
    assert api.keys == ["a-key", None]


def test_a_body_is_signed_too() -> None:
    body = json.dumps({"miner_hotkeys": []}).encode()
    headers = {name.lower(): value for name, value in signed_headers(MINER, body).items()}
    assert proven(headers, body)
    assert not proven(headers, body + b" ")


@pytest.mark.parametrize("listed", [["5Eve", 7, None, {"hotkey_ss58": 3}, {"status": "active"}, [[]]], []])
async def test_an_invalid_hotkey_is_left_out(listed: list[Any]) -> None:
    async with an_api() as api:
        api.answer = JSONResponse(listed)
        assert await api.client().active_hotkeys() == {}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (JSONResponse({"hotkeys": []}), "a list of hotkeys was expected, not dict"),
        (Response("<html>"), "the answer is not JSON"),
        (JSONResponse({"detail": "Validator list not ready\x1b[2J"}, 503), r"503: Validator list not ready␛\[2J"),
        (Response(status_code=302, headers={"location": "http://169.254.169.254/"}), "302"),
        (Response(b"[" + b" " * (challenge_api.MOST_BYTES + 1)), "longer than 4194304 bytes"),
    ],
)
async def test_what_cannot_be_used_is_said_in_a_line(answer: Response, why: str) -> None:
    async with an_api() as api:
        api.answer = answer
        with pytest.raises(ChallengeApiError, match=why):
            await api.client().active_hotkeys()


async def test_an_api_that_hangs_or_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge_api, "REPLY_S", 0.1)

    async def keep_silent(*_: object) -> None:
        await asyncio.Event().wait()

    silent = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(ChallengeApiError, match=r"no answer within 0\.1 s|[Tt]imeout"):
        await ChallengeApi(f"http://127.0.0.1:{port}", MINER).active_hotkeys()
    silent.close()
    for url in ("http://127.0.0.1:1", "http://[", "http://127.0.0.1:99999"):
        with pytest.raises(ChallengeApiError):
            await ChallengeApi(url, MINER).active_hotkeys()


async def test_the_miner_keeps_the_last_list_and_tells_while_it_can_get_no_newer_one() -> None:
    allow, feed = AllowList(), Feed(snapshot())
    async with an_api() as api:
        service = ActiveHotkeys(api.client(), allow, feed, refresh_s=0.01, again_s=0.01)
        task = asyncio.create_task(service.run(lambda: None))
        await until(lambda: allow.refusal(ALICE.ss58_address) is None)
        assert allow.refusal(BOB.ss58_address) is None
        assert "lists this hotkey as 'inactive'" in (allow.refusal(EVE.ss58_address) or "")
        api.answer = JSONResponse({"detail": "later"}, 503)
        await until(lambda: any(one.subject == SUBJECT for one in feed.attention))
        assert "503: later" in feed.attention[-1].text
        assert allow.refusal(ALICE.ss58_address) is None
        api.answer = JSONResponse([BOB.ss58_address])
        await until(lambda: allow.refusal(ALICE.ss58_address) is not None)
        await until(lambda: not feed.attention)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("url", ["http://[::1", "https:///listed?token=secret"])
def test_an_api_whose_url_has_no_host_is_not_named_by_what_may_be_a_secret(url: str) -> None:
    assert ChallengeApi(url, ALICE).name == "the Challenge API"
