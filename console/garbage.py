"""Python's garbage collector, out of the way of a start, and later of the keys.

Almost everything that is created at the start lives on, and scanning it over and over took a tenth of the startup time.
"""

import gc

SETTLED_S = 5.0
"""When to call `leave_alone_what_stays`: seconds after the first frame, or after the start without a screen."""

SELDOM = 100
"""How many collections of the younger generation precede a full one; Python's default is 10."""


def begin() -> None:
    """Disable collection while the program loads."""
    gc.disable()


def go_on() -> None:
    """Collect again, among objects created from now on: the first frame is shown, or will never be."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def leave_alone_what_stays() -> None:
    """Once the engine is up: collect, exempt all existing objects from later collections, and collect less often. While
    many miners were asked, full collections stopped keys and the engine for 60 ms every second.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
    gc.enable()
