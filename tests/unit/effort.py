"""How much work something is, whatever else the machine does meanwhile and however fast it is."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

REFERENCE_S = 0.015
"""What the reference takes where nothing else runs, on the machine for which the bounds were chosen."""

TEXT = "the 12 of 345 " * 400


@contextmanager
def effort(*, at_most: float) -> Iterator[None]:
    """The block takes the processor for at most so many seconds of that machine.

    The same known work is done before and after it, on the same thread: what makes one slow makes the other slow.
    Choose five to ten times what the block takes: what grows with the square of its input takes a hundred times it.
    """
    before = _reference()
    began = time.thread_time()
    yield
    took = time.thread_time() - began
    seconds = took * REFERENCE_S * 2 / (before + _reference())
    assert seconds < at_most, f"{seconds:.2f} s of work, {took:.2f} s on this machine now; at most {at_most} s"


def _reference() -> float:
    began = time.thread_time()
    for _ in range(40):
        counted: dict[str, int] = {}
        for word in re.findall(r"[a-z]+|\d+", TEXT):
            counted[word] = counted.get(word, 0) + len(word)
        sorted(counted.items())
    return time.thread_time() - began
