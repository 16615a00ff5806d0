"""The exported tables: the columns of each, and its lines, read one at a time."""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from console.export import suspects
from console.export.output import Line, time_text
from engine.store.record import Record
from engine.store.stored import StoredNeuron
from engine.weights.averages import average
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightRow


class ExportTable(Struct, frozen=True):
    """`lines` takes the record, the oldest unix time, and now."""

    columns: tuple[str, ...]
    lines: Callable[[Record, float, float], Iterator[Line]]


def scores(record: Record, since: float, now: float) -> Iterator[Line]:
    """One record a hotkey that was registered or asked since then.

    `ema` is the average over the window that ends now of what `profile` paid, empty when nothing in it is known. The
    weight is what was last set on chain, else planned; empty when there is no plan yet.
    """
    weights: dict[int, Mapping[str, WeightRow] | None] = {}
    for neuron in record.neurons.all():
        if neuron.seen_at >= since:
            if neuron.netuid not in weights:
                plan = record.plans.on_chain_or_sent(neuron.netuid)
                weights[neuron.netuid] = {row.hotkey: row for row in plan.rows} if plan else None
            tally = neuron.tally
            yield (
                neuron.netuid,
                neuron.uid,
                neuron.hotkey,
                neuron.name,
                _ema(record, neuron, now),
                tally.last_emission,
                tally.rounds,
                tally.answered,
                tally.failed,
                time_text(tally.last_answer_at),
                *_weight(weights[neuron.netuid], neuron.hotkey),
                tally.state(now) if neuron.registered else "deregistered",
                _penalty(weights[neuron.netuid], neuron.hotkey),
                record.carried.profile(neuron.netuid),
            )


def rounds(record: Record, since: float, _now: float) -> Iterator[Line]:
    """One record a round."""
    for judged in record.rounds.since(since):
        yield (
            judged.id,
            time_text(judged.at),
            judged.kind,
            judged.source,
            judged.profile,
            judged.asked,
            judged.answered,
            judged.winner_uid,
            judged.winner_hotkey,
            judged.agreement,
            judged.clusters,
            judged.duration_ms,
            judged.encoder,
        )


def replies(record: Record, since: float, _now: float) -> Iterator[Line]:
    """One record a reply. The reason is that of its failure, else those of its judgement."""
    for reply in record.replies.since(since):
        yield (
            reply.round_id,
            time_text(reply.at),
            reply.uid,
            reply.hotkey,
            reply.status,
            reply.ms,
            reply.quality,
            reply.cluster,
            reply.score,
            reply.emission,
            reply.reason or "; ".join(reply.reasons),
            reply.text,
            reply.counted,
            reply.profile,
        )


def weights(record: Record, since: float, _now: float) -> Iterator[Line]:
    """One record a uid and submission; a plan that was skipped has one without a uid."""
    for entry in record.plans.since(since):
        for row in entry.plan.rows:
            yield _submission(entry, row)
        if not entry.plan.rows:
            yield _submission(entry, None)


TABLES = {
    "scores": ExportTable(
        (
            *("netuid", "uid", "hotkey", "name", "ema", "last_emission", "rounds", "answered", "failed"),
            *("last_answer_at", "weight", "weight_u16", "state", "penalty", "profile"),
        ),
        scores,
    ),
    "rounds": ExportTable(
        (
            *("id", "at", "kind", "source", "profile", "asked", "answered", "winner_uid", "winner_hotkey"),
            *("agreement", "clusters", "duration_ms", "encoder"),
        ),
        rounds,
    ),
    "replies": ExportTable(
        (
            *("round_id", "at", "uid", "hotkey", "status", "ms", "quality", "cluster", "score", "emission"),
            *("reason", "text", "counted", "profile"),
        ),
        replies,
    ),
    "weights": ExportTable(
        (
            *("at", "block", "netuid", "uid", "hotkey", "weight", "weight_u16", "mode", "outcome", "reason"),
            *("penalty", "profile"),
        ),
        weights,
    ),
    "sybil": ExportTable(suspects.COLUMNS, suspects.suspects),
}


def _ema(record: Record, neuron: StoredNeuron, now: float) -> float | None:
    rule = record.carried.score_rule(neuron.netuid)
    if rule is None:
        return None
    profile = record.carried.profile(neuron.netuid)
    samples = record.replies.samples(neuron.netuid, neuron.hotkey, profile, now - rule.window_s, rule.depth)
    return average(rule, samples, now)


def _weight(weights: Mapping[str, WeightRow] | None, hotkey: str) -> tuple[float | None, int | None]:
    if weights is None:
        return None, None
    row = weights.get(hotkey)
    return (row.weight, row.u16) if row else (0.0, 0)


def _penalty(weights: Mapping[str, WeightRow] | None, hotkey: str) -> float | None:
    row = weights.get(hotkey) if weights is not None else None
    return row.penalty if row else None


def _submission(entry: JournalEntry, row: WeightRow | None) -> Line:
    plan = entry.plan
    weight = (row.uid, row.hotkey, row.weight, row.u16) if row else (None, None, None, None)
    taken = row.penalty if row else None
    when = (time_text(entry.at), plan.block, plan.netuid)
    return (*when, *weight, plan.mode, entry.outcome, entry.reason, taken, plan.profile)
