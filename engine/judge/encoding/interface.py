"""What an encoder is: texts in, one unit vector a text out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Texts to vectors of shape (len(texts), dim), float32, each of length one, or zero when the text has no meaning
    to the encoder. Never NaN. Raises EncoderError when the model fails."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def device(self) -> str:
        """Where it runs: cpu, cuda:0, or the address of a server."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...


def unit_rows(matrix: NDArray[np.floating]) -> Vectors:
    """The rows scaled to length one; a row that is zero or not finite becomes zero, so that it resembles nothing."""
    with np.errstate(over="ignore"):
        rows = np.asarray(matrix, dtype=np.float32)
    rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.float32(0))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled


def gpu_number(device: str) -> int:
    """Which GPU is meant by auto, cuda or cuda:N."""
    return int(device.partition(":")[2] or 0)


def readable(text: str, limit: int) -> str:
    """The first `limit` characters without lone surrogates, which no tokenizer accepts."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8")
