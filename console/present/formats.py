"""Values formatted for a cell: durations, blocks, tokens, addresses, bars."""

import math
import time
from collections.abc import Sequence

from console.instants import duration
from console.present.text import Line, Span, Tone, line
from engine.text import cells, safe

UNKNOWN = "-"
SPARKS = "▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉"
AXIS = 6
"""Cells of the scale at the left of `columns`."""


def age(at: float, now: float) -> str:
    """How long ago; `-` for never."""
    return duration(now - at) if at else UNKNOWN


def counted(count: int, one: str, many: str = "") -> str:
    """A number of things: "1 round", "1,200 rounds"; `many` where the plural is more than an added "s"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def countdown(seconds: float) -> str:
    """Minutes and seconds, as on a clock: "00:41"."""
    left = math.ceil(max(0.0, seconds))
    return f"{left // 60:02d}:{left % 60:02d}"


def clock(at: float) -> str:
    """The local time of day; `-` for never."""
    return time.strftime("%H:%M:%S", time.localtime(at)) if at else UNKNOWN


def local(at: float) -> str:
    """Date and local time of day: "2026-11-22 14:05:30"."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def utc(at: float) -> str:
    """Date and time of day: "2026-11-22 14:05:30 UTC"."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def iso(at: float) -> str | None:
    """Date and time of day for another program: "2026-11-22T14:05:30Z"; None for never."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) if at else None


def blocks(count: int, block_time: float) -> str:
    """A number of blocks and how long they take: "62 blk 12m24s"."""
    return f"{count} blk {duration(count * block_time)}"


def tau(amount: float | None) -> str:
    """An amount in tokens: large ones with separators and no decimals, small ones with more digits; `-` if unknown."""
    if amount is None:
        return UNKNOWN
    if 0 < amount < 0.1:
        return f"τ{amount:.4f}"  # the lowest price of a registration is τ0.0005
    return f"τ{amount:,.0f}" if amount >= 1000 else f"τ{amount:.3f}"


def hotkey(address: str, width: int = 9) -> str:
    """An address in `width` cells, both ends visible: "5FHn…k2Qe"."""
    if len(address) <= width:
        return address or UNKNOWN
    tail = (width - 1) // 2
    return f"{address[: width - 1 - tail]}…{address[-tail:]}"


def middle(text: str, width: int) -> str:
    """A name in `width` cells with its tail visible, which distinguishes similar names: "garba…-1"."""
    if cells(text) <= width:
        return text
    tail = text[-2:] if width > 4 and cells(text[-2:]) == 2 else ""
    return safe(text, width - len(tail)) + tail


def milliseconds(ms: float) -> str:
    """`-` for none, seconds from one on: "212ms", "1.2s"."""
    if ms <= 0:
        return UNKNOWN
    return f"{ms:.0f}ms" if ms < 999.5 else f"{ms / 1000:.1f}s"


def percent(share: float) -> str:
    """A share, 0 to 1, without decimals: "41%"."""
    return f"{share:.0%}"


def share(value: float) -> str:
    """A weight or an incentive, 0 to 1, without its leading zero: ".0156"; `-` for nothing."""
    if value <= 0:
        return UNKNOWN
    return f"{value:.4f}".removeprefix("0")


def spark(values: Sequence[float], width: int, *, top: float | None = None) -> str:
    """The last `width` values as bars between 0 and `top`, by default the largest of them."""
    shown = [max(0.0, value) for value in values[-width:]]
    highest = top or max(shown, default=0.0) or 1.0
    last = len(SPARKS) - 1
    return "".join(SPARKS[min(last, round(value / highest * last))] for value in shown)


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells, in steps of an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def gauge(fraction: float, width: int) -> str:
    """A bar whose empty part is visible, too: "▮▮▮▯▯"."""
    full = round(min(1.0, max(0.0, fraction)) * width)
    return "▮" * full + "▯" * (width - full)


def columns(values: Sequence[float], width: int, height: int, *, top: float, tone: Tone) -> list[Line]:
    """The last values, oldest first, a column each, between 0 and `top`; the scale stands at the left."""
    shown = values[-max(1, width - AXIS) :]
    eighths = [round(min(1.0, max(0.0, value / top)) * height * 8) for value in shown]
    lines = []
    for row in reversed(range(height)):
        label = f"{top:.2f}" if row == height - 1 else "0" if row == 0 else ""
        blocks = "".join(_block(count - row * 8) for count in eighths)
        lines.append(line(Span(f"{label:>{AXIS - 2}} ┤", "muted"), Span(blocks, tone)))
    return lines


def _block(eighths: int) -> str:
    return " " if eighths <= 0 else SPARKS[min(8, eighths) - 1]
