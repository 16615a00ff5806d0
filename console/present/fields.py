"""Columns of the usual kinds, so that a table is declared as a list of them. Each gets its value from a row; `about`
describes the column in the menus.
"""

from collections.abc import Callable

from console.present import formats
from console.present.states import State
from console.present.table import Cell, Column, Plain, Row
from console.present.text import Tone


def rounded(value: float) -> float:
    """A number for another program, without floating-point noise."""
    return round(value, 6)


def text(
    id: str,
    title: str,
    width: int,
    of: Callable[[Row], str],
    about: str,
    *,
    tone: Tone = "",
    priority: int = 1,
    grows: bool = False,
) -> Column[Row]:
    """A text, unchanged."""
    return Column(
        id=id,
        title=title,
        width=width,
        cell=lambda row, _now: Cell(of(row), tone),
        value=of,
        priority=priority,
        grows=grows,
        about=about,
        plain=of,
    )


def number(
    id: str,
    title: str,
    width: int,
    of: Callable[[Row], float],
    shown: Callable[[float], str],
    about: str,
    *,
    tone: Tone = "",
    priority: int = 1,
    plain: Callable[[Row], Plain] | None = None,
) -> Column[Row]:
    """A number, right-aligned, as formatted by `shown`."""
    return Column(
        id=id,
        title=title,
        width=width,
        cell=lambda row, _now: Cell(shown(of(row)), tone),
        value=of,
        align="right",
        priority=priority,
        about=about,
        plain=plain or (lambda row: rounded(of(row))),
    )


def state(id: str, title: str, width: int, of: Callable[[Row], State], about: str, *, priority: int = 1) -> Column[Row]:
    """A state in its own tone, sorted by its word."""

    def cell(row: Row, _now: float) -> Cell:
        shown = of(row)
        return Cell(shown.text, shown.tone)

    return Column(
        id=id,
        title=title,
        width=width,
        cell=cell,
        value=lambda row: of(row).word,
        priority=priority,
        about=about,
        plain=lambda row: of(row).word,
    )


def age(
    id: str, title: str, of: Callable[[Row], float], about: str, *, width: int = 6, priority: int = 1
) -> Column[Row]:
    """How long ago a moment was, in unix seconds; the latest is the smallest."""
    return Column(
        id=id,
        title=title,
        width=width,
        cell=lambda row, now: Cell(formats.age(of(row), now)),
        value=lambda row: -of(row),
        align="right",
        priority=priority,
        about=about,
        plain=lambda row: formats.iso(of(row)),
    )


def time(of: Callable[[Row], float], about: str) -> Column[Row]:
    """The time of day of a moment, in unix seconds."""
    return Column(
        id="time",
        title="TIME",
        width=8,
        cell=lambda row, _now: Cell(formats.clock(of(row)), "muted"),
        value=of,
        priority=0,
        about=about,
        plain=lambda row: formats.iso(of(row)),
    )


def took(id: str, title: str, of: Callable[[Row], float], about: str, *, priority: int = 1) -> Column[Row]:
    """Milliseconds."""
    return number(id, title, 6, of, formats.milliseconds, about, priority=priority)


def share(id: str, title: str, of: Callable[[Row], float], about: str, *, priority: int = 1) -> Column[Row]:
    """A weight or an incentive, 0 to 1."""
    return number(id, title, max(6, len(title)), of, formats.share, about, priority=priority)


def uid(of: Callable[[Row], int | None], *, priority: int = 0) -> Column[Row]:
    """A uid; `-` for none."""

    def place(row: Row) -> int:
        found = of(row)
        return -1 if found is None else found

    def shown(place: float) -> str:
        return formats.UNKNOWN if place < 0 else f"{place:.0f}"

    return number("uid", "UID", 4, place, shown, "its uid in the metagraph", priority=priority, plain=of)


def ema(of: Callable[[Row], float], *, priority: int) -> Column[Row]:
    """A score, 0 to 1."""
    about = "exponential moving average of its rewards"
    return number("ema", "EMA", 6, of, "{:.4f}".format, about, tone="accent", priority=priority)


def agreement(of: Callable[[Row], float], *, priority: int = 1) -> Column[Row]:
    """How far the votes agree, 0 to 1."""
    about = "the share of the votes' weight behind the winning cluster"
    return number("agree", "VOTES", 5, of, formats.percent, about, priority=priority)


def quality(of: Callable[[Row], float]) -> Column[Row]:
    """The quality of an answer, 0 to 1."""
    return number(
        "quality",
        "QUALITY",
        7,
        of,
        "{:.2f}".format,
        "quality of the answer on its own",
        priority=6,
    )


def emission(of: Callable[[Row], float], *, priority: int) -> Column[Row]:
    """The reward of a round, 0 to 1."""
    return Column(
        id="emission",
        title="REWARD",
        width=7,
        cell=lambda row, _now: paid(of(row)),
        value=of,
        align="right",
        priority=priority,
        about="what the round pays it, 0 to 1, before averaging",
        plain=lambda row: rounded(of(row)),
    )


def paid(amount: float) -> Cell:
    """A miner's reward in a round; zero is muted."""
    return Cell(f"{amount:.4f}", "accent" if amount > 0 else "muted")


def hotkey(of: Callable[[Row], str], *, priority: int) -> Column[Row]:
    """An address with its middle left out."""
    return Column(
        id="hotkey",
        title="HOTKEY",
        width=9,
        cell=lambda row, _now: Cell(formats.hotkey(of(row)), "muted"),
        value=of,
        priority=priority,
        about="its hotkey",
        plain=of,
    )


def named(
    name: Callable[[Row], str], hotkey: Callable[[Row], str], cells: int, *, priority: int, grows: bool = False
) -> Column[Row]:
    """A miner's name, or else its address in that many cells."""
    return Column(
        id="name",
        title="NAME",
        width=12,
        cell=lambda row, _now: Cell(name(row) or formats.hotkey(hotkey(row), cells)),
        value=lambda row: name(row) or hotkey(row),
        priority=priority,
        grows=grows,
        about="its name, else its hotkey",
        plain=lambda row: name(row) or hotkey(row),
    )
