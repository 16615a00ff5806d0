"""The backends by name, behind one interface; other packages add theirs.

The name of one of our own also stands among the choices in `engine.settings.declared`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine import plugins
from engine.redaction import know, know_url, redact
from miner_server.backends.interface import Backend, BackendOptions
from miner_server.errors import MinerError

if TYPE_CHECKING:
    from miner_server.backends.openai import OpenAIBackend

LOCAL_SERVERS = {"vllm": ("http://127.0.0.1:8001/v1", "EMPTY"), "ollama": ("http://127.0.0.1:11434/v1", "ollama")}
"""The usual base URL and API key of model servers on this machine."""


def open_backend(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    model_path: Path | None = None,
    context: int | None = None,
    reasoning_is_answer: bool = False,
    tries_again: bool = True,
) -> Backend:
    """The backend called `name`, with the fields of `BackendOptions`. It connects or loads nothing until asked for its
    readiness. Raises MinerError and PluginError."""
    if name not in BACKENDS:
        raise MinerError(f"no backend is called {name!r}: choose one of {', '.join(BACKENDS)}")
    return BACKENDS[name](
        BackendOptions(
            base_url=base_url,
            api_key=api_key,
            model=model,
            model_path=model_path,
            context=context,
            reasoning_is_answer=reasoning_is_answer,
            tries_again=tries_again,
        )
    )


def _scripted(_: BackendOptions) -> Backend:
    from miner_server.backends.scripted import ScriptedBackend

    return ScriptedBackend()


def _llamacpp(options: BackendOptions) -> Backend:
    from miner_server.backends.llamacpp import CONTEXT, LlamaCppBackend
    from miner_server.backends.llamacpp_bindings import packaged_model

    return LlamaCppBackend(
        options.model_path or packaged_model(),
        context=options.context or CONTEXT,
        reasoning_is_answer=options.reasoning_is_answer,
    )


def _ollama(options: BackendOptions) -> Backend:
    from miner_server.backends.ollama import OllamaBackend

    return _model_server("ollama", options, OllamaBackend)


def _openai(name: str, options: BackendOptions) -> Backend:
    from miner_server.backends.openai import OpenAIBackend

    return _model_server(name, options, OpenAIBackend)


def _model_server(name: str, options: BackendOptions, kind: "type[OpenAIBackend]") -> Backend:
    preset_url, preset_key = LOCAL_SERVERS.get(name, (None, None))
    url = options.base_url or preset_url
    if url is None:
        raise MinerError("the openai backend needs a base URL, such as https://models.example/v1")
    know(options.api_key or "")
    return kind(
        name,
        _checked(url),
        api_key=_plain(options.api_key or preset_key),
        model=options.model,
        context=options.context,
        reasoning_is_answer=options.reasoning_is_answer,
        tries_again=options.tries_again,
    )


BACKENDS: plugins.Registry[Callable[[BackendOptions], Backend]] = plugins.Registry(
    plugins.BACKENDS,
    {
        "scripted": _scripted,
        "openai": partial(_openai, "openai"),
        "ollama": _ollama,
        "vllm": partial(_openai, "vllm"),
        "llamacpp": _llamacpp,
    },
    accepts=callable,
    what="a function that makes a Backend",
)


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
