"""Any local sentence-transformers model (extra `torch`); nothing is downloaded."""

import os
from collections.abc import Sequence

import numpy as np

from engine.judge.encoding.basics import EncoderError
from engine.judge.encoding.interface import Vectors, gpu_number, readable, unit_rows
from engine.packages import install

MAX_TOKENS = 256
MAX_CHARACTERS = 16_384
"""As of minilm, so that both encode the same part of a text."""


class SentenceTransformers:
    """A model, by hub name (from the local cache) or folder. Texts are truncated to 256 tokens."""

    def __init__(self, model: str, *, threads: int = 1, device: str = "auto") -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        os.environ.setdefault("TQDM_DISABLE", "1")
        try:
            import sentence_transformers
            import torch  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise EncoderError(
                f"sentence-transformers:{model}: the package is not installed: "
                f"{install('sentence-transformers')}, or choose the encoder minilm"
            ) from error
        gpus = torch.cuda.device_count()
        if device not in ("auto", "cpu") and gpu_number(device) >= gpus:
            raise EncoderError(
                f"sentence-transformers:{model}: torch finds no {device} among {gpus} GPUs; "
                "set encoder_device to auto or cpu"
            )
        self.device = f"cuda:{gpu_number(device)}" if gpus and device != "cpu" else "cpu"
        torch.set_num_threads(threads)
        try:
            self._model = sentence_transformers.SentenceTransformer(model, device=self.device)
        except Exception as error:
            raise EncoderError(
                f"sentence-transformers:{model} cannot be loaded ({error}); "
                "put the model in the hub cache or name its folder, or choose the encoder minilm"
            ) from error
        self._model.max_seq_length = MAX_TOKENS
        self.name = f"sentence-transformers:{model}"
        self.dim = self._rows(["one"]).shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        return unit_rows(self._rows([readable(text, MAX_CHARACTERS) for text in texts]))

    def tokens(self, texts: Sequence[str]) -> int:
        cut = [readable(text, MAX_CHARACTERS) for text in texts]
        options = {"add_special_tokens": False, "truncation": True, "max_length": MAX_TOKENS}
        return sum(map(len, self._model.tokenizer(cut, **options)["input_ids"]))

    def _rows(self, texts: list[str]) -> Vectors:
        rows: Vectors = self._model.encode(texts, batch_size=16, convert_to_numpy=True, show_progress_bar=False)
        return rows
