"""The exported tables: their records, and their columns, one line each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from console.export.output import Cell, ExportColumn, ExportTable, time_text
from engine.judge.memory import decode
from engine.store.errors import BadRow
from engine.store.record import Record
from engine.store.stored import StoredNeuron, StoredReply, StoredRound
from engine.sybil.penalties import Standing
from engine.sybil.suspects import Suspects, suspicions
from engine.values import OF_USERS
from engine.weights.averages import average
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightRow


class Score(NamedTuple):
    """A hotkey with the average of what `profile` paid it in the window that ends `now`, None if nothing is known. The
    weights are those last set on chain, else planned; None if there is no plan yet.
    """

    neuron: StoredNeuron
    now: float
    profile: str
    ema: float | None
    weights: Mapping[str, WeightRow] | None

    @property
    def row(self) -> WeightRow | None:
        """Its row of the weights; None if there are no weights, or it is not among them."""
        return self.weights.get(self.neuron.hotkey) if self.weights is not None else None

    @property
    def state(self) -> str:
        return self.neuron.tally.state(self.now) if self.neuron.registered else "deregistered"


class Submission(NamedTuple):
    """One uid of a submission; a skipped plan has a single record without a uid."""

    entry: JournalEntry
    row: WeightRow | None


class FoundSuspects(NamedTuple):
    """A group, copier or pair (`found`) after that many rounds, with the uids and standings of its subnet."""

    netuid: int
    profile: str
    rounds: int
    found: str
    who: Suspects
    uids: Mapping[str, int]
    standings: Mapping[str, Standing]

    @property
    def held(self) -> list[str]:
        """The hotkeys whose penalty is waived."""
        return [hotkey for hotkey in self.who.suspected if self.standings.get(hotkey, Standing()).held]

    @property
    def shown_in_window(self) -> int | None:
        """The block of the first epoch's end before which the penalty of one of them was shown."""
        shown = [one.shown for hotkey, one in self.standings.items() if hotkey in self.who.suspected]
        return min((window for window in shown if window is not None), default=None)

    def uids_of(self, hotkeys: tuple[str, ...]) -> list[int]:
        """The uids of those hotkeys that have one."""
        return [self.uids[hotkey] for hotkey in hotkeys if hotkey in self.uids]


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


def _replies_without_users(record: Record, since: float, now: float) -> Iterator[StoredReply]:
    """Replies without users' requests and their answers: what a reply earned, and how it failed, is kept."""
    for reply in _replies(record, since, now):
        if reply.source not in OF_USERS:
            yield reply
            continue
        how = "" if reply.status == "ok" else reply.status
        yield replace(reply, question="", text="", reason=how, reasons=(), truth=None)


def _submissions(record: Record, since: float, _now: float) -> Iterator[Submission]:
    for entry in record.plans.since(since):
        for row in entry.plan.rows or (None,):
            yield Submission(entry, row)


def _suspects(record: Record, _since: float, _now: float) -> Iterator[FoundSuspects]:
    """One a group or pair, for each profile that has judged. Raises BadRow."""
    uids = {(neuron.netuid, neuron.hotkey): neuron.uid for neuron in record.neurons.all()}
    for netuid, profile, history in record.carried.histories():
        try:
            found = suspicions(decode(history).evidence)
        except ValueError as error:
            raise BadRow(f"the memory of the profile {profile} is {error}") from error
        standings = record.standings.of(netuid)
        of_subnet = {hotkey: uid for (subnet, hotkey), uid in uids.items() if subnet == netuid}
        kinds = [("group" if len(one.suspected) > 1 else "copy", one) for one in found.groups]
        for kind, one in (*kinds, *(("pair", pair) for pair in found.pairs)):
            yield FoundSuspects(netuid, profile, found.rounds, kind, one, of_subnet, standings)


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
            ExportColumn("netuid", lambda one: one.neuron.netuid),
            ExportColumn("uid", lambda one: one.neuron.uid),
            ExportColumn("hotkey", lambda one: one.neuron.hotkey),
            ExportColumn("name", lambda one: one.neuron.name),
            ExportColumn("ema", lambda one: one.ema),
            ExportColumn("last_emission", lambda one: one.neuron.tally.last_emission),
            ExportColumn("rounds", lambda one: one.neuron.tally.rounds),
            ExportColumn("answered", lambda one: one.neuron.tally.answered),
            ExportColumn("failed", lambda one: one.neuron.tally.failed),
            ExportColumn("last_answer_at", lambda one: time_text(one.neuron.tally.last_answer_at)),
            ExportColumn("weight", _weight(lambda row: row.weight, none=0.0)),
            ExportColumn("weight_u16", _weight(lambda row: row.u16, none=0)),
            ExportColumn("state", lambda one: one.state),
            ExportColumn("penalty", _weight(lambda row: row.penalty, none=None)),
            ExportColumn("profile", lambda one: one.profile),
        ),
    ),
    "rounds": ExportTable(
        _rounds,
        (
            ExportColumn("id", lambda one: one.id),
            ExportColumn("at", lambda one: time_text(one.at)),
            ExportColumn("kind", lambda one: one.kind),
            ExportColumn("source", lambda one: one.source),
            ExportColumn("profile", lambda one: one.profile),
            ExportColumn("asked", lambda one: one.asked),
            ExportColumn("answered", lambda one: one.answered),
            ExportColumn("winner_uid", lambda one: one.winner_uid),
            ExportColumn("winner_hotkey", lambda one: one.winner_hotkey),
            ExportColumn("agreement", lambda one: one.agreement),
            ExportColumn("clusters", lambda one: one.clusters),
            ExportColumn("duration_ms", lambda one: one.duration_ms),
            ExportColumn("encoder", lambda one: one.encoder),
        ),
    ),
    "replies": ExportTable(
        _replies_without_users,
        (
            ExportColumn("round_id", lambda one: one.round_id),
            ExportColumn("at", lambda one: time_text(one.at)),
            ExportColumn("uid", lambda one: one.uid),
            ExportColumn("hotkey", lambda one: one.hotkey),
            ExportColumn("status", lambda one: one.status),
            ExportColumn("ms", lambda one: one.ms),
            ExportColumn("quality", lambda one: one.quality),
            ExportColumn("cluster", lambda one: one.cluster),
            ExportColumn("score", lambda one: one.score),
            ExportColumn("emission", lambda one: one.emission),
            ExportColumn("reason", lambda one: one.reason or "; ".join(one.reasons)),
            ExportColumn("text", lambda one: one.text),
            ExportColumn("counted", lambda one: one.counted),
            ExportColumn("profile", lambda one: one.profile),
            ExportColumn("dialect", lambda one: one.dialect),
            ExportColumn("question", lambda one: one.question),
            ExportColumn("truth", lambda one: one.truth),
            ExportColumn("parts", lambda one: one.parts),
        ),
    ),
    "weights": ExportTable(
        _submissions,
        (
            ExportColumn("at", lambda one: time_text(one.entry.at)),
            ExportColumn("block", lambda one: one.entry.plan.block),
            ExportColumn("netuid", lambda one: one.entry.plan.netuid),
            ExportColumn("uid", _sent(lambda row: row.uid)),
            ExportColumn("hotkey", _sent(lambda row: row.hotkey)),
            ExportColumn("weight", _sent(lambda row: row.weight)),
            ExportColumn("weight_u16", _sent(lambda row: row.u16)),
            ExportColumn("mode", lambda one: one.entry.plan.mode),
            ExportColumn("outcome", lambda one: one.entry.outcome),
            ExportColumn("reason", lambda one: one.entry.reason),
            ExportColumn("penalty", _sent(lambda row: row.penalty)),
            ExportColumn("profile", lambda one: one.entry.plan.profile),
        ),
    ),
    "sybil": ExportTable(
        _suspects,
        (
            ExportColumn("netuid", lambda one: one.netuid),
            ExportColumn("profile", lambda one: one.profile),
            ExportColumn("rounds", lambda one: one.rounds),
            ExportColumn("found", lambda one: one.found),
            ExportColumn("suspicion", lambda one: one.who.suspicion),
            ExportColumn("uids", lambda one: one.uids_of(one.who.suspected)),
            ExportColumn("hotkeys", lambda one: " ".join(one.who.suspected)),
            ExportColumn("copied_uids", lambda one: one.uids_of(one.who.copied)),
            ExportColumn("copied_hotkeys", lambda one: " ".join(one.who.copied)),
            ExportColumn("evidence", lambda one: "; ".join(one.who.evidence)),
            ExportColumn("held", lambda one: " ".join(one.held)),
            ExportColumn("shown_in_window", lambda one: one.shown_in_window),
        ),
    ),
}

WITH_USERS: dict[str, ExportTable[Any]] = {"replies": replace(TABLES["replies"], records=_replies)}
"""The tables that users' words can be in, with them."""
