"""The screens that have a digit."""

from typing import NamedTuple


class Place(NamedTuple):
    """A screen: its name in code, and the title of its tab."""

    name: str
    title: str


PLACES = (
    Place("home", "Home"),
    Place("challenges", "Challenges"),
    Place("miners", "Miners"),
    Place("weights", "Weights"),
    Place("server", "Server"),
    Place("logs", "Logs"),
    Place("setup", "Setup"),
)
"""In the order of their digits, from 1."""
