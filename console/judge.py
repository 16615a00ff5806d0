"""`subnet-console judge`: judges recorded rounds again, offline, one line in and one line out."""

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from console.errors import ConsoleError, ExitCode
from console.judge_lines import MAX_LINE, BadLine, Probe, error_line, judgement_line, read_probe, read_round
from engine.encoding.endpoint import Endpoint
from engine.encoding.errors import EncoderError
from engine.encoding.threads import thread_limits
from engine.scoring.history import History
from engine.settings import Settings
from engine.values import Challenge, Judgement, Reply


def judge_file(
    rounds: Path | Literal["-"], *, scoring: str, embedder: str, probes: Path | None, settings: Settings
) -> int:
    """Judge every line of `rounds` ("-": stdin) and print the judgements in order.

    Line k is judged from lines 1 to k alone. Returns 2 when a line could not be read, after all the others.
    """
    known = _probes(probes) if probes else {}
    offline = _Offline(scoring, embedder, settings)
    code = ExitCode.DONE
    for raw in _lines(rounds):
        try:
            challenge, replies = read_round(raw, known)
            answer = judgement_line(challenge.id, offline.judge(challenge, replies))
        except BadLine as error:
            answer, code = error_line(error), ExitCode.USAGE
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()
    return code


class _Offline:
    """A profile, its encoder and its history, in this process; `settings` say how the encoder runs."""

    def __init__(self, scoring: str, embedder: str, settings: Settings) -> None:
        os.environ.update(thread_limits(settings.encoder_threads))
        warnings.filterwarnings("ignore", module="sklearn")
        from engine.encoding.cache import CachedEncoder
        from engine.encoding.encoders import open_encoder

        self._scoring = scoring
        self._history = History()
        try:
            encoder = open_encoder(
                embedder,
                threads=settings.encoder_threads,
                device=settings.encoder_device,
                endpoint=Endpoint(settings.encoder_url, str(settings.encoder_key)),
            )
        except EncoderError as error:
            raise ConsoleError(str(error)) from error
        self._encoder = CachedEncoder(encoder)

    def judge(self, challenge: Challenge, replies: tuple[Reply, ...]) -> Judgement:
        from engine.scoring import profiles

        texts = profiles.texts(self._scoring, challenge, replies)
        try:
            vectors = dict(zip(texts, self._encoder.encode(texts), strict=True))
        except EncoderError as error:
            raise ConsoleError(str(error)) from error
        judgement, self._history = profiles.judge(self._scoring, challenge, replies, vectors, self._history)
        return judgement


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
        with Path(path).open("rb") as file:
            yield from _bounded(file)
    except OSError as error:
        raise ConsoleError(f"{path} cannot be read: {error.strerror}") from error


def _bounded(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE)
        if line.strip():
            yield line
