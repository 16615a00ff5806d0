"""Ollama as a backend: through its own API, and through OpenAI's where a server has only that."""

from pathlib import Path
from typing import Any

import openai
import pytest

from engine.values import Request
from miner_server.backends.ollama import ALWAYS, LOGPROBS, OllamaBackend, as_chat
from miner_server.backends.replies import read_chat
from miner_server.errors import BackendError
from tests.unit.miner_helpers import Validator
from tests.unit.openai_helpers import MODEL, OLLAMAS, Asked, Talker, open_miner, said, talking
from tests.unit.test_miner_openai import CALLS, SCHEMA, TOKENS, TOOL, answer

QUESTION = Request(prompt="Hello?", max_tokens=100, temperature=0.5, top_p=0.9)


async def ready(talker: Talker, **options: Any) -> OllamaBackend:
    backend = OllamaBackend("ollama", talker.url, **options)
    assert await backend.readiness() == ""
    return backend


async def test_a_length_of_context_and_every_parameter_reach_it_in_its_own_terms() -> None:
    request = Request(
        messages=({"role": "user", "content": "Hello?"},),
        tools=(TOOL,),
        tool_choice="required",
        max_tokens=50_000,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=7,
        response_format=SCHEMA,
        options={"logprobs": True, "top_logprobs": 2, "frequency_penalty": 1.0, "logit_bias": {"1": 1}},
    )
    async with talking(answer, **OLLAMAS) as talker:
        backend = await ready(talker, context=16_384)
        completion = await backend.complete(request, timeout=5)
        await backend.close()
    asked = talker.asked[0]
    options = asked.pop("options")
    assert 16_000 < options.pop("num_predict") < 16_384
    assert options == {
        "num_ctx": 16_384,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 7,
        "frequency_penalty": 1.0,
    }
    assert asked == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hello?"}],
        "stream": False,
        "truncate": False,
        "tools": [TOOL],
        "logprobs": True,
        "top_logprobs": 2,
        "format": {"type": "object"},
    }
    assert (completion.text, completion.finish_reason) == ("HELLO?", "stop")
    assert completion.usage == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert completion.logprobs == {"content": TOKENS}
    assert [*backend.speed.first.last] == [pytest.approx(0.02)]
    assert [*backend.speed.between.last] == [pytest.approx(0.01)]


async def test_a_conversation_with_calls_and_pictures_is_put_in_its_terms() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    messages = (
        {"role": "user", "content": [{"type": "text", "text": "Look"}, picture]},
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        {"role": "tool", "tool_call_id": "call_b", "content": "3"},
    )
    async with talking(answer, **OLLAMAS) as talker:
        backend = await ready(talker)
        await backend.complete(Request(messages=messages), timeout=5)
        await backend.close()
    called = [{"function": {"name": "look_up", "arguments": {"of": name}}} for name in "ab"]
    assert talker.asked[0]["messages"] == [
        {"role": "user", "content": "Look", "images": ["aGk="]},
        {"role": "assistant", "content": "", "tool_calls": called},
        {"role": "tool", "content": "3", "tool_name": "look_up"},
    ]
    assert "num_ctx" not in talker.asked[0]["options"]


def call(_: Asked) -> dict[str, Any]:
    return said(None, tool_calls=CALLS) | {"finish_reason": "tool_calls"}


@pytest.mark.parametrize("streamed", [False, True])
async def test_its_calls_stay_apart_and_its_words_come_one_by_one(streamed: bool) -> None:
    heard: list[str] = []
    on_text = (lambda text, _=(): heard.append(text)) if streamed else None
    async with talking(call, **OLLAMAS) as talker:
        backend = await ready(talker)
        called = await backend.complete(QUESTION, timeout=5, on_text=on_text)
        talker.say = lambda _: said("one two three") | {"finish_reason": "length"}
        told = await backend.complete(QUESTION, timeout=5, on_text=on_text)
        await backend.close()
    assert [one["function"] for one in called.tool_calls] == [one["function"] for one in CALLS]
    assert called.finish_reason == "tool_calls" and len({one["id"] for one in called.tool_calls}) == 2
    assert (told.text.strip(), told.finish_reason) == ("one two three", "length")
    assert heard == (["one ", "two ", "three "] if streamed else [])


async def test_a_server_with_openais_api_alone_is_asked_in_that() -> None:
    async with talking(answer) as talker:
        backend = await ready(talker, context=4096)
        completion = await backend.complete(QUESTION, timeout=5)
        assert (completion.text, backend.can) == ("HELLO?", ALWAYS)
        assert talker.asked[0]["max_tokens"] == 100 and "options" not in talker.asked[0]
        await backend.close()


@pytest.mark.parametrize(
    ("version", "has"), [("0.12.10", False), ("0.12.11", True), ("1.0.0-rc1", True), (None, False)]
)
async def test_its_version_says_whether_it_has_log_probabilities(version: object, has: bool) -> None:
    async with talking(answer, **OLLAMAS | {"/api/version": {"version": version}}) as talker:
        backend = await ready(talker)
        assert backend.can == (ALWAYS | LOGPROBS if has else ALWAYS)
        await backend.close()


async def test_what_it_does_not_have_is_refused_by_name_and_a_validator_is_answered_without_it(tmp_path: Path) -> None:
    wanting: dict[str, Any] = {"tool_choice": "required", "parallel_tool_calls": False, "logit_bias": {"1": 1}}
    async with (
        talking(answer, **OLLAMAS) as talker,
        open_miner(OllamaBackend("ollama", talker.url), tmp_path) as miner,
        Validator(miner.server) as alice,
    ):
        for name, value in wanting.items():
            with pytest.raises(openai.BadRequestError) as refused:
                await miner.ask(tools=[TOOL], **{name: value})
            assert (refused.value.param, refused.value.code) == (name, "unsupported_parameter")
        assert talker.asked == []
        await miner.ask(tools=[TOOL], tool_choice="none")
        assert "tools" not in talker.asked[0]
        await alice.shake()
        assert await alice.ask("Hello?", tools=[TOOL], tool_choice="required") == "HELLO?"
        assert talker.asked[1]["tools"] == [TOOL]


def test_what_goes_wrong_in_the_middle_of_a_stream_is_a_failure() -> None:
    with pytest.raises(BackendError, match="model runner has"):
        read_chat(as_chat({"error": "model runner has unexpectedly stopped"}))
