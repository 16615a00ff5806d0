"""OpenAI's API at a miner, as OpenAI's own SDK, a compliance checker and a fuzzer see it: all over real connections."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import llm_comply
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_comply.config import ComplianceConfig
from llm_comply.runner import TestRunner
from llm_comply.schema import SpecLoader
from llm_comply.tests import get_tests

from engine.api_keys import KeyLimits, add_key, revoke_key
from engine.key_use import month_of, used_of
from miner_server.backends.abilities import ABILITIES, EVERYTHING, needs
from miner_server.backends.llamacpp_bindings import LlamaCppPythonModel, XllamaModel
from miner_server.backends.ollama import LOGPROBS, OllamaBackend
from miner_server.backends.openai import OpenAIBackend
from miner_server.backends.scripted import ScriptedBackend
from miner_server.errors import BackendError, RequestTooLong, RequestUnfit
from miner_server.openai import door
from miner_server.openai.embeddings import Embedded
from miner_server.openai.errors import ApiError
from miner_server.openai.request import MOST_CHOICES, read_asked, require_able
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ObedientBackend, Validator, serving
from tests.unit.openai_helpers import MODEL, Asked, OpenMiner, Talker, open_miner, said, talking

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALLS = [
    {"id": f"call_{name}", "type": "function", "function": {"name": "look_up", "arguments": json.dumps({"of": name})}}
    for name in "ab"
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}}
TOKENS = [{"token": "42", "logprob": -0.5, "bytes": [52, 50], "top_logprobs": []}]


def answer(asked: Asked) -> dict[str, Any] | None:
    """What a capable model would: a call where one is required, else the question in capitals, and its tokens."""
    question = asked["messages"][-1]["content"]
    if question == "break":
        return None
    if asked.get("tool_choice") == "required":
        return said(None, tool_calls=CALLS) | {"finish_reason": "tool_calls"}
    told = said(str(question).upper())
    return told | {"logprobs": {"content": TOKENS}} if asked.get("logprobs") else told


@pytest.fixture
async def talker() -> AsyncIterator[Talker]:
    async with talking(answer) as talker:
        yield talker


@pytest.fixture
async def miner(talker: Talker, tmp_path: Path) -> AsyncIterator[OpenMiner]:
    async with open_miner(OpenAIBackend("openai", talker.url), tmp_path) as miner:
        yield miner


class Able:
    """A backend as far as its abilities go."""

    def __init__(self, can: frozenset[str]) -> None:
        self.can = can


class Letters:
    """An encoder of two dimensions: how many letters and how many vowels."""

    name = "letters"

    tokens: int | None = None

    async def embed(self, texts: Sequence[str]) -> Embedded:
        vectors = [[float(len(text)), float(sum(one in "aeiou" for one in text))] for text in texts]
        return Embedded(vectors, self.tokens)


# -- the SDK ---------------------------------------------------------------------------------------------------


async def test_the_sdk_lists_models_and_gets_an_answer_with_its_usage(miner: OpenMiner) -> None:
    assert [one.id async for one in miner.client.models.list()] == [MODEL]
    assert (await miner.client.models.retrieve(MODEL)).owned_by == "subnet-console"
    completion = await miner.ask("Hello?")
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason, choice.message.tool_calls) == ("HELLO?", "stop", None)
    assert (completion.model, completion.object, completion.id[:9]) == (MODEL, "chat.completion", "chatcmpl-")
    assert completion.usage.to_dict() == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


async def test_every_parameter_reaches_the_backend_as_it_was_sent(talker: Talker, miner: OpenMiner) -> None:
    sent = {
        "temperature": 0.5,
        "top_p": 0.75,
        "stop": ["END", "STOP"],
        "seed": 7,
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "look_up"}},
        "parallel_tool_calls": False,
        "response_format": SCHEMA,
        "logprobs": True,
        "top_logprobs": 3,
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": {"42": -100},
        "reasoning_effort": "low",
    }
    await miner.ask("Hello?", max_completion_tokens=50, user="me", **sent)
    got = talker.asked[0]
    assert {name: got[name] for name in sent} == sent
    assert (got["max_tokens"], got["messages"]) == (50, [{"role": "user", "content": "Hello?"}])
    assert "user" not in got and "max_completion_tokens" not in got


async def test_a_conversation_with_tools_and_parts_is_passed_on(talker: Talker, miner: OpenMiner) -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": None, "tool_calls": CALLS, "refusal": None, "annotations": []},
        {"role": "tool", "tool_call_id": "call_a", "content": "3"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
    ]
    await miner.client.chat.completions.create(model=MODEL, messages=messages)  # type: ignore[arg-type]
    assert talker.asked[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One\ntwo"},
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        messages[3],
        messages[4],
    ]


async def test_tool_calls_and_log_probabilities_come_back(miner: OpenMiner) -> None:
    called = (await miner.ask(tools=[TOOL], tool_choice="required")).choices[0]
    assert (called.finish_reason, called.message.content) == ("tool_calls", None)
    assert [one.to_dict() for one in called.message.tool_calls] == CALLS
    told = (await miner.ask(logprobs=True, top_logprobs=1)).choices[0]
    assert [one.to_dict() for one in told.logprobs.content] == TOKENS


async def test_several_choices_share_one_prompt_and_differ_in_their_seed(talker: Talker, miner: OpenMiner) -> None:
    completion = await miner.ask(n=3, seed=5)
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert completion.usage.to_dict() == {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    assert sorted(asked["seed"] for asked in talker.asked) == [5, 6, 7]


async def test_a_stream_tells_role_pieces_end_and_usage_in_this_order(miner: OpenMiner) -> None:
    stream = await miner.ask("one two three", stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.content for chunk in chunks[1:-2]] == ["ONE ", "TWO ", "THREE "]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 4 + ["stop"]
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 10)
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_a_stream_of_several_choices_with_calls_is_put_together_by_the_sdk(miner: OpenMiner) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "tools": [TOOL]}
    async with miner.client.chat.completions.stream(**asked, tool_choice="required", n=2) as stream:
        completion = await stream.get_final_completion()
    for choice in completion.choices:
        assert [call.function.arguments for call in choice.message.tool_calls or ()] == ['{"of": "a"}', '{"of": "b"}']
        assert choice.finish_reason == "tool_calls"


async def test_log_probabilities_come_with_their_pieces_and_a_stream_without_pieces_is_one_too(
    miner: OpenMiner, tmp_path: Path
) -> None:
    chunks = [chunk async for chunk in await miner.ask("one two", stream=True, logprobs=True)]
    told = [
        (one.delta.content, one.logprobs and one.logprobs.content[0].token)
        for one in (chunk.choices[0] for chunk in chunks)
    ]
    assert told == [("", None), ("ONE ", "42"), ("TWO ", None), (None, None)]
    folder = tmp_path / "other"
    folder.mkdir()
    async with open_miner(ScriptedBackend(), folder) as other:
        stream = await other.ask("What is 41 plus 1?", model="scripted", stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "42"


async def test_embeddings_come_as_numbers_and_packed(tmp_path: Path) -> None:
    letters = Letters()
    async with open_miner(ScriptedBackend(), tmp_path, embedder=letters) as miner:
        for encoding in ("float", "base64", None):
            more: Any = {} if encoding is None else {"encoding_format": encoding}
            found = await miner.client.embeddings.create(model="letters", input=["tree", "a"], **more)
            assert found.usage.total_tokens == 2
            packed = encoding == "base64"
            assert packed or [one.embedding for one in found.data] == [[4.0, 2.0], [1.0, 1.0]]
            assert not packed or str(found.data[1].embedding) == "AACAPwAAgD8="
        assert [one.id async for one in miner.client.models.list()] == ["scripted", "letters"]
        letters.tokens = 7
        assert (await miner.client.embeddings.create(model="letters", input=["tree"])).usage.prompt_tokens == 7
        for name, value in (("input", [1, 2]), ("input", ""), ("input", []), ("dimensions", 3)):
            asked: Any = {"model": "letters", "input": "a", name: value}
            with pytest.raises(openai.BadRequestError) as refused:
                await miner.client.embeddings.create(**asked)
            assert str(refused.value.param).startswith(name)
        with pytest.raises(openai.NotFoundError):
            await miner.client.embeddings.create(model="scripted", input="a")


# -- checkers --------------------------------------------------------------------------------------------------


async def test_every_chat_test_of_llm_comply_passes(miner: OpenMiner) -> None:
    config = ComplianceConfig(base_url=miner.url, api_key=miner.key, model=MODEL, delay=0.0)
    loader = SpecLoader(str(Path(llm_comply.__file__).parent / "specs" / "openai_chat.json"))
    runner = TestRunner(config=config, test_cases=get_tests("openai-chat"), spec_loader=loader)
    suite = await asyncio.to_thread(runner.run_all)
    assert [(one.test_case_id, one.errors) for one in suite.results if one.status.name == "FAILED"] == []
    assert sum(one.status.name == "PASSED" for one in suite.results) >= 8


# -- refusals --------------------------------------------------------------------------------------------------

HELLO = [{"role": "user", "content": "Hello?"}]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"model": None}, "model"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "dance"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": CALLS}]}, "messages[0].tool_calls"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": "high"}, "top_p"),
        ({"n": MOST_CHOICES + 1}, "n"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"seed": 1.5}, "seed"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"x": 1}}, "stream_options"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"tools": []}, "tools"),
        ({"tools": [TOOL] * 129}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "two words"}}]}, "tools[0].function.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"functions": []}, "functions"),
        ({"store": True}, "store"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"top_k": 3}, "top_k"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, Any], param: str) -> None:
    raw = json.dumps({"model": MODEL, "messages": HELLO, **wrong}).encode()
    with pytest.raises(ApiError) as refused:
        read_asked(raw, 1 << 20)
    assert (refused.value.status, refused.value.param) == (400, param)
    assert set(refused.value.body()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"stop": "x"}, "stop"),
        ({"seed": 1}, "seed"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [TOOL]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        ({"messages": [*HELLO, {"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages[1]"),
    ],
    ids=str,
)
def test_what_a_backend_does_not_have_is_refused_by_name_and_its_usual_value_is_not(
    asked: dict[str, Any], param: str
) -> None:
    usual = {"frequency_penalty": 0, "logprobs": False, "logit_bias": {}, "response_format": {"type": "text"}, "n": 1}
    plain = {"model": MODEL, "messages": HELLO, "store": False, "service_tier": "auto", "temperature": 0, **usual}
    assert not needs(read_asked(json.dumps(plain).encode(), 1 << 20).requests[0])
    raw = json.dumps({**plain, **asked}).encode()
    request = read_asked(raw, 1 << 20).requests[0]
    require_able(Able(EVERYTHING), request)
    with pytest.raises(ApiError, match="does not support") as refused:
        require_able(Able(frozenset()), request)
    assert str(refused.value.param).startswith(param) and refused.value.code == "unsupported_parameter"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1e9, 1e9) | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(["model", "messages", "tools", "tool_choice", "stop", "response_format", "logit_bias", "metadata"]),
)
def test_no_value_of_any_parameter_gets_past_an_error_in_our_words(value: object, name: str) -> None:
    raw = json.dumps({"model": MODEL, "messages": HELLO, name: value}).encode()
    try:
        asked = read_asked(raw, 1 << 20)
    except ApiError as error:
        assert error.status == 400 and error.param
    else:
        assert asked.requests


async def test_a_wrong_model_body_path_and_method_are_errors_as_openais(miner: OpenMiner) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await miner.ask(model="gpt-\x1b[2J")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert "\x1b" not in str(unknown.value)
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {miner.key}"}) as http:
        for method, path, content, status in (
            ("POST", "/chat/completions", b"{", 400),
            ("POST", "/chat/completions", b"[]", 400),
            ("POST", "/chat/completions", b'{"a":' * 99, 400),
            ("POST", "/chat/completions", b"x" * (2 << 20), 413),
            ("GET", "/chat/completions", b"", 405),
            ("GET", "/threads", b"", 404),
            ("GET", "/models/other%2Fmodel", b"", 404),
        ):
            response = await http.request(method, miner.url + path, content=content)
            assert (response.status_code, set(response.json())) == (status, {"error"}), path


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (RequestTooLong("it has 9 tokens"), openai.BadRequestError, "context_length_exceeded"),
        (RequestUnfit("no such thing"), openai.BadRequestError, None),
        (BackendError("CUDA error"), openai.InternalServerError, None),
        (RuntimeError("our own fault"), openai.InternalServerError, None),
    ],
)
async def test_a_failure_of_the_backend_is_an_error_in_our_words(
    error: Exception, kind: type[openai.APIStatusError], code: str | None, tmp_path: Path
) -> None:
    backend = ObedientBackend()
    backend.error = error
    async with open_miner(backend, tmp_path) as miner:
        for n in (1, 2):
            with pytest.raises(kind) as failed:
                await miner.ask(model="none", n=n)
            assert failed.value.code == code
            assert str(error) not in str(failed.value)


async def test_a_stream_that_breaks_ends_in_an_error_event(miner: OpenMiner) -> None:
    stream = await miner.ask("break", stream=True)
    assert [(await anext(stream)).choices[0].delta.content for _ in range(2)] == ["", "It is "]
    with pytest.raises(openai.APIError, match="model"):
        await anext(stream)
    assert miner.server.view().requests[-1].status >= 500
    with pytest.raises(openai.InternalServerError):
        await miner.ask("break")


async def test_a_caller_that_leaves_frees_its_place_and_that_of_its_other_choices(tmp_path: Path) -> None:
    backend = ObedientBackend(open_gate=False)
    async with open_miner(backend, tmp_path) as miner:
        asking = asyncio.create_task(miner.ask(model="none", n=3))
        await until(lambda: backend.now == 3)
        asking.cancel()
        await until(lambda: backend.cancelled == 3 and miner.server.view().in_flight == 0)


# -- keys ------------------------------------------------------------------------------------------------------


async def test_without_access_there_is_no_such_route(tmp_path: Path) -> None:
    async with serving() as server, Validator(server) as alice:
        response = await alice.http.post("/v1/chat/completions", json={})
        assert response.status_code == 404
        assert "/v1/chat/completions" in response.json()["detail"]


async def test_a_running_miner_learns_of_new_and_revoked_keys(miner: OpenMiner) -> None:
    added = add_key(miner.key_file, "another")
    assert (await miner.client.with_options(api_key=added).models.list()).data
    revoke_key(miner.key_file, "me")
    with pytest.raises(openai.AuthenticationError) as refused:
        await miner.client.models.list()
    assert refused.value.code == "invalid_api_key"
    revoke_key(miner.key_file, "another")
    assert "keys add NAME" in miner.server.keys_trouble


async def test_who_has_no_key_is_told_so_and_soon_made_to_wait(miner: OpenMiner) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        for wrong in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer sk-subnet-wrong"}):
            refused = await http.get(miner.url + "/models", headers=wrong)
            assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")
        statuses = {(await http.get(miner.url + "/models")).status_code for _ in range(40)}
        assert statuses == {401, 429}
        assert (await miner.client.models.list()).data
        assert (await http.post(miner.url + "/chat/completions", content=b"x" * 10)).status_code == 401


async def test_a_keys_own_rate_holds_for_it_alone(miner: OpenMiner) -> None:
    slow = miner.client.with_options(api_key=add_key(miner.key_file, "slow", limits=KeyLimits(requests_per_minute=2)))
    for _ in range(2):
        await slow.models.list()
    with pytest.raises(openai.RateLimitError) as limited:
        await slow.models.list()
    assert 0 < int(limited.value.response.headers["retry-after"]) <= 30
    assert (await miner.client.models.list()).data


async def test_a_keys_tokens_are_counted_and_what_is_left_is_told(talker: Talker, miner: OpenMiner) -> None:
    """Each answer of the talker costs ten tokens; the second leaves a debt of five, which no third one may add to."""
    key = add_key(miner.key_file, "few", limits=KeyLimits(tokens_per_minute=15, requests_per_month=3))
    few = OpenMiner(miner.server, miner.key_file, key)
    client: Any = few.client
    told = (await client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)).headers
    assert (told["x-ratelimit-limit-tokens"], told["x-ratelimit-remaining-tokens"]) == ("15", "5")
    assert (told["x-ratelimit-limit-requests"], told["x-ratelimit-remaining-requests"]) == ("3", "2")
    assert 38 <= int(told["x-ratelimit-reset-tokens"].removesuffix("s")) <= 40
    streaming = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, stream=True)
    assert streaming.headers["x-ratelimit-remaining-requests"] == "1"
    assert [chunk async for chunk in streaming.parse()]
    with pytest.raises(openai.RateLimitError, match="15 tokens a minute") as limited:
        await few.ask("Hello?")
    assert 20 <= int(limited.value.response.headers["retry-after"]) <= 60
    assert len(talker.asked) == 2
    await few.client.close()


async def test_a_month_is_spent_across_restarts(talker: Talker, tmp_path: Path) -> None:
    """What a broken answer has told is charged, too, and so is a server that counts nothing."""
    async with open_miner(OpenAIBackend("vllm", talker.url), tmp_path) as miner:
        key = add_key(miner.key_file, "few", limits=KeyLimits(tokens_per_month=25))
        miner.client = miner.client.with_options(api_key=key)
        await miner.ask("Hello?")
        with pytest.raises(openai.APIError):
            _ = [chunk async for chunk in await miner.ask("break", stream=True)]
    assert 10 < used_of(tmp_path / "api-key-use.json", month_of(time.time()))["few"].tokens < 40
    (tmp_path / "api-keys.json").replace(tmp_path / "kept")
    async with open_miner(OpenAIBackend("vllm", talker.url), tmp_path) as miner:
        (tmp_path / "kept").replace(miner.key_file)
        miner.client = miner.client.with_options(api_key=key)
        with pytest.raises(openai.RateLimitError, match="25 tokens a month") as spent:
            for _ in range(4):
                await miner.ask("Hello?")
        assert spent.value.code == "insufficient_quota"
        miner.key_file.with_name("api-key-use.json").write_bytes(b"{")
        other = add_key(miner.key_file, "other", limits=KeyLimits(requests_per_month=9))
        with pytest.raises(openai.InternalServerError, match="cannot be counted"):
            await miner.client.with_options(api_key=other).models.list()
        assert "is damaged" in miner.server.keys_trouble


async def test_a_damaged_or_open_key_file_is_told_and_the_keys_stay(miner: OpenMiner) -> None:
    whole = miner.key_file.read_bytes()
    miner.key_file.chmod(0o644)
    assert (await miner.client.models.list()).data
    assert "chmod 600" in miner.server.keys_trouble
    miner.key_file.chmod(0o600)
    miner.key_file.write_bytes(b"{")
    assert (await miner.client.models.list()).data
    assert "is damaged" in miner.server.keys_trouble
    miner.key_file.write_bytes(whole)
    assert (await miner.client.models.list()).data
    assert miner.server.keys_trouble == ""


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("100.64.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
        ("", False),
    ],
)
def test_an_address_is_near_or_public(peer: str, near: bool) -> None:
    assert door._is_near(peer) is near


async def test_plain_http_from_a_public_address_is_refused_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_is_near", lambda _: False)  # nobody here calls from elsewhere
    async with open_miner(ScriptedBackend(), tmp_path) as miner:
        with pytest.raises(openai.PermissionDeniedError, match="openai_public"):
            await miner.client.models.list()
    (tmp_path / "api-keys.json").unlink()
    async with open_miner(ScriptedBackend(), tmp_path, public=True) as miner:
        assert (await miner.client.models.list()).data


async def test_what_is_asked_with_a_key_is_on_the_screen_under_its_name(miner: OpenMiner) -> None:
    await miner.ask("Hello?")
    last = miner.server.view().requests[-1]
    assert (last.hotkey, last.dialect, last.answer, last.tokens) == ("key me", "openai", "HELLO?", 3)


async def test_a_validators_log_probabilities_reach_it(talker: Talker, miner: OpenMiner) -> None:
    async with Validator(miner.server) as alice:
        await alice.shake()
        opened = alice.opened(await alice.send("Hello?", logprobs=True, top_logprobs=2))
        assert opened["logprobs"] == {"content": TOKENS}
        assert (talker.asked[-1]["logprobs"], talker.asked[-1]["top_logprobs"]) == (True, 2)
        assert "logprobs" not in alice.opened(await alice.send("Hello?"))


def test_the_page_says_what_each_backend_has() -> None:
    page = (Path(__file__).parents[2] / "docs" / "backends.md").read_text()
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.count("|") == 7 and "`" in line]
    told = {row[0].strip("` "): [cell.strip() == "yes" for cell in row[1:]] for row in rows[1:]}
    columns = (
        OpenAIBackend.can,
        OllamaBackend.can | LOGPROBS,
        XllamaModel.can,
        LlamaCppPythonModel.can,
        ScriptedBackend.can,
    )
    assert told == {name: [name in can for can in columns] for name in ABILITIES}
