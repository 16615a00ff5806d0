"""Where recorded rounds come from: a file of lines, or the store in a data folder."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from msgspec import Struct
from msgspec.structs import replace

from console.errors import ConsoleError
from console.instants import since_time
from console.judge.lines import MAX_LINE, BadLine, Probe, read_probe, read_round
from console.record.rounds import recorded_rounds
from engine.files import BYTE_ORDER_MARK, open_input
from engine.values import Challenge, Judgement, Reply

RECORDED: Literal["recorded"] = "recorded"


class Case(Struct, frozen=True, kw_only=True):
    """A round to judge, with the judgement that was recorded if there is one, and the names of hotkeys."""

    challenge: Challenge
    replies: tuple[Reply, ...]
    judgement: Judgement | None = None
    names: Mapping[str, str] = {}


def from_file(rounds: Path | Literal["-"], probes: Path | None) -> Iterator[Case | BadLine]:
    """The lines of a file or of stdin, in order. Raises ConsoleError when a file or a probe cannot be read."""
    known = _probes(probes) if probes else {}
    return _cases(rounds, known)


def from_folder(folder: Path, since: str | None, *, truths: bool) -> Iterator[Case]:
    """The rounds of the subnet that was recorded last, oldest first; `truths` False hides the known answers.

    Raises ConsoleError.
    """
    oldest = 0.0 if since is None else since_time(since, time.time())
    names, rounds = recorded_rounds(folder, oldest)
    for one in rounds:
        asked = one.challenge if truths else replace(one.challenge, truth=None)
        yield Case(challenge=asked, replies=one.replies, judgement=one.judgement, names=names)


def _cases(rounds: Path | Literal["-"], known: Mapping[str, Probe]) -> Iterator[Case | BadLine]:
    for raw in _lines(rounds):
        try:
            challenge, replies = read_round(raw, known)
            yield Case(challenge=challenge, replies=replies)
        except BadLine as error:
            yield error


def _probes(path: Path) -> dict[str, Probe]:
    """The probes by the id of their round. A probe that cannot be read would change judgements: it is an error."""
    found = {}
    for number, raw in enumerate(_lines(path), 1):
        try:
            probe = read_probe(raw)
        except BadLine as error:
            raise ConsoleError(f"{path}, line {number}: {error}") from error
        found[probe.id] = probe
    return found


def _lines(path: Path | Literal["-"]) -> Iterator[bytes]:
    """The lines that are not blank, each at most one byte longer than may be read."""
    if path == "-":
        yield from _bounded(sys.stdin.buffer)
        return
    try:
        with open_input(Path(path)) as file:
            yield from _bounded(file)
    except OSError as error:
        raise ConsoleError(f"{path} cannot be read: {error.strerror}") from error


def _bounded(stream: BinaryIO) -> Iterator[bytes]:
    is_first = True
    while line := stream.readline(MAX_LINE + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE)
        if is_first:
            line = line.removeprefix(BYTE_ORDER_MARK)
            is_first = False
        if line.strip():
            yield line
