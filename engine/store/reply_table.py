"""The table replies, read by hotkey or by time: each miner's answers and earnings."""

from collections.abc import Iterator
from contextlib import suppress
from math import inf
from sqlite3 import Connection, Row
from typing import Any

from engine.store.columns import cell, cells, fields, from_json
from engine.store.errors import BadRow
from engine.store.stored import PastReply, StoredReply
from engine.values import At, Finite, ReplyStatus, Request
from engine.values.earned import Appearance, Pay, Word
from engine.weights.averages import Sample


class ReplyTable:
    """Replies are written with their round. A sample (at, emission) is a reply that counts towards its miner's score
    (`Round.counted`); each profile's samples have a scale of their own. Reads raise BadRow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def since(self, since: float) -> Iterator[StoredReply]:
        """The replies of all subnets since a unix time, round by round, in the order in which they were judged."""
        for row in self._connection.execute(_SINCE, (since,)):
            question = row["prompt"] or from_json(row["request"], Request).question
            parts = from_json(row["parts"], dict[str, float])
            yield fields(row, StoredReply, reasons=_reasons_of(row), parts=parts, question=question)

    def appearances(self, netuid: int, hotkey: str, limit: int, *, until: float = inf) -> list[Appearance]:
        """The last rounds in which this hotkey was asked, newest first, `until` a unix time."""
        rows = self._connection.execute(_APPEARANCES, (hotkey, netuid, hotkey, until, limit))
        return [fields(row, Appearance, won=bool(row["won"]), reasons=_reasons_of(row)) for row in rows]

    def last(self, netuid: int, hotkey: str, until: int, limit: int) -> list[PastReply]:
        """A miner's latest replies up to round number `until`, newest first, without damaged ones: their rounds report
        those."""
        found = []
        for row in self._connection.execute(_LAST, (netuid, hotkey, until, limit)):
            with suppress(BadRow):
                found.append(PastReply(*cells(row, At, int, ReplyStatus, Finite, Finite, Word)))
        return found

    def samples(self, netuid: int, hotkey: str, profile: str, since: float, limit: int) -> list[Sample]:
        """The newest samples of this hotkey by this profile after `since`, in the order of their rounds."""
        return self._samples(f"{_SAMPLES} AND at > ?", (netuid, hotkey, profile, since, limit))

    def samples_until(self, netuid: int, hotkey: str, profile: str, number: int, limit: int) -> list[Sample]:
        """As `samples`, but up to the round with this number instead of after a time."""
        return self._samples(f"{_SAMPLES} AND round <= ?", (netuid, hotkey, profile, number, limit))

    def samples_by_hotkey(self, netuid: int, profile: str, since: float, per_hotkey: int) -> dict[str, list[Sample]]:
        """`samples` of everyone who has any."""
        hotkeys = self._connection.execute("SELECT hotkey FROM neurons WHERE netuid = ?", (netuid,)).fetchall()
        known = {
            one: self.samples(netuid, one, profile, since, per_hotkey) for one in (cell(row, Word) for row in hotkeys)
        }
        return {hotkey: samples for hotkey, samples in known.items() if samples}

    def answers_counted(self, netuid: int, since: float, now: float) -> dict[str, list[float]]:
        """By hotkey, when its answers counted after `since` and by `now`, in the order of their rounds.

        Failures are not among them, nor answers that a fast clock dated in the future.
        """
        times: dict[str, list[float]] = {}
        for row in self._connection.execute(_ANSWERS_COUNTED, (since, now, netuid)):
            hotkey, at = cells(row, Word, At)
            times.setdefault(hotkey, []).append(at)
        return times

    def _samples(self, query: str, values: tuple[Any, ...]) -> list[Sample]:
        rows = self._connection.execute(f"{query} ORDER BY round DESC LIMIT ?", values).fetchall()
        return [cells(row, At, Pay) for row in reversed(rows)]


def _reasons_of(row: Row) -> object:
    return from_json(row["reasons"], tuple[str, ...])


_SAMPLES = """
    SELECT at, emission FROM replies WHERE netuid = ? AND hotkey = ? AND profile = ? AND counted = 'yes'
"""
_SINCE = """
    SELECT rounds.id AS round_id, rounds.at, replies.uid, replies.hotkey, replies.status, replies.ms, replies.quality,
        replies.cluster, replies.score, replies.emission, replies.counted, replies.profile, replies.reason,
        replies.reasons, replies.dialect, replies.text, replies.parts, replies.prompt, rounds.request, rounds.truth,
        rounds.source
    FROM rounds CROSS JOIN replies ON replies.round = rounds.number
    WHERE rounds.at >= ? ORDER BY rounds.number, replies.position
"""
_APPEARANCES = """
    SELECT rounds.id AS round_id, replies.at, rounds.kind, rounds.agreement, rounds.winner IS ? AS won, replies.status,
        replies.ms, replies.quality, replies.cluster, replies.score, replies.emission, replies.counted, replies.profile,
        replies.reason, replies.reasons, replies.dialect
    FROM replies JOIN rounds ON rounds.number = replies.round
    WHERE replies.netuid = ? AND replies.hotkey = ? AND replies.at <= ? ORDER BY replies.round DESC LIMIT ?
"""
_LAST = """
    SELECT at, uid, status, ms, emission, dialect FROM replies
    WHERE netuid = ? AND hotkey = ? AND round <= ? ORDER BY round DESC LIMIT ?
"""
_ANSWERS_COUNTED = """
    SELECT replies.hotkey, replies.at FROM rounds CROSS JOIN replies ON replies.round = rounds.number
    WHERE rounds.at > ? AND rounds.at <= ? AND rounds.netuid = ? AND replies.status = 'ok' AND replies.counted = 'yes'
    ORDER BY rounds.number
"""
