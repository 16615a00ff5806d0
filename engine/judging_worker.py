"""The judging worker: `python -m engine.judging_worker ENCODER THREADS`, asked by `engine.judging` over its pipes."""

import logging
import os
import signal
import sys
from typing import BinaryIO

import msgspec
import numpy as np

from engine.encoding.cache import CachedEncoder
from engine.encoding.encoders import open_encoder
from engine.encoding.interface import EncoderError
from engine.judging import Result, Task, frame
from engine.scoring import history as histories
from engine.scoring import profiles

_HEADER = 4
_NICENESS = 10

log = logging.getLogger(__name__)


class Bench:
    """An encoder, opened when first needed, and the scoring profiles."""

    def __init__(self, encoder: str, *, threads: int = 1) -> None:
        self._spec = encoder
        self._threads = threads
        self._encoder: CachedEncoder | None = None

    def judged(self, task: Task) -> Result:
        """The result of a task; whatever goes wrong is its `failure`."""
        try:
            return self._judged(task)
        except (EncoderError, ValueError) as error:
            return Result(number=task.number, failure=str(error))

    def _judged(self, task: Task) -> Result:
        encoder = self._opened()
        if task.challenge is None:
            return Result(number=task.number)
        texts = profiles.texts(task.profile, task.challenge, task.replies)
        vectors = dict(zip(texts, encoder.encode(texts), strict=True))
        with np.errstate(all="raise", under="ignore"):
            judgement, after = profiles.judge(
                task.profile, task.challenge, task.replies, vectors, _remembered(task.history)
            )
        return Result(number=task.number, judgement=judgement, history=histories.encode(after))

    def _opened(self) -> CachedEncoder:
        if self._encoder is None:
            self._encoder = CachedEncoder(open_encoder(self._spec, threads=self._threads))
        return self._encoder


def _remembered(raw: bytes | None) -> histories.History:
    """The history, or a new one when it cannot be read: judging goes on, and the operator is told."""
    try:
        return histories.decode(raw)
    except ValueError as error:
        log.warning("what earlier rounds taught is lost: %s", error)
        return histories.History()


def serve(bench: Bench, asked: BinaryIO, answered: BinaryIO) -> None:
    """Judge what comes in until the other end closes."""
    while header := asked.read(_HEADER):
        task = msgspec.msgpack.decode(asked.read(int.from_bytes(header, "big")), type=Task)
        answered.write(frame(bench.judged(task)))
        answered.flush()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    answered = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(Bench(sys.argv[1], threads=int(sys.argv[2])), sys.stdin.buffer, answered)


if __name__ == "__main__":
    main()
