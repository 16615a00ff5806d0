"""The miner's routes as an OpenAPI 3.1 document: those that everyone may call, and those of every mounted dialect.

Routes that share a path are one operation, in which each dialect says what it needs.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from engine.transport.description import JSON, SCHEMAS, Content, reference
from engine.transport.dialect import AnyRoute, LookupRoute

OPENAPI = "3.1.0"

REFUSALS = {
    400: "malformed, or sealed with a key that is unknown here",
    401: "its key or its signature is not valid",
    403: "this hotkey may not call",
    408: "the body did not arrive in time",
    409: "the same message was opened before",
    413: "the body is too large",
    422: "headers or fields are missing or ill-typed",
    429: "too many requests",
    502: "the backend failed",
    503: "not now: the miner is starting, stopping or full",
    504: "the backend took too long",
}
TO_LOOK_UPS = (429, 503)
"""The refusals that also what everyone may look up can meet."""

OWN_SCHEMAS: dict[str, dict[str, Any]] = {
    "Availability": {
        "type": "object",
        "properties": {"available": {"type": "boolean"}, "reason": {"type": "string"}},
        "required": ["available"],
    },
    "Status": {
        "type": "object",
        "properties": {
            **{name: {"type": "string"} for name in ("status", "backend", "model")},
            **{name: {"type": "integer"} for name in ("in_flight", "capacity", "queued", "queue_limit")},
        },
        "required": ["status", "backend", "model", "in_flight", "capacity", "queued", "queue_limit"],
    },
    "Refusal": {
        "type": "object",
        "properties": {"detail": {"type": ["string", "array"]}},
        "required": ["detail"],
    },
}


class LookUp(Struct, frozen=True):
    """GET `path`, which everyone may."""

    path: str
    about: str
    answers: Content


class SpokenRoute(Struct, frozen=True):
    """A route of a mounted dialect."""

    dialect: str
    route: AnyRoute


class Described(Struct, frozen=True):
    """Routes that describe themselves: operations by path, and the schemas and security schemes they refer to."""

    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, dict[str, Any]] = {}
    security: dict[str, dict[str, Any]] = {}


NOTHING_MORE = Described()


def document(
    look_ups: Iterable[LookUp], spoken: Sequence[SpokenRoute], more: Described = NOTHING_MORE, *, version: str
) -> dict[str, Any]:
    """All routes, in the order of their paths."""
    paths: dict[str, dict[str, Any]] = {one.path: {"get": _for_everyone(one)} for one in look_ups}
    ways: dict[tuple[str, str], list[SpokenRoute]] = {}
    for one in spoken:
        ways.setdefault((one.route.path, one.route.method.lower()), []).append(one)
    for (path, method), those in ways.items():
        paths.setdefault(path, {})[method] = _operation(those)
    paths |= more.paths
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "A miner of a Bittensor inference subnet",
            "version": version,
            "description": f"It speaks {', '.join(dict.fromkeys(one.dialect for one in spoken))}.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": SCHEMAS | OWN_SCHEMAS | more.schemas, "securitySchemes": more.security},
    }


def _for_everyone(one: LookUp) -> dict[str, Any]:
    return {"summary": one.about, "tags": ["everyone"], "responses": _responses([one.answers], TO_LOOK_UPS)}


def _operation(ways: Sequence[SpokenRoute]) -> dict[str, Any]:
    docs = [way.route.doc for way in ways]
    headers = [set(doc.headers) for doc in docs]
    always = set.intersection(*headers)
    statuses = TO_LOOK_UPS if all(isinstance(way.route, LookupRoute) for way in ways) else tuple(REFUSALS)
    operation: dict[str, Any] = {
        "summary": docs[0].about,
        "description": "\n\n".join(map(_said, ways)),
        "tags": sorted({way.dialect for way in ways}),
        "parameters": [
            {"name": name, "in": "header", "required": name in always, "schema": {"type": "string"}}
            for name in sorted(set.union(*headers))
        ],
        "responses": _responses([doc.answers for doc in docs], statuses),
    }
    asked = [doc.asks for doc in docs if doc.asks is not None]
    if asked:
        operation["requestBody"] = {"required": True, "content": _contents(asked)}
    return operation


def _said(way: SpokenRoute) -> str:
    doc = way.route.doc
    headers = f" Headers: {', '.join(doc.headers)}." if doc.headers else ""
    return f"**{way.dialect}**: {doc.about}.{headers}"


def _responses(answers: Sequence[Content], statuses: Iterable[int]) -> dict[str, Any]:
    refusal = {JSON: {"schema": reference("Refusal")}}
    refusals = {str(status): {"description": REFUSALS[status], "content": refusal} for status in statuses}
    return {"200": {"description": "answered", "content": _contents(answers)}, **refusals}


def _contents(bodies: Iterable[Content]) -> dict[str, Any]:
    """By media type; of several schemas for one, any may hold."""
    found: dict[str, list[dict[str, Any]]] = {}
    for body in bodies:
        schemas = found.setdefault(body.media, [])
        if body.schema not in schemas:
            schemas.append(body.schema)
    return {
        media: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}} for media, schemas in found.items()
    }
