"""Recorded populations for benchmarks: rounds as a validator sees them, and what only the benchmark knows about
them."""

import json
from pathlib import Path
from typing import Any

from engine.answers.asked import asked_type
from engine.answers.registry import canonical
from engine.values import Challenge, Reply, Request


def names(data: Path) -> list[str]:
    """The populations in a folder: those with an `X.rounds.jsonl`."""
    return sorted(path.name.split(".")[0] for path in data.glob("*.rounds.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


Known = tuple[str, str]
"""An answer that the validator may know: its type and the truth."""


def known_answers(data: Path, name: str) -> dict[str, Known]:
    """The answers that the validator may know, by round."""
    return {
        line["id"]: (canonical(line["answer_type"]), str(line["truth"]))
        for line in lines(data / f"{name}.probes.jsonl")
    }


def recorded(line: dict[str, Any], known: dict[str, Known]) -> tuple[Challenge, list[Reply]]:
    """One line of `X.rounds.jsonl`."""
    declared, truth = known.get(line["id"], (asked_type(line["prompt"]), None))
    asked = Challenge(
        id=line["id"],
        kind=line["kind"],
        source="file",
        created_at=0.0,
        request=Request(prompt=line["prompt"]),
        answer_type=declared,
        truth=truth,
    )
    wanted = ("uid", "hotkey", "coldkey", "ip", "ms", "text")
    return asked, [Reply(**{field: reply[field] for field in wanted}) for reply in line["replies"]]
