"""The colours of a picture on white. They are distinguishable for colour-blind readers, and each cluster has a
letter.
"""

from msgspec import Struct

INK = "#1f2933"
MUTED = "#5f6b7a"
FRAME = "#d5dae1"
PAPER = "#ffffff"
PANEL = "#fafbfc"


class Colour(Struct, frozen=True):
    """A fill colour, and a text colour that is readable on it."""

    fill: str
    ink: str


CLUSTERS = (
    Colour("#0072b2", PAPER),
    Colour("#e69f00", INK),
    Colour("#00785a", PAPER),
    Colour("#cc79a7", INK),
    Colour("#c04a00", PAPER),
    Colour("#56b4e9", INK),
)
SMALLER = Colour("#2f3640", PAPER)
"""The colour of all further clusters; their letters tell them apart."""

NONE = Colour("#ffffff", INK)

HEAT = ((247, 248, 245), (200, 221, 228), (116, 172, 200), (38, 111, 163), (8, 48, 96))
"""Colours for likeness from 0 to 1 in even steps, each darker than the one before."""


def of_cluster(cluster: str) -> Colour:
    """The colour of a cluster by its letter, "" for none."""
    if not cluster:
        return NONE
    place = ord(cluster) - ord("A") if len(cluster) == 1 else len(CLUSTERS)
    return CLUSTERS[place] if place < len(CLUSTERS) else SMALLER


def heat(likeness: float) -> Colour:
    """The colour of a likeness, 0..1."""
    at = likeness * (len(HEAT) - 1)
    low = min(int(at), len(HEAT) - 2)
    mixed = (
        round(one + (other - one) * (at - low)) for one, other in zip(HEAT[low], HEAT[low + 1], strict=True)
    )  # fmt: skip
    return Colour("#" + "".join(f"{part:02x}" for part in mixed), PAPER if likeness > 0.55 else INK)
