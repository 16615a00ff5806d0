"""An event loop's lateness: a beat that sleeps, and how late it wakes each time.

`python -m benchmarks.beat` is the control: an otherwise idle loop in its own process. It beats until its stdin ends,
then prints its beats. All processes on a machine share the monotonic clock.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import msgspec

EVERY_S = 0.01

Beats = list[tuple[float, float]]
"""When each wake was due (monotonic seconds) and by how many milliseconds it was late."""

Span = tuple[float, float]
"""A time span (from, to), in monotonic seconds."""


async def keep(beats: Beats) -> None:
    """Beat until cancelled."""
    while True:
        due = time.monotonic() + EVERY_S
        await asyncio.sleep(EVERY_S)
        beats.append((due, (time.monotonic() - due) * 1000))


def p99(beats: Beats, spans: Sequence[Span]) -> float:
    """The lateness, in milliseconds, of the beats due within one of the spans."""
    late = sorted(late for due, late in beats if any(begin <= due <= end for begin, end in spans))
    return late[int(0.99 * (len(late) - 1))]


async def main() -> None:
    beats: Beats = []
    beating = asyncio.create_task(keep(beats))
    await asyncio.to_thread(sys.stdin.read)
    beating.cancel()
    sys.stdout.buffer.write(msgspec.json.encode(beats))


if __name__ == "__main__":
    asyncio.run(main())
