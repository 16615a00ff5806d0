"""What a backend's error means for a call, and how the operator is told about it."""

import json
import re
from itertools import islice

from engine import foreign_json
from engine.foreign_json import count, fields
from engine.redaction import redact
from engine.text import safe
from miner_server.errors import BackendError, BackendUnavailable, RequestTooLong, RequestUnfit

DETAIL_WIDTH = 200
"""Characters kept of what a model server says of a failure."""

ERROR_DEPTH = 8
"""How deep an error's text may be nested in objects: error, message, detail."""

STATUS = re.compile(r"[1-5][0-9]{2}\Z")
UNFIT = (400, 413, 422)
TRANSIENT = (429, 500, 502, 503)
BUSY = (429, 503)
"""Statuses for what the server cannot answer, for what may work when it is asked again, and for that it has no room."""

TOO_LONG = ("exceed_context_size_error", "context_length_exceeded")
SAYS_TOO_LONG = re.compile(r"context (length|size|window)|maximum context", re.IGNORECASE)


def failure(error: object, *, status: int | None = None, again_in: float = 0.0) -> BackendError:
    """What a backend's error means for a call, judged by its HTTP status or by the error's text.

    `again_in` is how long the backend asks to be left alone, in seconds.
    """
    told = fields(fields(error).get("error")) or fields(error)
    code = status or _code(told.get("code")) or _code(told.get("status"))
    kinds = (told.get("type"), told.get("code"))
    said = quoted(error)
    if status is not None:
        said = f"the model server answered {status}: {said}"
    if any(kind in TOO_LONG for kind in kinds if isinstance(kind, str)) or (
        code in UNFIT and SAYS_TOO_LONG.search(said)
    ):
        return RequestTooLong(said)
    if code in UNFIT or (not code and "invalid_request_error" in kinds):
        return RequestUnfit(said)
    kind = BackendUnavailable if code in BUSY else BackendError
    return kind(said, again_in=again_in if code in TRANSIENT else None)


def unfit(said: str) -> RequestUnfit:
    """What a model in this process says of a request that it cannot answer."""
    return (RequestTooLong if SAYS_TOO_LONG.search(said) else RequestUnfit)(said)


def quoted(error: object) -> str:
    """What a backend says about its failure, on one line for the operator."""
    told = error
    for _ in range(ERROR_DEPTH):
        told = next((inner for name in ("error", "message", "detail") if (inner := fields(told).get(name))), told)
    return safe(redact(told if isinstance(told, str) else _beginning(told)), DETAIL_WIDTH)


def read_body(raw: bytes) -> object:
    """The body of a failure: its JSON, or else its text."""
    try:
        return foreign_json.read(raw)
    except ValueError:
        return raw[: DETAIL_WIDTH * 4].decode(errors="replace")


def _code(given: object) -> int:
    """An HTTP status, which may be a string; 0 for anything else."""
    return int(given) if isinstance(given, str) and STATUS.match(given) else count(given) or 0


def _beginning(told: object) -> str:
    """The beginning of its JSON, which may have megabytes."""
    return "".join(islice(json.JSONEncoder().iterencode(told), DETAIL_WIDTH))
