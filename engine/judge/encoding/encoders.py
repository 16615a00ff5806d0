"""Opens an encoder by its name in the settings, and caches what it embeds."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from engine.judge.encoding.basics import NOWHERE, EncoderEndpoint, EncoderError
from engine.judge.encoding.interface import Encoder, Vectors

SPECS = "minilm, sentence-transformers:MODEL, openai:MODEL, hashing, bow"


def open_encoder(spec: str, *, threads: int = 1, device: str = "auto", endpoint: EncoderEndpoint = NOWHERE) -> Encoder:
    """The encoder named by `spec` (see SPECS). Its libraries are loaded here.

    A local model uses `threads` and `device` (auto, cpu, cuda or cuda:N); an openai model is served at `endpoint`.

    Raises EncoderError for an unknown name, a missing package or device, an unreachable server, or a model that is
    missing or does not match the pinned one.
    """
    name, _, model = spec.partition(":")
    if name == "minilm" and not model:
        try:
            from engine.judge.encoding.minilm import MiniLM
        except ImportError as error:
            raise EncoderError(
                f"minilm: {error.name} is not installed; run the setup again, or choose another encoder"
            ) from error
        return MiniLM(threads=threads, device=device)
    if name == "sentence-transformers" and model:
        from engine.judge.encoding.torch_models import SentenceTransformers

        return SentenceTransformers(model, threads=threads, device=device)
    if name == "openai" and model:
        from engine.judge.encoding.embeddings_api import OpenAIEmbeddings

        return OpenAIEmbeddings(model, endpoint)
    if spec in ("hashing", "bow"):
        from engine.judge.encoding.plain import BagOfWords, Hashing

        return Hashing() if spec == "hashing" else BagOfWords()
    raise EncoderError(f"unknown encoder {spec!r}; choose one of {SPECS}")


class CachedEncoder:
    """Caches the `capacity` most recently used vectors of an encoder. Identical texts are embedded once."""

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
