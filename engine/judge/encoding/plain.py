"""Encoders without a model: fast, deterministic, blind to meaning. For tests and for machines without ONNX."""

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from engine.judge.encoding.interface import Vectors, unit_rows

MAX_CHARACTERS = 65_536
"""Of a text, as much as is encoded: all of one of 16,000 tokens."""

_WORD = re.compile(r"[a-z0-9]+")


class BagOfWords:
    """Signed token hashing into 256 dimensions: the encoder of the recorded Loosh vectors."""

    name = "bow"
    dim = 256
    device = "cpu"

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for token in _WORD.findall(text[:MAX_CHARACTERS].lower()):
                _add(row, token)
            if not row.any():
                row[0] = 1e-3
        return unit_rows(rows)


class Hashing:
    """Signed hashing of words and word pairs into 384 dimensions."""

    name = "hashing"
    dim = 384
    device = "cpu"

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            words = re.findall(r"\w+", text[:MAX_CHARACTERS].lower())
            for token in [*words, *(f"{first} {second}" for first, second in pairwise(words))]:
                _add(row, token)
        return unit_rows(rows)


def _add(row: Vectors, token: str) -> None:
    digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
    row[int.from_bytes(digest[:4], "big") % len(row)] += 1 if digest[4] & 1 else -1
