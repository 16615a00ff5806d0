"""How the routes under `/v1` are described in the miner's OpenAPI document."""

from typing import Any

import msgspec

from engine.transport.description import EVENTS, JSON, reference
from miner_server.openai.admin import KEYS, KeyBody
from miner_server.openai.embeddings import EmbeddingsBody
from miner_server.openai.request import ELSEWHERE, LABELS, ChatBody
from miner_server.openapi import REFUSALS, Described

TAG = "openai"
SECURITY = {"bearer": {"type": "http", "scheme": "bearer"}}

_OBJECT = {"type": "object"}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}
_MODEL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
    },
    "required": ["id", "object", "created", "owned_by"],
}
_COMPLETION = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "chat.completion"},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {"type": "array", "items": _OBJECT, "minItems": 1},
        "usage": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "required": ["id", "object", "created", "model", "choices", "usage"],
}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    properties = {"object": {"const": "list"}, "data": {"type": "array", "items": items}}
    return {"type": "object", "properties": properties, "required": ["object", "data"]}


def described() -> Described:
    """The routes with their schemas."""
    _, bodies = msgspec.json.schema_components(
        (ChatBody, EmbeddingsBody, KeyBody), ref_template="#/components/schemas/{name}"
    )
    elsewhere = {name: {"enum": [*plain] if isinstance(plain, tuple) else [plain]} for name, plain in ELSEWHERE.items()}
    bodies |= {
        "ChatBody": _complete(bodies["ChatBody"], elsewhere),
        "EmbeddingsBody": _complete(bodies["EmbeddingsBody"], {}),
    }
    schemas = {**bodies, "ApiError": _ERROR, "Model": _MODEL, "ChatCompletion": _COMPLETION}
    return Described(_operations(), schemas, SECURITY)


def _complete(body: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body that may have these parameters and the labels besides its own, and no others."""
    properties = {**body["properties"], **more, **{name: {} for name in LABELS}}
    return {**body, "properties": properties, "additionalProperties": False}


def _operations() -> dict[str, dict[str, Any]]:
    events = {"type": "string", "description": "chat.completion.chunk events, and [DONE] at the end"}
    answered = {JSON: {"schema": reference("ChatCompletion")}, EVENTS: {"schema": events}}
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    listed = _operation("The keys and what they have used", _json(_list_of(_OBJECT)))
    model = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return {
        "/v1/models": {"get": _operation("The models that can be asked for", _json(_list_of(reference("Model"))))},
        "/v1/models/{model}": {"get": _operation("One model", _json(reference("Model"))) | {"parameters": [model]}},
        "/v1/chat/completions": {"post": _operation("A chat completion", answered, ChatBody)},
        "/v1/embeddings": {"post": _operation("Embeddings of texts", _json(_list_of(_OBJECT)), EmbeddingsBody)},
        KEYS: {"get": listed, "post": _operation("A new key", _json(_OBJECT), KeyBody, status=201)},
        f"{KEYS}/{{name}}": {"delete": _operation("A key's end", _json(_OBJECT)) | {"parameters": [name]}},
    }


def _operation(about: str, answers: dict[str, Any], body: type | None = None, *, status: int = 200) -> dict[str, Any]:
    refusals = {
        str(code): {"description": words, "content": _json(reference("ApiError"))}
        for code, words in (REFUSALS | {404: "there is no such model, key or route", 409: "the name is taken"}).items()
    }
    operation: dict[str, Any] = {
        "summary": about,
        "tags": [TAG],
        "security": [{"bearer": []}],
        "responses": {str(status): {"description": "answered", "content": answers}, **refusals},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _json(reference(body.__name__))}
    return operation


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {JSON: {"schema": schema}}
