"""How alike the answers of a round are by their words, as a matrix and as places on a map.

The vectors of the encoder are not stored, so this is not what the judgement was made of: it is a second look that
needs nothing but the texts.
"""

import json
import re
from collections.abc import Sequence
from zlib import crc32

from msgspec import Struct

from engine.values import Reply

CHARS = 4000
"""What is looked at of each text."""

PLACES = 4096
"""Words are counted in so many places, by their hash."""

_WORD = re.compile(r"\w+")


class Likeness(Struct, frozen=True, kw_only=True):
    """`members` are the positions of the replies that have an answer; all else is in their order.

    `matrix` holds cosines, 0 to 1. `points` are (x, y) within -1 to 1, and `kept` the share of the differences that
    two dimensions show.
    """

    members: tuple[int, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    kept: float = 1.0


def likeness(replies: Sequence[Reply]) -> Likeness:
    """Compare every answer with every other one. Loads numpy: not for a screen's own thread."""
    import numpy as np

    members = tuple(place for place, reply in enumerate(replies) if reply.status == "ok")
    if not members:
        return Likeness()
    counts = np.zeros((len(members), PLACES))
    for row, place in enumerate(members):
        for word in words(replies[place]):
            counts[row, crc32(word.encode("utf-8", "replace")) % PLACES] += 1
    lengths = np.linalg.norm(counts, axis=1, keepdims=True)
    units = np.divide(counts, lengths, out=np.zeros_like(counts), where=lengths > 0)
    cosines = np.clip(units @ units.T, 0.0, 1.0)
    np.fill_diagonal(cosines, 1.0)

    # Classical scaling: squared distances of unit vectors, doubly centred, are the doubly centred cosines.
    centring = np.eye(len(members)) - 1 / len(members)
    values, vectors = np.linalg.eigh(centring @ cosines @ centring)
    order = np.argsort(values)[::-1][:2]
    chosen = np.clip(values[order], 0.0, None)
    points = np.zeros((len(members), 2))
    points[:, : len(order)] = vectors[:, order] * np.sqrt(chosen)
    heaviest = points[np.abs(points).argmax(axis=0), [0, 1]]
    points *= np.where(heaviest < 0, -1.0, 1.0)
    points /= np.abs(points).max() or 1.0
    differences = np.clip(values, 0.0, None).sum()
    return Likeness(
        members=members,
        matrix=tuple(map(tuple, cosines.tolist())),
        points=tuple((x, y) for x, y in points.tolist()),
        kept=float(chosen.sum() / differences) if differences > 1e-9 else 1.0,
    )


def words(reply: Reply) -> list[str]:
    """The words of an answer, or those of its tool calls when there is no text."""
    text = reply.text or (json.dumps(reply.tool_calls) if reply.tool_calls else "")
    return _WORD.findall(text[:CHARS].casefold())
