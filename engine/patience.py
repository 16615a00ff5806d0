"""Waiting that is reported: what takes longer than it should is said, until it is over."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from engine.feed import Feed

log = logging.getLogger(__name__)


@contextmanager
def impatience(feed: Feed | None, subject: str, waiting: str, over: str, *, after: float) -> Iterator[None]:
    """Report `waiting` when the block takes more than `after` seconds, and that it is `over` when one ends well.

    What else was reported on the subject stays. Without a feed the log alone is told.
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
