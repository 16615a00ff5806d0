"""`python -m benchmarks.sybil DATA [POPULATION…]`: are cliques and copycats found, and nobody else?

DATA is a folder of recorded populations, as for `benchmarks.scoring`. Each is replayed from its first round to its
last; a line says how many miners of each label were suspected beyond a hint at the end, and how many ever were. The
exit code is 1 if an honest miner was suspected at any time.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import populations
from benchmarks.figures import machine
from console.judge.cases import JudgeCase
from engine.judge.encoding.encoders import CachedEncoder, open_encoder
from engine.judge.encoding.interface import Encoder
from engine.scoring.ballot import kind_of
from engine.sybil.evidence import Evidence
from engine.sybil.observation import learned
from engine.sybil.strength import VERDICT
from engine.sybil.suspects import suspicions

CLIQUES = ("clique", "sybil")
"""Prefixes of the labels of miners that belong together."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sybil", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", metavar="DATA", type=Path)
    parser.add_argument("populations", metavar="POPULATION", nargs="*")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--no-probes", dest="probes", action="store_false", help="run without any known answers")
    options = parser.parse_args()
    encoder = CachedEncoder(open_encoder(options.encoder))
    wronged = 0
    for name in options.populations or populations.names(options.data):
        since, at_end = walked(populations.cases(options.data, name, probes=options.probes), encoder)
        labels = populations.lines(options.data / f"{name}.truth.jsonl")[-1]["labels"]
        wronged += sum(labels[hotkey]["honest"] for hotkey in since)
        print(f"{name}  " + "; ".join(_lines(labels, since, at_end)), flush=True)
    print(f"\nhonest miners suspected at any time: {wronged}\n{machine()}")
    return int(wronged > 0)


def walked(cases: Sequence[JudgeCase], encoder: Encoder) -> tuple[dict[str, int], Mapping[str, float]]:
    """The round from which each hotkey was suspected beyond a hint, and all suspicions after the last round."""
    evidence, since = Evidence(), dict[str, int]()
    found: Mapping[str, float] = {}
    for number, case in enumerate(cases, 1):
        asked, replies = case.challenge, case.replies
        texts = list({reply.text for reply in replies}) if kind_of(asked).compared == "claims" else []
        evidence = learned(evidence, asked, replies, dict(zip(texts, encoder.encode(texts), strict=True)))
        found = suspicions(evidence).by_hotkey
        for hotkey, suspicion in found.items():
            if suspicion >= VERDICT:
                since.setdefault(hotkey, number)
    return since, found


def _lines(labels: Mapping[str, dict[str, object]], since: Mapping[str, int], at_end: Mapping[str, float]) -> list[str]:
    total = Counter(str(label["persona"]) for label in labels.values())
    ever = Counter(str(labels[hotkey]["persona"]) for hotkey in since)
    ended = Counter(str(labels[hotkey]["persona"]) for hotkey, value in at_end.items() if value >= VERDICT)
    told = []
    for persona in sorted(total, key=lambda persona: (not persona.startswith(CLIQUES), persona)):
        if persona.startswith(CLIQUES) or ever[persona]:
            rounds = sorted(since[hotkey] for hotkey in since if labels[hotkey]["persona"] == persona)
            when = f", from round {rounds[0]} to {rounds[-1]} on" if rounds else ""
            told.append(f"{persona} {ended[persona]} of {total[persona]} (ever {ever[persona]}{when})")
    return told or ["nobody"]


if __name__ == "__main__":
    sys.exit(main())
