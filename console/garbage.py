"""Python's garbage collector, out of the way of a start, and later of the keys.

Almost all that a start makes stays, and going through it over and over took a tenth of the start.
"""

import gc

SETTLED_S = 5.0
"""Seconds after the first frame, or after the start without a screen."""

SELDOM = 100
"""How many collections among what is younger come before one of everything; Python's own number is 10."""


def begin() -> None:
    """Collect nothing while the program is loaded."""
    gc.disable()


def go_on() -> None:
    """The first frame is there, or never comes: collect again, among what is made after it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def leave_alone_what_stays() -> None:
    """Once the engine is up: collect, exempt all that exists from later collections, and collect less often.

    While many miners were asked, a collection of everything held up keys, and the engine, for 60 ms, each second.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
    gc.enable()
