"""How many threads numpy and its friends take: they read it from the environment when they are loaded."""

_NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def thread_limits(threads: int) -> dict[str, str]:
    """The environment of a process that embeds and judges with so many threads."""
    return dict.fromkeys(_NAMES, str(threads))
