"""Recorded populations for benchmarks: rounds as a validator sees them, and what only the benchmark knows about
them."""

import json
from pathlib import Path
from typing import Any

from console.judge.cases import JudgeCase, from_file


def names(data: Path) -> list[str]:
    """The populations in a folder: those with an `X.rounds.jsonl`."""
    return sorted(path.name.split(".")[0] for path in data.glob("*.rounds.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def known_ids(data: Path, name: str) -> set[str]:
    """The rounds whose answer the validator may know."""
    return {line["id"] for line in lines(data / f"{name}.probes.jsonl")}


def cases(data: Path, name: str, *, probes: bool) -> list[JudgeCase]:
    """The rounds of a population as `subnet-console judge` reads them."""
    found = from_file(data / f"{name}.rounds.jsonl", data / f"{name}.probes.jsonl" if probes else None)
    return [case for case in found if isinstance(case, JudgeCase)]
