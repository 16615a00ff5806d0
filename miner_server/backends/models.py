"""Chooses the model from a server's list."""

import re

from msgspec import Struct

from engine.foreign_json import count, fields, items
from engine.text import safe
from miner_server.errors import BackendError

ID_CHARS = 256
NAMED = 5
NAME_WIDTH = 80
"""Bounds of what a server lists: characters of an id, and in an error the ids named and their characters."""

OTHER_PURPOSE = re.compile(
    r"embed|rerank|minilm|moderation|whisper|transcri|dall-?e|diffusion"
    r"|(?:^|[^a-z])(?:bge|gte|e5|colbert|clip|tts|flux|image|ocr)(?:[^a-z]|$)",
    re.IGNORECASE,
)
"""Names of models for embeddings, sound or images."""


class Model(Struct, frozen=True):
    """A model, by the name used in requests. `context` is its size in tokens; None if not stated."""

    id: str
    context: int | None = None


class NoModelsError(Exception):
    """The server's reply is not a list of models."""


def read_models(listed: object) -> tuple[tuple[Model, ...], tuple[Model, ...]]:
    """The chat models, and the others. Raises NoModelsError."""
    entries = listed if isinstance(listed, list) else fields(listed).get("data", fields(listed).get("models"))
    if not isinstance(entries, list):
        raise NoModelsError
    chat: list[Model] = []
    others: list[Model] = []
    for entry in map(fields, entries):
        name = entry.get("id") or entry.get("name")
        if isinstance(name, str) and 0 < len(name) <= ID_CHARS:
            model = Model(name, count(entry.get("max_model_len")) or None)
            (chat if _chats(name, entry) else others).append(model)
    return tuple(chat), tuple(others)


def choose(listed: object, wanted: str | None) -> Model:
    """The wanted model, of any type, or else the first chat model.

    The server of llama.cpp, with one model loaded, answers with that whatever a request names.

    Raises NoModelsError, or BackendError, which says what is available.
    """
    chat, others = read_models(listed)
    if wanted is None:
        if chat:
            return chat[0]
        raise BackendError(f"it lists no chat model (listed: {_names(others)}): name one with backend_model")
    names = (wanted, f"{wanted}:latest")
    for model in (*chat, *others):
        if model.id in names:
            return model
    if len(found := (*chat, *others)) == 1 and _is_of_llama_cpp(listed):
        return found[0]
    raise BackendError(f"it does not serve {wanted}; it lists {_names((*chat, *others))}")


def _is_of_llama_cpp(listed: object) -> bool:
    """Whether the only model is listed as llama.cpp's server lists its own: by itself, or by the path of its file."""
    entries = map(fields, items(listed if isinstance(listed, list) else fields(listed).get("data")))
    return any(entry.get("owned_by") == "llamacpp" or str(entry.get("id")).endswith(".gguf") for entry in entries)


def _chats(name: str, entry: dict[str, object]) -> bool:
    purposes = [entry.get("type"), entry.get("task"), *items(entry.get("capabilities"))]
    named = [purpose for purpose in purposes if isinstance(purpose, str)]
    if "chat" in named or "completion" in named:
        return True
    able = fields(entry.get("capabilities")).get("completion_chat", True)
    return bool(able) and not any(OTHER_PURPOSE.search(text) for text in (name, *named))


def _names(models: tuple[Model, ...]) -> str:
    return ", ".join(safe(model.id, NAME_WIDTH) for model in models[:NAMED]) or "none"
