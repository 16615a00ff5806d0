"""What an encoder is: texts in, one unit vector a text out; and one that remembers."""

import hashlib
from collections import OrderedDict
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


class CachedEncoder:
    """An encoder that remembers the `capacity` vectors used last. Identical texts share one, also within a call."""

    def __init__(self, encoder: Encoder, *, capacity: int = 8_192) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._known: OrderedDict[bytes, Vectors] = OrderedDict()
        self.name = encoder.name
        self.dim = encoder.dim
        self.device = encoder.device

    def encode(self, texts: Sequence[str]) -> Vectors:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        vectors = {key: self._known[key] for key in keys if key in self._known}
        vectors.update(zip(new, self._encoder.encode(list(new.values())), strict=True))
        self._remember(vectors)
        return np.array([vectors[key] for key in keys], dtype=np.float32).reshape(len(texts), self.dim)

    def _remember(self, vectors: dict[bytes, Vectors]) -> None:
        for key, vector in vectors.items():
            self._known[key] = vector.copy()
            self._known.move_to_end(key)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)


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
