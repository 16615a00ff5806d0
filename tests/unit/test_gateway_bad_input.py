"""Whatever users, their keys or miners do wrong is told in OpenAI's form, and nothing is lost or charged for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from engine.api_keys import KeyLimits, revoke_key
from engine.store.store import Store
from engine.transport.dialect import Availability
from engine.transport.errors import WireError
from tests.unit.engine_helpers import until
from tests.unit.gateway_helpers import MESSAGES, Gateway, an_open_gateway, asked
from tests.unit.test_validator import MINERS, store

__all__ = ["store"]

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}]


def _nobody(gateway: Gateway) -> None:
    for hotkey in MINERS:
        gateway.bench.selection.note(hotkey, Availability(False, "asleep"))


def _all_fail(gateway: Gateway) -> None:
    gateway.caller.answers = dict.fromkeys(MINERS, WireError("malformed", "no JSON"))


def _all_say(text: str) -> Callable[[Gateway], None]:
    def prepare(gateway: Gateway) -> None:
        gateway.caller.answers = dict.fromkeys(MINERS, text)

    return prepare


def _nothing(_: Gateway) -> None: ...


CASES: dict[str, tuple[Callable[[Gateway], None], dict[str, Any], int, str]] = {
    "no miner": (_nobody, {}, 503, ""),
    "all fail": (_all_fail, {}, 502, "no miner gave a well-formed answer"),
    "all say nothing": (_all_say(" \n"), {}, 502, "no miner gave a well-formed answer"),
    "no JSON": (_all_say("Sure!"), {"response_format": {"type": "json_object"}}, 502, "well-formed"),
    "no call": (_all_say("Sure!"), {"tools": [TOOL], "tool_choice": "required"}, 502, "well-formed"),
    "too long": (_nothing, {"messages": [{"role": "user", "content": "x" * 100_000}]}, 400, "8,192"),
    "more than a body may have": (_nothing, {"messages": [{"role": "user", "content": "x" * 1_500_000}]}, 413, ""),
    "10 MB": (_nothing, {"messages": [{"role": "user", "content": "x" * 10_000_000}]}, 413, ""),
    "a picture": (_nothing, {"messages": PICTURE}, 400, "image_url"),
    "no question": (_nothing, {"messages": [{"role": "system", "content": "Be brief."}]}, 400, ""),
    "2,000 tools": (_nothing, {"tools": [TOOL] * 2000}, 400, "tools"),
    "an unknown field": (_nothing, {"extra_body": {"frobnicate": 1}}, 400, "frobnicate"),
    "two choices": (_nothing, {"n": 2}, 400, "several times"),
    "an unknown model": (_nothing, {"model": "gpt-5"}, 404, "gpt-5"),
}
"""How the gateway is prepared, what is asked, and the status and words of its refusal."""


@pytest.mark.parametrize("mode", ["fast", "race", "consensus"])
async def test_what_cannot_be_answered_is_refused_in_openais_form(store: Store, tmp_path: Path, mode: str) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        client = gateway.client("me", limits=KeyLimits(tokens_per_month=100_000), mode=mode)
        for name, (prepare, given, status, said) in CASES.items():
            prepare(gateway)
            for streamed in (False, True):
                with pytest.raises(openai.APIStatusError) as raised:
                    await asked(client, stream=streamed, **given)
                error = raised.value
                assert error.status_code == status, (name, error)
                assert said in error.message, name
                assert {"message", "type", "param", "code"} <= {*error.response.json()["error"]}, name
                assert ("retry-after" in error.response.headers) is (status == 503), name
            gateway.caller.answers.clear()
            for hotkey in MINERS:
                gateway.bench.selection.note(hotkey, Availability(True))
            await until(lambda: gateway.server.view().ready)
        left = (await client.models.with_raw_response.list()).headers["x-ratelimit-remaining-tokens"]
        assert left == "100000", "nothing was answered"
        assert (await asked(client)).parse().choices[0].message.content == "42", "the gateway goes on"


async def test_a_key_that_is_wrong_spent_or_revoked_opens_nothing(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        client = gateway.client("me", limits=KeyLimits(requests_per_month=1))
        with pytest.raises(openai.AuthenticationError):
            await asked(client.with_options(api_key="sk-subnet-wrong"))
        await asked(client)
        with pytest.raises(openai.RateLimitError) as raised:
            await asked(client)
        assert raised.value.code == "insufficient_quota"
        revoke_key(gateway.key_file, "me")
        with pytest.raises(openai.AuthenticationError):
            await asked(client)
        assert len(gateway.caller.asked) == 1


async def test_a_miner_that_stops_in_the_middle_ends_the_stream_with_an_error(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        gateway.caller.pieces = {hotkey: ["It is ", "42"] for hotkey in MINERS}
        gateway.caller.answers = dict.fromkeys(MINERS, WireError("unreachable", "connection lost"))
        stream = (await asked(gateway.client("me"), stream=True)).parse()
        with pytest.raises(openai.APIError, match="no miner gave"):
            async for _ in stream:
                pass


async def test_the_next_model_is_tried_where_one_fails(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        client = gateway.client("me")
        for first in ("gpt-5", "subnet-fast"):
            gateway.caller.asked.clear()
            told = await asked(client, model=first, extra_body={"models": [first, "subnet-race"]})
            assert told.parse().model == ("subnet-race" if first == "gpt-5" else "subnet-fast")
        bare = {"messages": MESSAGES, "models": ["nothing", "subnet-consensus"]}
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {client.api_key}"}) as http:
            reply = await http.post(f"{gateway.url}/chat/completions", json=bare, timeout=30)
            assert reply.json()["model"] == "subnet-consensus"
            assert reply.headers["x-subnet-mode"] == "consensus"
            for wrong in ([], ["x"] * 9, "subnet", [1]):
                reply = await http.post(f"{gateway.url}/chat/completions", json={**bare, "models": wrong})
                assert reply.status_code == 400
                assert "model" in reply.json()["error"]["message"]
        with pytest.raises(openai.BadRequestError):
            await asked(client, model="gpt-5", temperature=9, extra_body={"models": ["gpt-5", "subnet"]})
