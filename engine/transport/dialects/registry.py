"""The dialects by name: those of the package, and those that others add by an entry point.

A distribution adds one with an entry point in the group `subnet_console.dialects` that names a `Dialect`.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from engine.transport.dialect import Dialect
from engine.transport.dialects.btauth import BTAUTH
from engine.transport.dialects.fiber import FIBER
from engine.transport.dialects.loosh import LOOSH

GROUP = "subnet_console.dialects"
OWN = (LOOSH, FIBER, BTAUTH)
USUAL = LOOSH.name
"""The dialect of a neuron of which nothing else is known."""


@cache
def dialects() -> Mapping[str, Dialect]:
    """All dialects by name. Raises TypeError if an entry point names something else."""
    found = {one.name: one for one in OWN}
    for point in entry_points(group=GROUP):
        added = point.load()
        if not isinstance(added, Dialect):
            raise TypeError(f"the entry point {point.name} in {GROUP} is not a Dialect")
        found.setdefault(added.name, added)
    return found
