"""Embeddings in OpenAI's form, by the encoder that this program has anyway."""

import base64
from array import array
from collections.abc import Sequence
from sys import byteorder
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from miner_server.openai.errors import ApiError
from miner_server.openai.request import LABELS, converted, read_object

MOST_TEXTS = 2048
"""OpenAI's own limit."""


class EmbeddingError(Exception):
    """The encoder failed; the message is for the operator."""


class Embedded(NamedTuple):
    """A vector per text, and how many tokens all texts have, None if the encoder does not tell."""

    vectors: Sequence[Sequence[float]]
    tokens: int | None = None


class Embedder(Protocol):
    """Texts in, one vector per text out. `name` is what callers call the model."""

    @property
    def name(self) -> str: ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Raises EmbeddingError."""
        ...


class EmbeddingsBody(Struct, frozen=True, kw_only=True):
    """The body of POST /v1/embeddings as OpenAI defines it. `input` may be tokens there, which are refused here."""

    model: str
    input: str | Annotated[tuple[Any, ...], Meta(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Meta(ge=1)] | None = None


class Texts(Struct, frozen=True):
    """What is to be embedded, and how it is sent back."""

    model: str
    texts: tuple[str, ...]
    packed: bool
    dimensions: int | None


def read_texts(raw: bytes, limit: int) -> Texts:
    """The body of an embeddings request. Raises ApiError."""
    given = read_object(raw, limit)
    for name in given:
        if name not in (*EmbeddingsBody.__struct_fields__, *LABELS):
            raise ApiError(400, f"there is no parameter {name[:64]!r} here", param=name[:64], code="unknown_parameter")
    body: EmbeddingsBody = converted(given, EmbeddingsBody)
    texts = (body.input,) if isinstance(body.input, str) else body.input
    for place, text in enumerate(texts):
        where = "input" if isinstance(body.input, str) else f"input[{place}]"
        if not isinstance(text, str):
            raise ApiError(400, "this encoder takes texts, not tokens", param=where)
        if not text:
            raise ApiError(400, "an empty text has no embedding", param=where)
    return Texts(body.model, texts, body.encoding_format == "base64", body.dimensions)


def counted(asked: Texts, embedded: Embedded) -> int:
    """The tokens of what was asked; its words, if the encoder tells no tokens."""
    return sum(len(text.split()) for text in asked.texts) if embedded.tokens is None else embedded.tokens


def written(asked: Texts, embedded: Embedded) -> bytes:
    """The JSON of the embeddings. Raises ApiError."""
    width = len(embedded.vectors[0])
    if asked.dimensions not in (None, width):
        raise ApiError(400, f"this encoder's vectors have {width} dimensions", param="dimensions")
    tokens = counted(asked, embedded)
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if asked.packed else list(vector)}
        for index, vector in enumerate(embedded.vectors)
    ]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": data,
            "model": asked.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _packed(vector: Sequence[float]) -> str:
    """As OpenAI packs them: 32-bit floats, little-endian, in base64."""
    floats = array("f", vector)
    if byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
