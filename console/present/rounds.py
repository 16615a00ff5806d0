"""Rounds as rows of a table."""

from console.present import formats, states
from console.present.table import Cell, Column, Table
from console.present.text import CLUSTERS
from engine.snapshot import RoundView

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def clusters(judged: RoundView) -> str:
    """The largest clusters by letter and size: "A58 B1"."""
    return " ".join(f"{letter}{size}" for letter, size in zip(LETTERS, judged.clusters, strict=False))


def _state(judged: RoundView, _now: float) -> Cell:
    state = states.of_round(judged)
    return Cell(state.text, state.tone)


def _winner(judged: RoundView, _now: float) -> Cell:
    return Cell(formats.UNKNOWN if judged.winner_uid is None else f"uid {judged.winner_uid}")


ROUNDS: Table[RoundView] = Table(
    name="rounds",
    key=lambda judged: judged.id,
    sort="time",
    descending=True,
    feed=True,
    columns=(
        Column(
            id="time",
            title="TIME",
            width=8,
            priority=0,
            cell=lambda judged, _now: Cell(formats.clock(judged.at), "muted"),
            value=lambda judged: judged.at,
            about="when it was asked",
        ),
        Column(
            id="id",
            title="ID",
            width=12,
            priority=6,
            cell=lambda judged, _now: Cell(judged.id),
            value=lambda judged: judged.id,
            grows=True,
            about="the challenge",
        ),
        Column(
            id="kind",
            title="KIND",
            width=10,
            priority=4,
            cell=lambda judged, _now: Cell(judged.kind),
            value=lambda judged: judged.kind,
            about="what kind of question",
        ),
        Column(
            id="resp",
            title="RESP",
            width=7,
            align="right",
            cell=lambda judged, _now: Cell(f"{judged.answered}/{judged.asked}"),
            value=lambda judged: judged.answered,
            about="how many of those asked answered",
        ),
        Column(
            id="clusters",
            title="CLUSTERS",
            width=14,
            priority=2,
            cell=lambda judged, _now: Cell(clusters(judged), CLUSTERS[0]),
            value=lambda judged: len(judged.clusters),
            about="answers that agree, by letter and size",
        ),
        Column(
            id="agree",
            title="AGREE",
            width=5,
            align="right",
            cell=lambda judged, _now: Cell(formats.percent(judged.agreement)),
            value=lambda judged: judged.agreement,
            about="the share of answers in the largest cluster",
        ),
        Column(
            id="winner",
            title="WINNER",
            width=7,
            priority=5,
            cell=_winner,
            value=lambda judged: -1 if judged.winner_uid is None else judged.winner_uid,
            about="who gave the best answer",
        ),
        Column(
            id="p50",
            title="P50",
            width=6,
            align="right",
            priority=3,
            cell=lambda judged, _now: Cell(formats.milliseconds(judged.p50_ms)),
            value=lambda judged: judged.p50_ms,
            about="half of the answers came faster",
        ),
        Column(
            id="p95",
            title="P95",
            width=6,
            align="right",
            priority=7,
            cell=lambda judged, _now: Cell(formats.milliseconds(judged.p95_ms)),
            value=lambda judged: judged.p95_ms,
            about="nineteen of twenty answers came faster",
        ),
        Column(
            id="state",
            title="STATE",
            width=12,
            priority=0,
            cell=_state,
            value=lambda judged: states.of_round(judged).word,
            about="what came of it",
        ),
    ),
)
