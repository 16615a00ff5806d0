"""`subnet-console judge`: judges recorded rounds again, offline, and prints the judgements or a comparison."""

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from console.errors import ConsoleError, ExitCode
from console.judge.cases import RECORDED, BadRound, JudgeCase, error_line, from_file, from_folder, judgement_line
from console.judge.comparison import Comparing, Comparison, as_text
from console.progress import Progress
from console.record.rounds import no_rounds
from engine.judge.encoding.basics import EncoderEndpoint, EncoderError, thread_limits
from engine.scoring.history import History
from engine.settings import Settings
from engine.values import Challenge, Judgement, Reply

if TYPE_CHECKING:
    from engine.judge.encoding.encoders import CachedEncoder
from engine.values import ScoringProfile

__all__ = ["Against", "Rounds", "judge"]

Against = Literal["recorded"] | ScoringProfile
Rounds = Path | Literal["-"]


def open_cached(embedder: str, settings: Settings) -> "CachedEncoder":
    """The encoder of that name, run as `settings` say, with a cache. Raises ConsoleError."""
    os.environ.update(thread_limits(settings.encoder_threads))
    warnings.filterwarnings("ignore", module="sklearn")
    from engine.judge.encoding.encoders import CachedEncoder, open_encoder

    try:
        encoder = open_encoder(
            embedder,
            threads=settings.encoder_threads,
            device=settings.encoder_device,
            endpoint=EncoderEndpoint(settings.encoder_url, str(settings.encoder_key)),
        )
    except EncoderError as error:
        raise ConsoleError(str(error)) from error
    return CachedEncoder(encoder)


class Offline:
    """Judges rounds in order with one scoring profile, in this process, carrying the history along."""

    def __init__(self, profile: str, encoder: "CachedEncoder") -> None:
        self.profile = profile
        self._encoder = encoder
        self._history = History()

    def judge(self, challenge: Challenge, replies: tuple[Reply, ...]) -> Judgement:
        """Judge the next round. Raises ConsoleError when its texts cannot be embedded, or its kind fails at them."""
        from engine.judge.marking import MarkingError, marks
        from engine.scoring import profiles

        try:
            vectors = profiles.vectors(self.profile, challenge, replies, self._encoder.encode)
            marked = marks(challenge, replies, self._encoder.encode)
        except (EncoderError, MarkingError) as error:
            raise ConsoleError(str(error)) from error
        judgement, self._history = profiles.judge(self.profile, challenge, replies, vectors, self._history, marked)
        return judgement


def judge(
    rounds: Rounds,
    *,
    scoring: str,
    embedder: str,
    settings: Settings,
    probes: Path | None = None,
    since: str | None = None,
    truths: bool = True,
    against: Against | None = None,
    as_json: bool = False,
) -> int:
    """Judge the rounds of a file, of stdin ("-") or of a data folder, in order, and print the results.

    Line k is judged from lines 1 to k alone. `against` prints a comparison instead of lines: with what was recorded, or
    with another profile's judgements. `truths` False judges a folder's rounds as if no answer were known. Returns 2 if
    a line could not be read; the other lines are judged nevertheless. Raises ConsoleError.
    """
    is_folder = rounds != "-" and rounds.is_dir()
    if is_folder and probes is not None:
        raise ConsoleError("--probes is for a file of rounds: a data folder has its own known answers")
    if not is_folder and (since is not None or not truths):
        raise ConsoleError("--since and --no-truth are for a data folder, not for a file of rounds")
    if not is_folder and against == RECORDED:
        raise ConsoleError(
            "a file of rounds holds no judgements to compare with: name a profile, as in --compare loosh"
        )
    cases = from_folder(Path(rounds), since, truths=truths) if is_folder else from_file(rounds, probes)
    none = no_rounds("stdin" if rounds == "-" else rounds, since)
    with Progress("rounds judged", on_stdout=against is None) as progress:
        encoder = open_cached(embedder, settings)
        ours = Offline(scoring, encoder)
        if against is None:
            return _print_lines(progress.each(cases, if_none=none), ours)
        others = None if against == RECORDED else Offline(against, encoder)
        code, found = _compared(progress, progress.each(cases, if_none=none), ours, others)
    sys.stdout.write(found.as_json() if as_json else as_text(found))
    return code


def _print_lines(cases: Iterator[JudgeCase | BadRound], ours: Offline) -> int:
    code = ExitCode.DONE
    for case in cases:
        if isinstance(case, BadRound):
            answer, code = error_line(case), ExitCode.USAGE
        else:
            answer = judgement_line(case.challenge.id, ours.judge(case.challenge, case.replies))
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()
    return code


def _compared(
    progress: Progress, cases: Iterator[JudgeCase | BadRound], ours: Offline, others: Offline | None
) -> tuple[ExitCode, Comparison]:
    comparing = Comparing(others.profile if others else RECORDED, ours.profile)
    code = ExitCode.DONE
    for case in cases:
        if isinstance(case, BadRound):
            progress.clear()
            sys.stderr.buffer.write(error_line(case) + b"\n")
            code = ExitCode.USAGE
            continue
        before = others.judge(case.challenge, case.replies) if others else case.judgement
        if before is not None:
            comparing.add(case.challenge.id, before, ours.judge(case.challenge, case.replies), case.names)
    return code, comparing.result()
