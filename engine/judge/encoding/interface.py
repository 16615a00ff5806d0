"""The encoder interface: texts in, one unit vector per text out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into float32 vectors of shape (len(texts), dim), each of length 1, or 0 for a text that means nothing
    to the encoder. Never NaN. Raises EncoderError if the model fails."""

    @property
    def name(self) -> str:
        """The name under which it is chosen, recorded with each round."""
        ...

    @property
    def dim(self) -> int:
        """The length of its vectors."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: cpu, cuda:0, or a server's address."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors, a row per text. Raises EncoderError."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """An encoder that knows how many tokens it reads."""

    def tokens(self, texts: Sequence[str]) -> int:
        """Of all texts together, the marks at their ends left aside."""
        ...


def unit_rows(matrix: NDArray[np.floating]) -> Vectors:
    """The rows scaled to length 1. Zero and non-finite rows become zero, so that they resemble nothing."""
    with np.errstate(over="ignore"):
        rows = np.asarray(matrix, dtype=np.float32)
    rows = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.float32(0))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled


def gpu_number(device: str) -> int:
    """The number of the GPU that auto, cuda or cuda:N stands for."""
    return int(device.partition(":")[2] or 0)


def readable(text: str, limit: int) -> str:
    """The first `limit` characters, without the lone surrogates that tokenizers reject."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8")
