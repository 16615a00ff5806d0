"""What a key says about how its bearer is served: the mode, what is kept, and that it is no longer valid."""

import asyncio
import time
from pathlib import Path

import openai
import pytest

from console import api_keys
from engine.api_keys import KeyLimits, KeyManner, revoke_key
from engine.store.store import Store
from tests.unit.engine_helpers import until
from tests.unit.gateway_helpers import an_open_gateway, asked
from tests.unit.store_helpers import recorded
from tests.unit.test_validator import MINERS, store

__all__ = ["store"]


async def test_a_key_has_a_mode_that_model_and_header_replace(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        plain, racer = gateway.client("plain"), gateway.client("racer", mode="race")
        assert (await asked(plain)).headers["x-subnet-mode"] == "fast"
        assert (await asked(racer)).headers["x-subnet-mode"] == "race"
        assert (await asked(racer, model="subnet-consensus")).headers["x-subnet-mode"] == "consensus"
        assert (await asked(racer, headers={"x-subnet-mode": "fast"})).headers["x-subnet-mode"] == "fast"


@pytest.mark.parametrize("mode", ["fast", "race", "consensus"])
async def test_of_a_key_that_keeps_nothing_the_record_has_no_words(store: Store, tmp_path: Path, mode: str) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        gateway.caller.answers = dict.fromkeys(MINERS, "My password is hunter2.")
        private = gateway.client("private", keeps_nothing=True, mode=mode)
        told = await asked(private, messages=[{"role": "user", "content": "I am Ada Lovelace. Say my password."}])
        assert "hunter2" in told.parse().choices[0].message.content
        id = told.headers["x-subnet-round"]
        await until(lambda: id in gateway.bench.told)
        found = await recorded(store, id)
        assert found is not None
        assert (found.challenge.source, found.challenge.request.question) == ("organic", "")
        assert {reply.status for reply in found.replies} == {"ok"}
        assert await store.challenge_from_outside(3, 0.0) is None, "what is not known cannot be asked again"
    assert "hunter2" not in _files(tmp_path)
    assert "Lovelace" not in _files(tmp_path)


async def test_a_key_that_is_revoked_ends_its_stream_and_frees_the_miner(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        gateway.caller.pieces = {hotkey: ["It ", "is ", "42."] for hotkey in MINERS}
        gateway.caller.gate.clear()
        client, other = gateway.client("me"), gateway.client("other")
        stream = (await asked(client, stream=True)).parse()
        others = asyncio.create_task(asked(other))
        heard = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
        assert "".join(heard) == "It is "
        await until(lambda: len(gateway.caller.asked) == 2)
        revoke_key(gateway.key_file, "me")
        began = time.monotonic()
        with pytest.raises(openai.APIError, match="revoked"):
            async for _ in stream:
                pass
        assert time.monotonic() - began < 10.0, "a second is enough; this machine may be slow"
        await until(lambda: gateway.caller.left)
        gateway.caller.gate.set()
        assert (await others).parse().choices[0].message.content == "It is 42."
        with pytest.raises(openai.AuthenticationError):
            await asked(client)


def _files(folder: Path) -> str:
    """What all files of a folder hold."""
    return "".join(file.read_bytes().decode("latin-1") for file in folder.iterdir())


def test_the_list_of_keys_says_how_each_is_served(tmp_path: Path) -> None:
    api_keys.add(tmp_path, "me", expires=None, limits=KeyLimits(), manner=KeyManner(mode="race", keeps_nothing=True))
    [listed] = api_keys.listed(tmp_path)
    assert (listed["mode"], listed["keeps_nothing"]) == ("race", True)
    assert api_keys.table(tmp_path)[1].endswith("race, nothing recorded")
