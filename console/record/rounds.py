"""Rounds read back from a store: one with its context, those of a miner, and all of them for judging again."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path

from engine.doors import EmaStep, MinerRecord, RecordedRound
from engine.errors import StoreError
from engine.store.record import Record, open_record
from engine.store.schema import FILE_NAME
from engine.store.stored import FoundRound
from engine.values import Round
from engine.weights.averages import Rule, Sample, average

APPEARANCES = 200
"""How many of a miner's rounds are shown."""


def read_round(folder: Path, id: str, steps: int = 0) -> RecordedRound:
    """As `RecordReader.round` has it. Raises StoreError."""
    with open_record(folder / FILE_NAME, brief=True) as record:
        wanted = record.rounds.beside(id, steps) if steps else id
        found = record.rounds.found(wanted) if wanted else None
        if found is None:
            raise StoreError(_why_none(id, steps))
        emas = tuple(_emas(record, found))
    return RecordedRound(round=found.round, place=found.place, total=found.total, emas=emas)


def read_miner(folder: Path, netuid: int, hotkey: str, until: float = inf) -> MinerRecord:
    """As `RecordReader.miner` has it. Raises StoreError."""
    with open_record(folder / FILE_NAME, brief=True) as record:
        appearances = record.replies.appearances(netuid, hotkey, APPEARANCES, until=until)
        rule, profile = record.carried.score_rule(netuid), record.carried.profile(netuid)
    counted = [one for one in reversed(appearances) if one.counted == "yes" and one.profile == profile]
    samples = [(one.at, one.emission) for one in counted]
    averages = tuple(_averages(samples, rule)) if rule else ()
    return MinerRecord(appearances=tuple(appearances), averages=averages[::-1])


def recorded_rounds(folder: Path, oldest: float) -> tuple[Mapping[str, str], Iterator[Round]]:
    """Names by hotkey, and the whole rounds since `oldest` (unix time) of the subnet recorded last, oldest first.

    Rounds are read one by one, so that a running engine is not held up. Raises StoreError, also while iterating.
    """
    with open_record(folder / FILE_NAME, brief=True) as record:
        netuid = record.rounds.newest_subnet()
        if netuid is None:
            return {}, iter(())
        return record.neurons.names(netuid), _each(folder, record.rounds.ids(netuid, oldest))


def no_rounds(where: Path | str, since: str | None) -> str:
    """The message for a folder or file without rounds, or without any since `since`."""
    return f"there are no rounds {f'since {since} ' if since else ''}in {where}"


def _each(folder: Path, ids: Sequence[str]) -> Iterator[Round]:
    for id in ids:
        with open_record(folder / FILE_NAME, brief=True) as record:
            found = record.rounds.found(id)
        if found is not None:
            yield found.round


def _why_none(id: str, steps: int) -> str:
    if steps:
        return f"there is no {'newer' if steps > 0 else 'older'} round in the store"
    return f"round {id} is not in the store: it could not be written, or was deleted because of its age"


def _emas(record: Record, found: FoundRound) -> list[EmaStep]:
    rule, at = record.carried.score_rule(found.netuid), found.round.started_at
    if rule is None:
        return [EmaStep(None, None) for _ in found.round.replies]
    limit = rule.depth + 1
    steps = []
    for reply in found.round.replies:
        profile = found.round.judgement.profile
        samples = record.replies.samples_until(found.netuid, reply.hotkey, profile, found.number, limit)
        before = record.replies.samples_until(found.netuid, reply.hotkey, profile, found.number - 1, limit)
        steps.append(EmaStep(average(rule, before, at), average(rule, samples, at)))
    return steps


def _averages(samples: Sequence[Sample], rule: Rule) -> list[float]:
    """The average after each sample; samples are (at, emission) in order of time."""
    after = (average(rule, samples[: place + 1], at) for place, (at, _) in enumerate(samples))
    return [value for value in after if value is not None]
