"""A request that is sent again under one Idempotency-Key is answered once and charged once."""

import asyncio
import json
from pathlib import Path

import openai
import pytest

from engine.api_keys import KeyLimits
from engine.store.store import Store
from engine.transport.errors import WireError
from tests.unit.engine_helpers import until
from tests.unit.gateway_helpers import an_open_gateway, asked
from tests.unit.test_validator import MINERS, store

__all__ = ["store"]

ONCE = {"idempotency-key": "order-7"}
LIMITS = KeyLimits(requests_per_month=100, tokens_per_month=100_000)


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_same_request_gets_the_same_answer_and_is_charged_once(
    store: Store, tmp_path: Path, streamed: bool
) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        gateway.caller.pieces = {hotkey: ["It ", "is ", "42."] for hotkey in MINERS}
        client = gateway.client("me", limits=LIMITS)
        told = [await asked(client, headers=ONCE, stream=streamed) for _ in range(2)]
        first, again = [await one.http_response.aread() for one in told]
        assert b"42." in first
        assert _events(first) == _events(again)
        assert [one.headers.get("idempotent-replayed") for one in told] == [None, "true"]
        assert len(gateway.caller.asked) == 1
        left = (await asked(client)).headers
        assert left["x-ratelimit-remaining-requests"] == "98", "two requests of three were counted"
        assert told[0].headers["x-subnet-round"] == told[1].headers["x-subnet-round"]
        assert (await asked(gateway.client("other"), headers=ONCE)).headers.get("idempotent-replayed") is None


async def test_of_two_at_once_one_asks_and_the_other_waits(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        gateway.caller.gate.clear()
        client = gateway.client("me")
        both = [asyncio.create_task(asked(client, headers=ONCE)) for _ in range(2)]
        await until(lambda: gateway.caller.asked)
        with pytest.raises(openai.UnprocessableEntityError, match="another request"):
            await asked(client, headers=ONCE, temperature=0.1)
        gateway.caller.gate.set()
        one, other = await asyncio.gather(*both)
        assert one.text == other.text
        assert len(gateway.caller.asked) == 1


async def test_what_failed_or_was_given_up_may_be_sent_again(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        client = gateway.client("me")
        gateway.caller.answers = dict.fromkeys(MINERS, WireError("malformed", "no JSON"))
        with pytest.raises(openai.InternalServerError):
            await asked(client, headers=ONCE)
        gateway.caller.answers.clear()
        gateway.caller.gate.clear()
        before = len(gateway.caller.asked)
        leaving = asyncio.create_task(asked(client, headers=ONCE))
        await until(lambda: len(gateway.caller.asked) > before)
        waiting = asyncio.create_task(asked(client, headers=ONCE))
        leaving.cancel()
        await until(lambda: gateway.caller.left)
        gateway.caller.gate.set()
        assert (await waiting).parse().choices[0].message.content == "42"


async def test_a_key_for_a_request_has_a_length(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        for key in ("", "x" * 256):
            with pytest.raises(openai.BadRequestError, match="1 to 255"):
                await asked(gateway.client(f"me{len(key)}"), headers={"idempotency-key": key})


def _events(body: bytes) -> str:
    """The text of an answer, however its stream was cut."""
    text = ""
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                text += choice["delta"].get("content") or ""
    return text or body.decode()
