"""Python's garbage collector, out of the way of the first frame, and later of the keys.

Almost all that a start makes stays, and going through it over and over took a tenth of the start.
"""

import gc

SETTLED_S = 5.0
"""Seconds after the first frame."""


def begin() -> None:
    """Collect nothing while the program is loaded."""
    gc.disable()


def go_on() -> None:
    """The first frame is there, or never comes: collect again, among what is made after it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def leave_alone_what_stays() -> None:
    """Once the engine is up: collect once, and then leave aside all that is there. Going through it held up keys."""
    gc.collect()
    gc.freeze()
