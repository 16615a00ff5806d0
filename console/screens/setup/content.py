"""The settings in a table: names, values and sources."""

from collections.abc import Callable

from console.config import Shown
from console.present.table import Cell, Column, Table
from console.present.text import Tone
from engine.text import safe


def _column(
    id: str,
    title: str,
    width: int,
    text: Callable[[Shown], str],
    *,
    priority: int,
    about: str,
    tone: Callable[[Shown], Tone] = lambda _: "",
    grows: bool = False,
) -> Column[Shown]:
    return Column(
        id=id,
        title=title,
        width=width,
        cell=lambda row, _now: Cell(safe(text(row)), tone(row)),
        value=text,
        priority=priority,
        about=about,
        grows=grows,
    )


def _said(row: Shown) -> Tone:
    """Values that are set stand out against the defaults."""
    return "muted" if row.source.startswith("default") else "accent"


SETTINGS: Table[Shown] = Table(
    name="settings",
    empty="this run has no settings of its own",
    columns=(
        _column("name", "SETTING", 18, lambda row: row.name, priority=0, about="its name in the configuration file"),
        _column("value", "VALUE", 24, lambda row: row.value, priority=0, about="secrets are hidden", grows=True),
        _column("source", "SOURCE", 26, lambda row: row.source, priority=1, about="where it comes from", tone=_said),
        _column("about", "DESCRIPTION", 62, lambda row: row.about, priority=2, about="what it does, with its unit"),
    ),
    key=lambda row: row.name,
    sort="source",
)
