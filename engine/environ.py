"""The environment of the processes that we start: what they need to run, and nothing that may be secret."""

import re
from collections.abc import Mapping

from engine.redaction import hide_known

_SECRET = re.compile(r"KEY|TOKEN(?!IZERS)|SECRET|PASS|AUTH|CREDENTIAL")
_NEEDED = re.compile(
    "|".join(
        (
            "PATH|HOME|USER|LOGNAME|TMPDIR|TZ|LANG|LANGUAGE|LC_.*|XDG_.*",
            "PYTHON[A-Z]+|VIRTUAL_ENV|LD_LIBRARY_PATH|LD_PRELOAD|MALLOC_.*",
            "(OMP|GOMP|KMP|MKL|OPENBLAS|NUMEXPR|BLIS|VECLIB|ORT)_.*",
            "(CUDA|CUDNN|CUBLAS|NVIDIA|NCCL|HIP|ROCR|ROCM|HSA|TORCH|PYTORCH)_.*",
            "HF_(HOME|HUB_CACHE|HUB_OFFLINE)|HUGGINGFACE_HUB_CACHE|TRANSFORMERS_(CACHE|OFFLINE)",
            "SENTENCE_TRANSFORMERS_HOME|TOKENIZERS_PARALLELISM|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE",
            "TERM|TMUX|TMUX_TMPDIR",
        )
    )
)
"""The system, Python, threads of libraries, GPUs, caches of models, certificates, the terminal. No tokens: what a
model's hub wants them for is never done here."""


def harmless(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that another process may see: needed, not named like a secret, and containing no known one."""
    return {
        name: value
        for name, value in environ.items()
        if _NEEDED.fullmatch(name) and not _SECRET.search(name) and hide_known(value) == value
    }
