"""`python -m benchmarks.scoring DATA [POPULATION…]`: does a judge pick right answers and pay honest miners?

DATA is a folder of recorded populations: `X.rounds.jsonl`, `X.truth.jsonl`, `X.probes.jsonl`, and in it or beside it
`metrics.py`, which computes the numbers. Each profile judges every population from its first round to its last, with
the packaged model; then the times of judging and of embedding are measured separately, each with one thread.
"""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import populations
from benchmarks.figures import machine
from benchmarks.processes import python
from engine.judge.encoding.basics import thread_limits
from engine.judge.encoding.encoders import CachedEncoder, open_encoder
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import Challenge, Judgement, Reply, Request

CACHED_TEXTS = 65_536
COLUMNS = (
    ("WINNER", "winner_correct"),
    ("DISHONEST", "dishonest_emission_share"),
    ("HEADS", "dishonest_headcount_share"),
    ("PENALTY", "false_penalty_rate"),
    ("AUC", "auc"),
    ("SPEARMAN", "spearman"),
)
BURSTS = (("TO HALF", "rounds_to_half"), ("TO 80 %", "rounds_to_80"))
SIZES = (7, 32, 128)
WORDS = 75  # about 100 tokens


def main() -> int:
    options = _options()
    limits = thread_limits(1)
    if not limits.items() <= os.environ.items():
        os.execve(sys.executable, python("benchmarks.scoring", *sys.argv[1:]), os.environ | limits)  # noqa: S606
    metrics = metrics_of(options.data)
    encoder = CachedEncoder(open_encoder(options.encoder), capacity=CACHED_TEXTS)
    names = options.populations or populations.names(options.data)
    print(f"{'':2} {'PROFILE':8}" + "".join(f"{heading:>10}" for heading, _ in (*COLUMNS, *BURSTS)))
    for name in names:
        for profile in options.profiles:
            print(f"{name:2} {profile:8}" + _row(metrics, options.data, name, profile, encoder, probes=options.probes))
            sys.stdout.flush()
    print("\nms to judge a round of replies of about 100 tokens, and to embed it")
    for profile in options.profiles:
        for size in SIZES:
            embedding, judging = _times(profile, size, options.encoder)
            print(f"{profile:8} {size:>4} replies: {judging:7.1f} judging {embedding:9.1f} embedding")
    print(machine())
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", metavar="DATA", type=Path)
    parser.add_argument("populations", metavar="POPULATION", nargs="*")
    parser.add_argument("--profiles", nargs="+", choices=profiles.PROFILES, default=list(profiles.PROFILES))
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--no-probes", dest="probes", action="store_false", help="judge without any known answers")
    return parser.parse_args()


def metrics_of(data: Path) -> Any:
    """The module metrics.py in a folder of recorded populations, or beside it."""
    path = next(path for path in (data / "metrics.py", data.parent / "metrics.py") if path.exists())
    spec = importlib.util.spec_from_file_location("population_metrics", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _row(metrics: Any, data: Path, name: str, profile: str, encoder: CachedEncoder, *, probes: bool) -> str:
    found = judged_population(metrics, data, name, profile, encoder, probes=probes)
    burst = found["burst"] or {}
    values = [found[key] for _, key in COLUMNS] + [burst.get(key) for _, key in BURSTS]
    return "".join(f"{'–' if value is None else value:>10}" for value in values)


def judged_population(
    metrics: Any, data: Path, name: str, profile: str, encoder: CachedEncoder, *, probes: bool = True
) -> dict[str, Any]:
    """The metrics of a population, judged in order, each round with the history of those before it."""
    rounds, truth = (populations.lines(data / f"{name}.{part}.jsonl") for part in ("rounds", "truth"))
    history, found = History(), []
    for case in populations.cases(data, name, probes=probes):
        judgement, history = _judge(profile, case.challenge, case.replies, encoder, history)
        paid = {verdict.hotkey: verdict.emission for verdict in judgement.verdicts}
        found.append({"id": case.challenge.id, "winner": judgement.winner, "emissions": paid})
    skipped = populations.known_ids(data, name) if probes else set()
    computed: dict[str, Any] = metrics.compute(rounds, truth, found, skipped)
    return computed


def _judge(
    profile: str, asked: Challenge, replies: Sequence[Reply], encoder: CachedEncoder, history: History
) -> tuple[Judgement, History]:
    vectors = profiles.vectors(profile, asked, replies, encoder.encode)
    return profiles.judge(profile, asked, replies, vectors, history)


def _times(profile: str, size: int, encoder: str) -> tuple[float, float]:
    """Milliseconds of CPU to embed, and to judge, a round of this many replies, after a first round of that size."""
    asked = Challenge(
        id="t", kind="chat", source="file", created_at=0.0, request=Request(prompt="Explain how subnets judge miners.")
    )
    model = open_encoder(encoder)
    embedding = judging = 0.0
    for turn in range(2):
        replies = _replies(size, turn)
        start = time.process_time()
        vectors = profiles.vectors(profile, asked, replies, model.encode)
        embedded = time.process_time()
        profiles.judge(profile, asked, replies, vectors, History())
        embedding, judging = embedded - start, time.process_time() - embedded
    return embedding * 1_000, judging * 1_000


def _replies(size: int, turn: int) -> list[Reply]:
    """Replies of about 100 tokens, no two alike, and different in each turn."""
    words = "validators judge the answers of miners by what they claim and how often they were right before".split()  # noqa: SIM905

    def sentence(uid: int, place: int) -> str:
        own = [words[(uid * 7 + place * 3 + turn + at) % len(words)] for at in range(15)]
        return " ".join([*own[:4], f"{own[4]}{uid + turn}", *own[5:]])

    return [
        Reply(
            uid=uid,
            hotkey=f"h{uid}",
            ms=1_000.0 + uid,
            text=". ".join(sentence(uid, place) for place in range(WORDS // 15)),
        )
        for uid in range(size)
    ]


if __name__ == "__main__":
    sys.exit(main())
