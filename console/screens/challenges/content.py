"""Rounds as rows of a table."""

from console.present import fields, formats, states
from console.present.table import Cell, Column, Table
from console.present.text import CLUSTERS
from engine.snapshot import RoundView

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def clusters(judged: RoundView) -> str:
    """The largest clusters by letter and size: "A58 B1"."""
    return " ".join(f"{letter}{size}" for letter, size in zip(LETTERS, judged.clusters, strict=False))


def _winner(judged: RoundView, _now: float) -> Cell:
    return Cell(formats.UNKNOWN if judged.winner_uid is None else f"uid {judged.winner_uid}")


ROUNDS: Table[RoundView] = Table(
    name="rounds",
    empty="no rounds yet: the first one starts once all services run",
    opens="challenge",
    key=lambda judged: judged.id,
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda judged: judged.at, "when it was asked"),
        fields.text("id", "ID", 14, lambda judged: judged.id, "the challenge", priority=6),
        fields.text("kind", "KIND", 10, lambda judged: judged.kind, "what kind of question", priority=4),
        Column(
            id="resp",
            title="ANSWERED",
            width=8,
            align="right",
            cell=lambda judged, _now: Cell(f"{judged.answered}/{judged.asked}"),
            value=lambda judged: judged.answered,
            about="miners that answered, of those asked",
        ),
        Column(
            id="clusters",
            title="CLUSTERS",
            width=14,
            priority=2,
            grows=True,
            cell=lambda judged, _now: Cell(clusters(judged), CLUSTERS[0]),
            value=lambda judged: len(judged.clusters),
            about="answers that agree, by letter and size",
        ),
        fields.agreement(lambda judged: judged.agreement),
        Column(
            id="winner",
            title="WINNER",
            width=7,
            priority=5,
            cell=_winner,
            value=lambda judged: -1 if judged.winner_uid is None else judged.winner_uid,
            about="who gave the best answer",
            plain=lambda judged: judged.winner_uid,
        ),
        fields.took("p50", "MEDIAN", lambda judged: judged.p50_ms, "median time of the answers", priority=3),
        fields.took("p95", "95 %", lambda judged: judged.p95_ms, "95th percentile of the times", priority=7),
        fields.state("state", "STATE", 12, states.of_round, "outcome of the round", priority=0),
    ),
)
