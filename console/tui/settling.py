"""Once the engine is up, most of what is in memory stays for as long as the process."""

import gc

SETTLED_S = 5.0
"""Seconds after the first frame."""


def leave_alone_what_stays() -> None:
    """Have Python's collector pass over all that is there now: going through it held up a key every few seconds."""
    gc.collect()
    gc.freeze()
