"""`subnet-console judge`: judges recorded rounds again, offline: their judgements line by line, or a comparison."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from console.errors import ConsoleError, ExitCode
from console.judge.comparison import Comparing, Comparison, as_text
from console.judge.lines import BadLine, error_line, judgement_line
from console.judge.offline import Offline, open_cached
from console.judge.sources import RECORDED, Case, from_file, from_folder
from console.progress import Progress
from engine.settings import Settings
from engine.values import ScoringProfile

__all__ = ["Against", "Rounds", "judge"]

Against = Literal["recorded"] | ScoringProfile
Rounds = Path | Literal["-"]


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
    """Judge the rounds of a file, of stdin ("-") or of a data folder, in order, and print what comes of it.

    Line k is judged from lines 1 to k alone. `against` prints a comparison instead of lines: with what was recorded, or
    with another profile's judgements. `truths` False judges a folder's rounds as if no answer were known.

    Returns 2 when a line could not be read, after all the others. Raises ConsoleError.
    """
    is_folder = rounds != "-" and rounds.is_dir()
    if is_folder and probes is not None:
        raise ConsoleError("--probes is for a file of rounds: a data folder knows the answers of its own")
    if not is_folder and (since is not None or not truths):
        raise ConsoleError("--since and --no-truth are for a data folder, not for a file of rounds")
    if not is_folder and against == RECORDED:
        raise ConsoleError(
            "a file of rounds holds no judgements to compare with: name a profile, as in --compare loosh"
        )
    cases = from_folder(Path(rounds), since, truths=truths) if is_folder else from_file(rounds, probes)
    with Progress("rounds judged", on_stdout=against is None) as progress:
        encoder = open_cached(embedder, settings)
        ours = Offline(scoring, encoder)
        if against is None:
            return _print_lines(progress.each(cases), ours)
        others = None if against == RECORDED else Offline(against, encoder)
        code, found = _compared(progress, cases, ours, others)
    sys.stdout.write(found.as_json() if as_json else as_text(found))
    return code


def _print_lines(cases: Iterator[Case | BadLine], ours: Offline) -> int:
    code = ExitCode.DONE
    for case in cases:
        if isinstance(case, BadLine):
            answer, code = error_line(case), ExitCode.USAGE
        else:
            answer = judgement_line(case.challenge.id, ours.judge(case.challenge, case.replies))
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()
    return code


def _compared(
    progress: Progress, cases: Iterator[Case | BadLine], ours: Offline, others: Offline | None
) -> tuple[ExitCode, Comparison]:
    comparing = Comparing(others.profile if others else RECORDED, ours.profile)
    code = ExitCode.DONE
    for case in progress.each(cases):
        if isinstance(case, BadLine):
            progress.clear()
            sys.stderr.buffer.write(error_line(case) + b"\n")
            code = ExitCode.USAGE
            continue
        before = others.judge(case.challenge, case.replies) if others else case.judgement
        if before is not None:
            comparing.add(case.challenge.id, before, ours.judge(case.challenge, case.replies), case.names)
    return code, comparing.result()
