"""Stored data that is not what this program writes: one error for all of it, which names the file."""

from pathlib import Path

import msgspec

from engine.inputs import kind_of

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on what nobody encoded; it lets the last two through as they are."""

START_AFRESH = "move it away to start afresh"


class Damaged(Exception):
    """A file, or a part of one, is not what was written. The message, from `damage`, says which and what to do."""


def damage(path: Path, what: object, advice: str = START_AFRESH) -> str:
    """The words for it: "NAME is damaged: WHAT: what to do"."""
    return f"{path} is damaged: {what}: {advice}"


def not_a_file(path: Path) -> str:
    """What lies at `path` in place of a file, "" where that is a file, nothing at all, or out of our reach."""
    try:
        kind = kind_of(path.stat().st_mode)
    except OSError:
        return ""
    return f"{kind} lies in its place" if kind else ""
