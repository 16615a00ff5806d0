"""The exported tables: what a record of each is, and its columns, a line each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from console.export.columns import Column, ExportTable
from console.export.output import Cell, time_text
from console.export.suspects import SUSPECTS
from engine.store.record import Record
from engine.store.stored import StoredNeuron, StoredReply, StoredRound
from engine.weights.averages import average
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightRow


class Score(NamedTuple):
    """A hotkey: its average over the window that ends `now` of what `profile` paid, None when nothing in it is known.

    The weights are those last set on chain, else planned; None when there is no plan yet.
    """

    neuron: StoredNeuron
    now: float
    profile: str
    ema: float | None
    weights: Mapping[str, WeightRow] | None

    @property
    def row(self) -> WeightRow | None:
        return self.weights.get(self.neuron.hotkey) if self.weights is not None else None

    @property
    def state(self) -> str:
        return self.neuron.tally.state(self.now) if self.neuron.registered else "deregistered"


class Submission(NamedTuple):
    """One uid of a submission; a plan that was skipped has one without."""

    entry: JournalEntry
    row: WeightRow | None


def _scores(record: Record, since: float, now: float) -> Iterator[Score]:
    """Hotkeys that were registered or asked since then."""
    weights: dict[int, Mapping[str, WeightRow] | None] = {}
    for neuron in record.neurons.all():
        if neuron.seen_at >= since:
            if neuron.netuid not in weights:
                plan = record.plans.on_chain_or_sent(neuron.netuid)
                weights[neuron.netuid] = {row.hotkey: row for row in plan.rows} if plan else None
            profile = record.carried.profile(neuron.netuid)
            yield Score(neuron, now, profile, _ema(record, neuron, profile, now), weights[neuron.netuid])


def _rounds(record: Record, since: float, _now: float) -> Iterator[StoredRound]:
    return record.rounds.since(since)


def _replies(record: Record, since: float, _now: float) -> Iterator[StoredReply]:
    return record.replies.since(since)


def _submissions(record: Record, since: float, _now: float) -> Iterator[Submission]:
    for entry in record.plans.since(since):
        for row in entry.plan.rows or (None,):
            yield Submission(entry, row)


def _ema(record: Record, neuron: StoredNeuron, profile: str, now: float) -> float | None:
    rule = record.carried.score_rule(neuron.netuid)
    if rule is None:
        return None
    samples = record.replies.samples(neuron.netuid, neuron.hotkey, profile, now - rule.window_s, rule.depth)
    return average(rule, samples, now)


def _weight(value: Callable[[WeightRow], Cell], none: Cell) -> Callable[[Score], Cell]:
    """A weight's value; `none` for a hotkey that the weights leave out."""

    def of(one: Score) -> Cell:
        if one.weights is None:
            return None
        return value(one.row) if one.row else none

    return of


def _sent(value: Callable[[WeightRow], Cell]) -> Callable[[Submission], Cell]:
    return lambda one: value(one.row) if one.row else None


TABLES: dict[str, ExportTable[Any]] = {
    "scores": ExportTable(
        _scores,
        (
            Column("netuid", lambda one: one.neuron.netuid),
            Column("uid", lambda one: one.neuron.uid),
            Column("hotkey", lambda one: one.neuron.hotkey),
            Column("name", lambda one: one.neuron.name),
            Column("ema", lambda one: one.ema),
            Column("last_emission", lambda one: one.neuron.tally.last_emission),
            Column("rounds", lambda one: one.neuron.tally.rounds),
            Column("answered", lambda one: one.neuron.tally.answered),
            Column("failed", lambda one: one.neuron.tally.failed),
            Column("last_answer_at", lambda one: time_text(one.neuron.tally.last_answer_at)),
            Column("weight", _weight(lambda row: row.weight, none=0.0)),
            Column("weight_u16", _weight(lambda row: row.u16, none=0)),
            Column("state", lambda one: one.state),
            Column("penalty", _weight(lambda row: row.penalty, none=None)),
            Column("profile", lambda one: one.profile),
        ),
    ),
    "rounds": ExportTable(
        _rounds,
        (
            Column("id", lambda one: one.id),
            Column("at", lambda one: time_text(one.at)),
            Column("kind", lambda one: one.kind),
            Column("source", lambda one: one.source),
            Column("profile", lambda one: one.profile),
            Column("asked", lambda one: one.asked),
            Column("answered", lambda one: one.answered),
            Column("winner_uid", lambda one: one.winner_uid),
            Column("winner_hotkey", lambda one: one.winner_hotkey),
            Column("agreement", lambda one: one.agreement),
            Column("clusters", lambda one: one.clusters),
            Column("duration_ms", lambda one: one.duration_ms),
            Column("encoder", lambda one: one.encoder),
        ),
    ),
    "replies": ExportTable(
        _replies,
        (
            Column("round_id", lambda one: one.round_id),
            Column("at", lambda one: time_text(one.at)),
            Column("uid", lambda one: one.uid),
            Column("hotkey", lambda one: one.hotkey),
            Column("status", lambda one: one.status),
            Column("ms", lambda one: one.ms),
            Column("quality", lambda one: one.quality),
            Column("cluster", lambda one: one.cluster),
            Column("score", lambda one: one.score),
            Column("emission", lambda one: one.emission),
            Column("reason", lambda one: one.reason or "; ".join(one.reasons)),
            Column("text", lambda one: one.text),
            Column("counted", lambda one: one.counted),
            Column("profile", lambda one: one.profile),
        ),
    ),
    "weights": ExportTable(
        _submissions,
        (
            Column("at", lambda one: time_text(one.entry.at)),
            Column("block", lambda one: one.entry.plan.block),
            Column("netuid", lambda one: one.entry.plan.netuid),
            Column("uid", _sent(lambda row: row.uid)),
            Column("hotkey", _sent(lambda row: row.hotkey)),
            Column("weight", _sent(lambda row: row.weight)),
            Column("weight_u16", _sent(lambda row: row.u16)),
            Column("mode", lambda one: one.entry.plan.mode),
            Column("outcome", lambda one: one.entry.outcome),
            Column("reason", lambda one: one.entry.reason),
            Column("penalty", _sent(lambda row: row.penalty)),
            Column("profile", lambda one: one.entry.plan.profile),
        ),
    ),
    "sybil": SUSPECTS,
}
