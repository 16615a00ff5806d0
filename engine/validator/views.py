"""Turns the engine's state into what screens show: rows of a Snapshot, and summaries of many reasons. Pure."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence

from engine.judge.client import Counts
from engine.snapshot import (
    CommitView,
    JudgingView,
    MinerView,
    SetterView,
)
from engine.snapshot.round_view import NAME_WIDTH
from engine.text import safe
from engine.transport.dialect import Availability
from engine.transport.errors import brief
from engine.validator.round_log import Tally
from engine.validator.scores import Scores
from engine.validator.selection import Selection
from engine.values import Metagraph, Neuron, Round, WeightCommit
from engine.weights.plan import WeightPlan
from engine.weights.views import REASON_WIDTH
from engine.weights.window import Wait, Windows

ROUNDS_SHOWN = 200
PLANS_SHOWN = 50
"""Rounds and plans kept in a Snapshot."""

NOTE_WIDTH = 120
"""Characters kept of a miner's note: two lines of a narrow terminal."""


def judging_view(counts: Counts) -> JudgingView:
    """What the judge has counted, as it is now."""
    return JudgingView(judged=counts.judged, failed=counts.failed, seconds=counts.seconds, started=counts.started)


def clusters_of_uids(judged: Round) -> list[list[int]]:
    """The clusters as lists of uids, in the order of the judgement."""
    uids = {reply.hotkey: reply.uid for reply in judged.replies}
    return [[uids[hotkey] for hotkey in cluster] for cluster in judged.judgement.clusters]


def setter_view(wait: Wait, commits: Sequence[WeightCommit], windows: Windows) -> SetterView:
    """What the weight setter is waiting for, which commits it has yet to reveal, and the windows that have ended."""
    return SetterView(
        next_block=wait.until,
        what=wait.what,
        reason=safe(wait.reason, REASON_WIDTH),
        commits=tuple(
            CommitView(
                block=one.block,
                reveal_from=one.reveal_from,
                reveal_until=one.reveal_until,
                timelocked=one.timelocked,
            )
            for one in commits
        ),
        windows_set=windows.set,
        windows_missed=windows.missed,
    )


def miner_views(
    metagraph: Metagraph,
    scores: Scores,
    selection: Selection,
    names: Mapping[str, str],
    on_chain: dict[int, float],
    plan: WeightPlan,
) -> tuple[MinerView, ...]:
    """The Miners table, by uid: every miner that serves, was ever asked, or has weight on chain."""
    now = time.time()
    planned = {row.uid: row.weight for row in plan.rows}
    known = set(scores.hotkeys) | set(selection.candidates) | set(selection.refused)
    return tuple(
        miner_view(
            uid=neuron.uid,
            hotkey=neuron.hotkey,
            name=names.get(neuron.hotkey, ""),
            tally=scores.tally(neuron.hotkey),
            ema=scores.ema(neuron.hotkey, now),
            history=scores.ema_history(neuron.hotkey),
            latency_ms=scores.latency_ms(neuron.hotkey),
            weight=on_chain.get(neuron.uid, 0.0),
            planned=planned.get(neuron.uid, 0.0),
            now=now,
            neuron=neuron,
            availability=selection.availability(neuron.hotkey),
            refused=selection.refused.get(neuron.hotkey, ""),
        )
        for neuron in metagraph.neurons
        if neuron.hotkey in known or on_chain.get(neuron.uid, 0.0) > 0
    )


def miner_view(
    *,
    uid: int,
    hotkey: str,
    name: str,
    tally: Tally,
    ema: float,
    history: tuple[float, ...],
    latency_ms: float,
    weight: float,
    planned: float,
    now: float,
    neuron: Neuron | None = None,
    availability: Availability | None = None,
    refused: str = "",
    dialect: str = "",
) -> MinerView:
    """A miner's row, live or recorded. `history` is its average after each of its last samples; `weight` and `planned`
    are shares; `neuron`, `availability` and `refused` (why it is not asked) are known only to a running engine."""
    note = refused or (availability.reason if availability else "")
    return MinerView(
        uid=uid,
        hotkey=hotkey,
        name=safe(name, NAME_WIDTH),
        stake=neuron.stake if neuron else None,
        ema=ema,
        ema_before=history[-2] if len(history) > 1 else 0.0,
        ema_history=history,
        last_emission=tally.last_emission or 0.0,
        weight=weight,
        planned=planned,
        incentive=neuron.incentive if neuron else None,
        rounds=tally.rounds,
        answered=tally.answered,
        failed=tally.failed,
        latency_ms=round(latency_ms, 1),
        last_answer_at=tally.last_answer_at or 0.0,
        available=availability.available if availability else None,
        state=tally.state(now),
        note=safe(note, NOTE_WIDTH),
        dialect=dialect or (availability.dialect if availability else ""),
    )


REASONS = 3
EXAMPLES = 3
WIDTH = 60
"""Of why miners failed, the reasons that a line holds, the miners that each names, and a reason's characters."""

_NUMBER = re.compile(r"\d+")


def in_short(reasons: Iterable[tuple[str, str]]) -> str:
    """Summarise pairs of who and why as "3 × why (who, who, who), 1 × why (who), and 2 other reasons".

    Reasons that differ only in their numbers count as one, in the words of the first.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for who, why in reasons:
        groups.setdefault(_NUMBER.sub("#", why), []).append((who, why))
    told = sorted(groups.values(), key=len, reverse=True)
    parts = [_one(group) for group in told[:REASONS]]
    others = len(told) - REASONS
    if others > 0:
        parts.append(f"and {others} other reason{'s' if others > 1 else ''}")
    return ", ".join(parts)


def _one(group: list[tuple[str, str]]) -> str:
    names = [who for who, _ in group[:EXAMPLES]] + ["…"] * (len(group) > EXAMPLES)
    return f"{len(group)} × {brief(group[0][1], WIDTH)} ({', '.join(names)})"
