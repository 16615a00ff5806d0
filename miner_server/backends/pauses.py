"""How long to wait before a failure that may pass is tried again within a request's deadline."""

import time

from miner_server.errors import BackendError

PAUSES_S = (0.2, 1.0)
"""Pauses before the second and third attempts, unless the server asks for more time."""

LONGEST_PAUSE_S = 5.0
"""A pause holds a slot that others could use. Telling this caller at once to come back later costs less than that."""


def pause_after(error: BackendError, pause: float, until: float) -> float | None:
    """Seconds to wait, at least `pause`; None if trying again is hopeless or would come too late.

    `until` is the deadline, on the monotonic clock.
    """
    if error.again_in is None or error.again_in > LONGEST_PAUSE_S:
        return None
    wait = max(pause, error.again_in)
    return wait if time.monotonic() + wait < until else None
