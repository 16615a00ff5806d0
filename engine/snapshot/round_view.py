"""Rounds, in flight and finished, and the miners that they score."""

from typing import Literal

from msgspec import Struct

from engine.text import safe
from engine.values import Round, percentile

ID_WIDTH = 272
"""Fits the longest id in a challenges file, 128 characters of two cells each, plus a suffix that makes it unique."""

NAME_WIDTH = 40
"""Characters kept of the name of a kind or a miner: half of a narrow terminal."""

MinerState = Literal["active", "stale", "silent", "deregistered"]
Suspicion = Literal["", "copies", "as one"]
"""The verdict on a miner: none, it copies another, or it belongs to a sybil group ("as one", as status.json has
spelled it from the start)."""


CellState = Literal["awaited", "answered", "late", "failed", "excused", "left out"]
"""What has come of a question to a miner. "excused" does not count, "left out" was not asked."""


class CellView(Struct, frozen=True, kw_only=True):
    """A miner in a round: after how many `ms` it answered or failed, and the `reason` why not. `cluster` is the letter
    of its answer's, "" while the round is not judged and for none."""

    uid: int
    hotkey: str
    state: CellState = "awaited"
    ms: float = 0.0
    reason: str = ""
    cluster: str = ""


class RoundProgress(Struct, frozen=True, kw_only=True):
    """The round in flight, or the last one that was `judged`, with a cell for each miner.

    A miner may take `limit_s`. `question` is "" for a user's; `known`: its answer is.
    """

    id: str
    kind: str
    asked: int
    answered: int
    failed: int
    started_at: float
    question: str = ""
    known: bool = False
    limit_s: float = 0.0
    judged: bool = False
    cells: tuple[CellView, ...] = ()


class RoundView(Struct, frozen=True, kw_only=True):
    """One finished round as a table row. `clusters` holds the size of each, largest first; the winner is in `won`, a
    place among them from 0. `known`: its answer was, so that no vote could decide it."""

    id: str
    at: float
    kind: str
    source: str
    profile: str
    asked: int
    answered: int
    clusters: tuple[int, ...]
    agreement: float
    winner_uid: int | None
    winner_hotkey: str | None
    p50_ms: float
    p95_ms: float
    duration_ms: float
    recorded: bool
    scored: bool = True
    known: bool = False
    won: int | None = None


class JudgingView(Struct, frozen=True, kw_only=True):
    """Judging in this run: so many rounds were judged in `seconds`, and `failed` could not be. Workers were `started`.

    `seconds` are those of the encoder and of the scoring together.
    """

    judged: int = 0
    failed: int = 0
    seconds: float = 0.0
    started: int = 0


class MinerView(Struct, frozen=True, kw_only=True):
    """One miner as a table row. `weight` is on chain, `planned` what the next plan would set; both sum to 1.

    `stake` and `incentive` are None where nobody knows them, as in a record of the past. `dialect` is that in which it
    is asked, "" while that is not known.
    """

    uid: int
    hotkey: str
    name: str
    stake: float | None = 0.0
    ema: float = 0.0
    ema_before: float = 0.0
    ema_history: tuple[float, ...] = ()
    last_emission: float = 0.0
    weight: float = 0.0
    planned: float = 0.0
    incentive: float | None = 0.0
    rounds: int = 0
    answered: int = 0
    failed: int = 0
    latency_ms: float = 0.0
    last_answer_at: float = 0.0
    available: bool | None = None
    state: MinerState = "silent"
    suspected: Suspicion = ""
    note: str = ""
    dialect: str = ""


def round_view(judged: Round, *, recorded: bool) -> RoundView:
    """A judged round as a table row."""
    times = [reply.ms for reply in judged.replies if reply.status == "ok"]
    winner = judged.judgement.winner
    return RoundView(
        id=safe(judged.challenge.id, ID_WIDTH),
        at=judged.started_at,
        kind=safe(judged.challenge.kind, NAME_WIDTH),
        source=judged.challenge.source,
        profile=judged.judgement.profile,
        asked=len(judged.replies),
        answered=len(times),
        clusters=tuple(len(cluster) for cluster in judged.judgement.clusters),
        agreement=round(judged.judgement.agreement, 4),
        winner_uid=next((reply.uid for reply in judged.replies if reply.hotkey == winner), None),
        winner_hotkey=winner,
        p50_ms=round(percentile(times, 0.5), 1),
        p95_ms=round(percentile(times, 0.95), 1),
        duration_ms=round(judged.duration_ms, 1),
        recorded=recorded,
        scored=judged.challenge.scored,
        known=judged.challenge.truth is not None,
        won=next((place for place, cluster in enumerate(judged.judgement.clusters) if winner in cluster), None),
    )
