"""Waiting that is seen: whoever waits for something longer than it should take says so, until it comes."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from engine.feed import Feed

log = logging.getLogger(__name__)


@contextmanager
def impatience(feed: Feed | None, subject: str, waiting: str, over: str, *, after: float) -> Iterator[None]:
    """Tell of `waiting` when the block takes more than `after` seconds, and that it is `over` with the next good end.

    What else is told of the subject stays.
    """

    def tell() -> None:
        if feed is None:
            log.warning("%s", waiting)
        else:
            feed.hold_attention("warning", subject, waiting)

    telling = asyncio.get_running_loop().call_later(after, tell)
    try:
        yield
    finally:
        telling.cancel()
    if feed is not None:
        feed.settle(subject, over, told=waiting)
