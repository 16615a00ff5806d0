"""The miner's description of itself: complete, valid, kept to by the server, and readable without the internet."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok
from starlette.routing import Route
from starlette.types import Message, Scope

from engine.keys import signature_hex
from engine.transport.dialects import btauth
from miner_server import admission, pages
from miner_server.backends.scripted import ScriptedBackend
from miner_server.call import Call
from miner_server.endpoint import _send
from miner_server.openai.admin import KEYS
from miner_server.openai.embeddings import Embedded
from miner_server.server import MinerServer
from miner_server.stream import PIECE_BYTES
from tests.unit.miner_helpers import ALICE, MINER, make_server, running, serving
from tests.unit.openai_helpers import open_miner

CHECKED: Any = [
    check
    for check in CHECKS.get_all()
    if check.__name__
    in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
AnyCase = Case[Any]


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """High enough for a fuzzer."""
    for gate in ("lookup", "handshake", "challenge"):
        monkeypatch.setitem(admission.STRANGER_PER_MINUTE, gate, 100_000)
    monkeypatch.setitem(admission.HOTKEY_PER_MINUTE, "challenge", 100_000)


def url(server: MinerServer) -> str:
    host, port = server.address
    return f"http://{host}:{port}"


async def document(server: MinerServer) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as http:
        described: dict[str, Any] = (await http.get(url(server) + "/openapi.json")).json()
    return described


async def test_every_route_is_described_with_its_dialects_and_the_headers_that_each_needs() -> None:
    async with serving() as server:
        routes = [route for route in server._app.routes if isinstance(route, Route)]
        described = await document(server)
    served = {(route.path, method) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    files = {(f"/docs/{name}", "GET") for name in pages.ASSETS}
    paths = described["paths"]
    assert {(path, method.upper()) for path, methods in paths.items() for method in methods} == served - files
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert all(operation["summary"] and operation["responses"]["200"] for operation in operations)
    sealed = paths["/fiber/challenge"]["post"]
    assert list(sealed["requestBody"]["content"]) == ["application/octet-stream"]
    assert [one["name"] for one in sealed["parameters"] if one["required"]] == [
        "x-fiber-symmetric-key-uuid",
        "x-fiber-validator-hotkey-ss58",
    ]
    shared = paths["/challenge"]["post"]
    assert {"btauth", "fiber"} <= set(shared["tags"])
    assert list(shared["requestBody"]["content"]) == ["application/octet-stream", "application/json"]
    assert not any(one["required"] for one in shared["parameters"])


async def test_the_pages_and_their_files_come_from_here_and_load_nothing_from_elsewhere() -> None:
    async with serving() as server, httpx.AsyncClient(base_url=url(server), trust_env=False) as http:
        for path in ("/docs", "/redoc"):
            page = await http.get(path)
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert "//" not in page.text
            assert "default-src 'self'" in page.headers["content-security-policy"]
            for named in re.findall(r'(?:src|href|url|spec-url)[=:] ?"([^"]+)"', page.text):
                assert (await http.get("/" + named)).status_code == 200, named
        bundle = await http.get("/docs/swagger-ui-bundle.js")
        assert (bundle.headers["content-type"], len(bundle.content) > 1_000_000) == (
            "text/javascript; charset=utf-8",
            True,
        )
        assert (await http.get("/docs/..%2fapp.py")).status_code == 404


async def test_without_the_package_the_document_is_there_and_its_files_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "_folder", lambda: None)
    pages.asset.cache_clear()  # what other tests have read
    async with serving() as server, httpx.AsyncClient(base_url=url(server), trust_env=False) as http:
        missing = await http.get("/docs/swagger-ui.css")
        assert (missing.status_code, "fastapi-offline: install it" in missing.json()["detail"]) == (404, True)
        assert (await http.get("/openapi.json")).status_code == 200


def fuzz(address: str, *labels: str, examples: int, change: Callable[[AnyCase], bool]) -> dict[str, Counter[int]]:
    """Call the operations with these labels, or all, as the description allows; how often each status came, by label.

    `change` alters a case, and says whether it is to be sent.
    """
    schema = schemathesis.openapi.from_url(address + "/openapi.json")
    schema.validate()
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    with requests.Session() as session:
        return {
            operation.label: _fuzz(operation, session, examples, change)
            for operation in operations
            if not labels or operation.label in labels
        }


def _fuzz(operation: Any, session: requests.Session, examples: int, change: Callable[[AnyCase], bool]) -> Counter[int]:
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: AnyCase) -> None:
        if change(case):
            answer = case.call(session=session, timeout=20)
            case.validate_response(answer, checks=CHECKED)
            statuses[answer.status_code] += 1

    call()
    return statuses


async def test_the_server_keeps_to_its_description_on_every_route_whoever_calls() -> None:
    async with running(make_server(unproven=True)) as server:
        described = await document(server)
        statuses = await asyncio.to_thread(fuzz, url(server), examples=3, change=lambda _: True)
    operations = {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}
    assert set(statuses) == operations - {"GET /openapi.json"}, "all but what schemathesis has read them from"
    assert all(came and set(came) <= {200, 400, 401, 403, 413, 422} for came in statuses.values()), statuses
    everyone = [label for label, came in statuses.items() if set(came) == {200}]
    assert {"GET /health", "GET /own/key", "GET /redoc"} <= set(everyone) != operations


def signed(case: AnyCase) -> bool:
    """As btauth/1 by Alice, so that the fuzzer's bodies reach what reads them."""
    if not isinstance(case.body, dict):
        return False
    raw, nonce = msgspec.json.encode(case.body), str(time.time_ns())
    message = btauth.signed_lines("POST", case.path, raw, nonce, ALICE.ss58_address, MINER.ss58_address)
    case.body, case.media_type = raw, "application/json"
    case.headers.clear()
    case.headers.update(
        {
            btauth.VERSION_HEADER: "1",
            btauth.HOTKEY_HEADER: ALICE.ss58_address,
            btauth.RECEIVER_HEADER: MINER.ss58_address,
            btauth.NONCE_HEADER: nonce,
            btauth.SIGNATURE_HEADER: signature_hex(ALICE, message),
        }
    )
    return True


async def test_what_the_description_allows_a_validator_to_ask_is_answered() -> None:
    async with serving() as server:
        labels = "POST /challenge", "POST /challenge/stream"
        statuses = await asyncio.to_thread(fuzz, url(server), *labels, examples=30, change=signed)
    assert all(set(came) == {200} and came[200] > 3 for came in statuses.values()), statuses


class Lengths:
    """An embedder of one dimension."""

    name = "lengths"

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return Embedded([[float(len(text))] for text in texts])


CHAT: dict[str, Any] = {"model": ScriptedBackend.model, "messages": [{"role": "user", "content": "What is 1 plus 1?"}]}
TEXTS: dict[str, Any] = {"model": Lengths.name, "input": "Which?"}


async def test_what_the_description_allows_the_bearer_of_a_key_is_answered_or_refused_as_described(
    tmp_path: Path,
) -> None:
    def bear(case: AnyCase) -> bool:
        case.headers["Authorization"] = f"Bearer {miner.key}"
        if isinstance(case.body, dict):  # else nothing is found out but that there is no such model, or no text
            case.body |= CHAT if "messages" in case.body else TEXTS
        return True

    async with open_miner(ScriptedBackend(), tmp_path, embedder=Lengths()) as miner:
        paths = (await document(miner.server))["paths"]
        open_to_all = [path for path in paths if path.startswith("/v1/") and not path.startswith(KEYS)]
        labels = [f"{method.upper()} {path}" for path in open_to_all for method in paths[path]]
        statuses = await asyncio.to_thread(fuzz, url(miner.server), *labels, examples=4, change=bear)
    assert set(statuses) == set(labels) and len(labels) == 4
    assert all(came and set(came) <= {200, 400, 404} for came in statuses.values()), statuses
    assert all(200 in statuses[label] for label in labels if "{" not in label), statuses


async def test_a_parameter_that_the_description_does_not_know_is_refused(tmp_path: Path) -> None:
    async with open_miner(ScriptedBackend(), tmp_path) as miner, httpx.AsyncClient(trust_env=False) as http:
        body = (await document(miner.server))["components"]["schemas"]["ChatBody"]
        bearer = {"Authorization": f"Bearer {miner.key}"}
        seen = [
            (name in body["properties"], (await http.post(f"{miner.url}/chat/completions", json=asked, headers=bearer)))
            for name, asked in ((name, {**CHAT, name: False}) for name in ("user", "store", "logprobs", "best_of"))
        ]
    assert body["additionalProperties"] is False
    assert [(known, got.status_code) for known, got in seen] == [(True, 200)] * 3 + [(False, 400)]


async def test_a_page_that_nobody_reads_holds_no_more_than_a_piece_of_it() -> None:
    written: list[int] = []

    async def send(message: Message) -> None:
        written.append(len(message.get("body", b"")))

    scope: Scope = {"type": "http", "headers": [], "client": ("127.0.0.1", 1)}
    whole = pages.asset("redoc.standalone.js")
    await _send(Call("/docs/redoc.standalone.js", scope, receive_nothing), whole, send)
    assert sum(written) == len(whole.body) > PIECE_BYTES >= max(written)


async def receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
