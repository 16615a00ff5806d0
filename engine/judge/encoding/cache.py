"""Each text is embedded once: a bounded memory of vectors by the content's sha256."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from engine.judge.encoding.interface import Encoder, Vectors


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
