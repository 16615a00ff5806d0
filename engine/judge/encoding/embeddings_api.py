"""Any server with OpenAI's embeddings API: OpenAI itself, vLLM, Ollama, llama-server, text-embeddings-inference.

A text that the server rejects, for its length or its content, is halved until it is accepted, or gets a zero vector, so
that no miner's answer can prevent a round from being scored.
"""

import base64
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray

from engine import foreign_json
from engine.foreign_json import fields
from engine.judge.encoding.basics import EncoderEndpoint, EncoderError
from engine.judge.encoding.interface import Vectors, readable, unit_rows
from engine.redaction import redact
from engine.text import safe

MAX_CHARACTERS = 8_192
"""Of one text; halved, down to `LEAST_CHARACTERS`, as long as the server calls it too long."""

LEAST_CHARACTERS = 64
MAX_BATCH = 64
BATCH_CHARACTERS = 65_536
"""Of one request, as texts and as characters: servers refuse larger ones."""

MAX_DIMENSIONS = 16_384
MAX_REPLY_BYTES = 32 * 1024 * 1024
"""64 vectors of 16,384 numbers of up to 30 characters."""

CONNECT_S = 5.0
REPLY_S = 15.0
"""For the connection, and for the reply to one request."""

ENCODE_S = 25.0
"""Total limit for one call, so that a round can be judged twice within the client's deadline of 60 s."""

PAUSES_S = (0.5, 1.0, 2.0)
"""Pauses between attempts while the server is busy (429) or failing (5xx)."""

UNFIT = (400, 413, 422)
"""Statuses of servers that find a text too long."""

DETAIL_WIDTH = 200
"""Characters quoted of a server's error."""


class _UnfitError(Exception):
    """The server refuses these texts; the message says why."""


class OpenAIEmbeddings:
    """One model on one server; opening it requests one vector. `encode_s` limits a call of `encode`, in seconds."""

    def __init__(self, model: str, endpoint: EncoderEndpoint, *, encode_s: float = ENCODE_S) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._encode_s = encode_s
        self.dim = 0
        if not endpoint.url:
            raise EncoderError(
                f"{self.name}: set encoder_url to the address of the server, as in http://127.0.0.1:8000/v1"
            )
        try:
            self.device = _shown(endpoint.url)
            self._client = httpx.Client(
                headers={"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {},
                timeout=httpx.Timeout(REPLY_S, connect=CONNECT_S),
                verify=endpoint.url.startswith("https:"),
                trust_env=False,
            )
            self._url = httpx.URL(endpoint.url.rstrip("/") + "/embeddings")
        except (ValueError, httpx.InvalidURL) as error:
            raise EncoderError(f"{self.name}: encoder_url is not a valid URL ({error})") from None
        try:
            self.dim = self._asked(["How many dimensions?"], time.monotonic() + encode_s).shape[1]
        except _UnfitError as error:
            raise self._error(f"refuses to embed ({error}); is {model} an embedding model?") from None

    def encode(self, texts: Sequence[str]) -> Vectors:
        until = time.monotonic() + self._encode_s
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        clean = [readable(text, MAX_CHARACTERS) for text in texts]
        for batch in _batches(clean):
            vectors[batch] = self._vectors([clean[index] for index in batch], until)
        return vectors

    def _vectors(self, texts: Sequence[str], until: float) -> Vectors:
        """Shape (len(texts), dim). Rejected texts are sent again in smaller portions."""
        try:
            vectors = self._asked(texts, until)
        except _UnfitError:
            return self._in_halves(texts, until)
        if vectors.shape[1] != self.dim:
            raise self._error(f"answers with {vectors.shape[1]} dimensions instead of {self.dim}; restart")
        return vectors

    def _in_halves(self, texts: Sequence[str], until: float) -> Vectors:
        middle = len(texts) // 2
        if middle:
            return np.vstack([self._vectors(texts[:middle], until), self._vectors(texts[middle:], until)])
        shorter = texts[0][: len(texts[0]) // 2]
        if len(shorter) < LEAST_CHARACTERS or not shorter.strip():
            return np.zeros((1, self.dim), dtype=np.float32)
        return self._vectors([shorter], until)

    def _asked(self, texts: Sequence[str], until: float) -> Vectors:
        """The server's vectors, of shape (len(texts), dimensions). Raises _UnfitError, EncoderError."""
        body = msgspec.json.encode({"model": self._model, "input": texts, "encoding_format": "float"})
        for pause in (*PAUSES_S, None):
            status, raw = self._post(body, until)
            if status == 200:
                return self._read(raw, len(texts))
            if status in UNFIT:
                raise _UnfitError(_detail(raw))
            if status != 429 and status < 500:
                raise self._error(_refusal(status, self._model, raw))
            if pause is None or time.monotonic() + pause > until:
                break
            time.sleep(pause)
        raise self._error(f"is busy or broken (HTTP {status}: {_detail(raw)}); check the server's log")

    def _post(self, body: bytes, until: float) -> tuple[int, bytes]:
        parts: list[bytes] = []
        size = 0
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as reply:
                for part in reply.iter_raw():
                    parts.append(part)
                    size += len(part)
                    if size > MAX_REPLY_BYTES:
                        raise self._error(f"answers with more than {MAX_REPLY_BYTES} bytes")
                    if time.monotonic() > until:
                        raise self._error(f"takes longer than {self._encode_s:g} s; is it overloaded?")
        except httpx.TimeoutException:
            raise self._error(f"does not answer within {REPLY_S:g} s; is it overloaded?") from None
        except httpx.HTTPError as error:
            why = safe(str(error) or type(error).__name__, DETAIL_WIDTH)
            raise self._error(f"cannot be reached ({why}); start the server, or correct encoder_url") from None
        return reply.status_code, b"".join(parts)

    def _read(self, raw: bytes, count: int) -> Vectors:
        try:
            answer = foreign_json.read(raw)
            if fields(answer).get("error"):
                raise self._error(f"answers with an error ({_detail(raw)})")
            rows = fields(answer)["data"]
            if not isinstance(rows, list):
                raise ValueError("the vectors are a list")
            by_index = dict(_row(fields(row), place) for place, row in enumerate(rows))
        except (KeyError, ValueError):
            raise self._error("does not answer as OpenAI's embeddings do; is encoder_url right, with /v1?") from None
        if len(rows) != count or by_index.keys() != set(range(count)):
            raise self._error(f"answers with {len(rows)} vectors for {count} texts")
        dims = {len(embedding) for embedding in by_index.values() if embedding is not None} or {self.dim}
        if len(dims) != 1 or not 0 < (dim := max(dims)) <= MAX_DIMENSIONS:
            raise self._error(f"answers with vectors of {', '.join(map(str, sorted(dims)))} dimensions")
        nothing = np.full(dim, np.nan)
        by_place = (by_index[index] for index in range(count))
        return unit_rows(np.array([nothing if vector is None else vector for vector in by_place]))

    def _error(self, what: str) -> EncoderError:
        return EncoderError(f"{self.name}: {self.device} {what}")


def _row(row: dict[str, object], place: int) -> tuple[int, NDArray[np.float64] | None]:
    """The index of a row's text, and its vector or None. Raises KeyError, ValueError.

    A row without an index belongs to the text at its position. A vector may arrive in base64 even if numbers were
    requested.
    """
    index = foreign_json.count(row.get("index"))
    given = row["embedding"]
    try:
        if isinstance(given, str):
            given = np.frombuffer(base64.b64decode(given, validate=True), dtype="<f4").tolist()
        vector = None if given is None else np.asarray(given, dtype=np.float64)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if vector is not None and vector.ndim != 1:
        raise ValueError("a vector is a list of numbers")
    return place if index is None else index, vector


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Indices in batches of similar length: at most 64 texts and BATCH_CHARACTERS; blank texts are left out."""
    batch: list[int] = []
    characters = 0
    for index in sorted((index for index, text in enumerate(texts) if text.strip()), key=lambda at: len(texts[at])):
        if batch and (len(batch) == MAX_BATCH or characters + len(texts[index]) > BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(index)
        characters += len(texts[index])
    if batch:
        yield batch


def _shown(url: str) -> str:
    """The address without its potentially secret parts: password and query. Raises ValueError."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("it must begin with http:// or https:// and a host")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _refusal(status: int, model: str, raw: bytes) -> str:
    match status:
        case 401 | 403:
            return f"rejects the key (HTTP {status}); set the right one in SUBNET_CONSOLE_ENCODER_KEY"
        case 404 | 405:
            return f"has no embeddings of {model} (HTTP {status}: {_detail(raw)}); is encoder_url right, with /v1?"
        case _ if 300 <= status < 400:
            return f"redirects elsewhere (HTTP {status}); set encoder_url to the address it redirects to"
        case _:
            return f"refuses (HTTP {status}: {_detail(raw)})"


def _detail(raw: bytes) -> str:
    """What the server says about a failure, in OpenAI's form or verbatim, on one line."""
    try:
        said: Any = foreign_json.read(raw)
    except ValueError:
        said = raw[:DETAIL_WIDTH].decode(errors="replace")
    for field in ("error", "message", "detail"):
        if isinstance(said, dict) and field in said:
            said = said[field]
    return safe(redact(str(said)), DETAIL_WIDTH)
