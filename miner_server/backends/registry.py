"""What answers the questions: backends behind one interface, opened by name."""

from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from engine.redaction import know, know_url, redact
from engine.values import BackendName
from miner_server.backends.interface import Backend
from miner_server.errors import MinerError

LOCAL_SERVERS = {"vllm": ("http://127.0.0.1:8001/v1", "EMPTY"), "ollama": ("http://127.0.0.1:11434/v1", "ollama")}


def open_backend(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    model_path: Path | None = None,
    reasoning_is_answer: bool = False,
) -> Backend:
    """The backend called `name`; nothing is connected or loaded before it is first asked for readiness.

    `base_url`, `api_key` and `model` are for `openai`, `vllm` and `ollama`; `model_path` (GGUF) is for `llamacpp`,
    which has a packaged model without it. With `reasoning_is_answer`, what a model thought is its answer where it says
    nothing else. Raises MinerError.
    """
    match name:
        case "scripted":
            from miner_server.backends.scripted import ScriptedBackend

            return ScriptedBackend()
        case "llamacpp":
            from miner_server.backends.llamacpp import LlamaCppBackend
            from miner_server.backends.llamacpp_bindings import packaged_model

            return LlamaCppBackend(model_path or packaged_model(), reasoning_is_answer=reasoning_is_answer)
        case "openai" | "vllm" | "ollama":
            from miner_server.backends.openai import OpenAIBackend

            preset_url, preset_key = LOCAL_SERVERS.get(name, (None, None))
            url = base_url or preset_url
            if url is None:
                raise MinerError("the openai backend needs a base URL, such as https://models.example/v1")
            know(api_key or "")
            return OpenAIBackend(
                name,
                _checked(url),
                api_key=_plain(api_key or preset_key),
                model=model,
                reasoning_is_answer=reasoning_is_answer,
            )
        case _:
            raise MinerError(f"no backend is called {name!r}: choose one of {', '.join(get_args(BackendName))}")


def _checked(url: str) -> str:
    know_url(url)
    try:
        parts = urlsplit(url)
        is_address = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        parts, is_address = urlsplit(""), False
    if parts.username or parts.password:
        raise MinerError("the backend's base URL holds a password: set it as the API key instead")
    if parts.scheme not in ("http", "https") or not is_address:
        raise MinerError(f"the backend's base URL {redact(url)!r} must look like http://host:port/v1")
    return url


def _plain(api_key: str | None) -> str | None:
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise MinerError("the backend's API key holds characters that no header can carry")
    return api_key
