"""A figure against its target, and the table of them."""

import os
import platform
from collections.abc import Sequence

from msgspec import Struct

HEADINGS = ("FIGURE", "MEASURED", "TARGET", "")


class Figure(Struct, frozen=True):
    """One line of the table: `value` in `unit`. Without a target it is for information."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def over(self) -> bool:
        """Whether it exceeds its target, an upper bound. NaN does."""
        return self.target is not None and not self.value <= self.target

    @property
    def cells(self) -> tuple[str, str, str, str]:
        if self.target is None:
            return self.name, self._written(self.value), "", ""
        return self.name, self._written(self.value), f"≤ {self._written(self.target)}", "over" if self.over else "ok"

    def _written(self, number: float) -> str:
        return f"{number:.3g} {self.unit}" if number < 100 else f"{number:.0f} {self.unit}"


def table(figures: Sequence[Figure]) -> str:
    """The lines of the table, with figures and targets right-aligned."""
    rows = [HEADINGS, *(figure.cells for figure in figures)]
    name, measured, target, _ = (max(len(row[column]) for row in rows) for column in range(len(HEADINGS)))
    return "\n".join(f"{row[0]:<{name}}  {row[1]:>{measured}}  {row[2]:>{target}}  {row[3]}".rstrip() for row in rows)


def machine() -> str:
    """This machine, and its load over the last 1, 5 and 15 minutes."""
    load = " ".join(f"{average:.2f}" for average in os.getloadavg())
    kind = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {kind}, load {load}"
